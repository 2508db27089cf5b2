/**
 * What mails told a booking, and what was taken back.
 *
 * ```text
 * booking_enriched ──▶ intended ── enrichment_applied ──▶ applied
 *                         │                                  │
 *                         └────────── enrichment_undone ─────┴──▶ undone ── enrichment_taken_back ──▶ (over)
 * ```
 *
 * Each is recorded before the host's booking is touched, and confirmed afterwards:
 * whoever dies in between is found out by looking at the booking. The booking
 * itself is the host's and is not kept here; only the values that a mail put in
 * the place of others, with those others, so that they can come back.
 */
import { type DateTime, Equal, Option, Result, Schema } from "effect"

import { Day } from "../Connection.ts"
import { StreamId } from "../EventStore.ts"
import { ItemId } from "../Feed.ts"
import { AccountId, ConnectionId } from "../Ids.ts"
import * as Personal from "../Personal.ts"
import { BookingId, Field, Values } from "./Bookings.ts"

const at = { at: Schema.DateTimeUtcFromString }

/** A message of an account. */
export const FactRef = Schema.Struct({ accountId: AccountId, messageId: ItemId })
export type FactRef = typeof FactRef.Type

const change = Schema.Struct({
  /** What the fields would be if no mail had told anything. */
  before: Values,
  after: Values,
  /** The stay as the calendar had it then. */
  stay: Schema.Struct({ checkIn: Day, checkOut: Day }),
})
export type Change = typeof change.Type

const enrichment = {
  /** The message that says so. */
  fact: FactRef,
  connectionId: ConnectionId,
  /** The version of the extractor that read it. */
  extractor: Schema.Natural,
  /** What the booking was recognised by. */
  match: Schema.Literals(["code", "dates", "arrival", "only_calendar", "person"]),
  /** Of the values, the least: from 0 to 1. */
  confidence: Schema.Finite,
  fields: Schema.Array(Field),
  personal: Personal.of(change),
}

/** Which of a booking's enrichments, from 1. */
const number = { number: Schema.Natural }

export const Why = Schema.Literals([
  /** What the mails say together is not that any more. */
  "withdrawn",
  /** Somebody wrote another value since. */
  "changed",
  /** An operator took it back: that version of the extractor does not make it again, from that connection at least. */
  "operator",
  /** The booking cannot be written to any more. */
  "gone",
])
export type Why = typeof Why.Type

const undone = {
  ...number,
  why: Why,
  /** Not only from that connection: that version of the extractor tells the booking nothing any more, from none. */
  everywhere: Schema.optionalKey(Schema.Boolean),
}

/**
 * What happened to a booking by mail.
 *
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  /** A mail tells the booking something: what is to be written into it. */
  booking_enriched: { ...at, ...number, ...enrichment },
  /** The booking has these values. */
  enrichment_applied: { ...at, ...number },
  /** It is not to have them after all. */
  enrichment_undone: { ...at, ...undone },
  /** `restored`: it has the values from before. `kept`: there was nothing left to take back, or nothing to take it from. */
  enrichment_taken_back: { ...at, ...number, outcome: Schema.Literals(["restored", "kept"]) },
  /** The personal data of this booking's enrichments was destroyed. */
  forgotten: at,
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  Enrich: { ...at, ...enrichment },
  ConfirmApplied: { ...at, ...number },
  Undo: { ...at, ...undone },
  ConfirmTakenBack: { ...at, ...number, outcome: Schema.Literals(["restored", "kept"]) },
  Forget: at,
})
export type Command = typeof Command.Type

/** Nothing more can be recorded about a booking whose enrichments were forgotten. */
export class BookingForgotten extends Schema.TaggedError<BookingForgotten>()("BookingForgotten", {}) {}

export type Rejection = BookingForgotten

export interface Enrichment extends Omit<Extract<Event, { readonly _tag: "booking_enriched" }>, "_tag" | "personal"> {
  readonly status: "intended" | "applied" | "undone"
  /** None where personal data was not read. */
  readonly change: Change | undefined
}

export interface State {
  /** Those that are not over, oldest first. */
  readonly enrichments: ReadonlyArray<Enrichment>
  /** How many there ever were. */
  readonly count: number
  /** What operators took back: what it is from which connection, or from any, and by which extractor. */
  readonly barred: ReadonlyArray<Bar>
  readonly forgotten: boolean
}

export interface Bar {
  readonly connectionId: ConnectionId | "any"
  readonly extractor: number
  readonly at: DateTime.Utc
}

export const initial: State = { enrichments: [], count: 0, barred: [], forgotten: false }

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "booking_enriched": {
      const { _tag: _, personal, ...rest } = event
      const change = Option.getOrUndefined(Personal.value(personal))
      const enrichment: Enrichment = { ...rest, status: "intended", change }
      return { ...state, enrichments: [...state.enrichments, enrichment], count: event.number }
    }
    case "enrichment_applied":
      return withStatus(state, event.number, "applied")
    case "enrichment_undone": {
      const undone = state.enrichments.find(({ number }) => number === event.number)
      const after = withStatus(state, event.number, "undone")
      if (undone === undefined || event.why !== "operator") return after
      const { connectionId, extractor } = undone
      const bar = { connectionId: event.everywhere === true ? ("any" as const) : connectionId, extractor, at: event.at }
      return { ...after, barred: [...state.barred, bar] }
    }
    case "enrichment_taken_back":
      return { ...state, enrichments: state.enrichments.filter(({ number }) => number !== event.number) }
    case "forgotten":
      return { ...state, enrichments: [], forgotten: true }
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const one =
    "number" in command ? state.enrichments.find((enrichment) => enrichment.number === command.number) : undefined
  switch (command._tag) {
    case "Enrich": {
      if (state.forgotten) return Result.fail(new BookingForgotten())
      const change = Option.getOrUndefined(Personal.value(command.personal))
      const stands = state.enrichments.some(
        (other) =>
          other.status !== "undone" &&
          Equal.equals(other.fact, command.fact) &&
          Equal.equals(other.change?.after, change?.after),
      )
      return accept(stands ? undefined : { ...command, number: state.count + 1, _tag: "booking_enriched" })
    }
    case "ConfirmApplied":
      return accept(one?.status === "intended" ? { ...command, _tag: "enrichment_applied" } : undefined)
    case "Undo":
      return accept(
        one === undefined || one.status === "undone" ? undefined : { ...command, _tag: "enrichment_undone" },
      )
    case "ConfirmTakenBack":
      return accept(one?.status === "undone" ? { ...command, _tag: "enrichment_taken_back" } : undefined)
    case "Forget":
      return accept(state.forgotten ? undefined : { ...command, _tag: "forgotten" })
  }
}

export const claims = (): ReadonlyArray<string> => []

export const name = "booking"

export const streamId = (id: BookingId): StreamId => StreamId.make(`${name}-${id}`)

/** The booking that a stream of this category is about. */
export const idOf = (streamId: StreamId): BookingId => BookingId.make(streamId.slice(name.length + 1))

const withStatus = (state: State, number: number, status: Enrichment["status"]): State => ({
  ...state,
  enrichments: state.enrichments.map((one) => (one.number === number ? Object.assign({}, one, { status }) : one)),
})

const accept = (event: Event | undefined) => Result.succeed(event === undefined ? [] : [event])
