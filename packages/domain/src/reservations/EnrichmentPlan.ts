/**
 * From what a booking is and what it should be told to what is recorded and
 * written. Pure: whoever is interrupted plans again, and comes to the same.
 */
import { Equal } from "effect"

import * as Personal from "../Personal.ts"
import { addressOf, type Fact, type Match, type Plain, reasonOf, type Stay, type Telling } from "./BookingMatching.ts"
import { type Booking, type Field, Field as Fields, type Values } from "./Bookings.ts"
import { type Command, type Enrichment, type State } from "./EnrichedBooking.ts"

/** What one booking is to be told; undefined: it stays as it is, but for what operators took back. */
export type Wanted = ReadonlyArray<Telling> | undefined

export interface Plan {
  /** Recorded first. */
  readonly intents: ReadonlyArray<WithoutTime>
  /** Then written; nothing where the booking is right already. */
  readonly set: Values
  readonly reason: string | null
}

type WithoutTime = Command extends infer C ? (C extends Command ? Omit<C, "at"> : never) : never

/** Which of the messages that told a booking something can still be read. */
export type IsRead = (fact: Enrichment["fact"]) => boolean

export const addressOfRef = ({ accountId, messageId }: Enrichment["fact"]): string =>
  addressOf({ account_id: accountId, message_id: messageId })

/** The booking as it would be without what mails told it. What a mail told that can be read no more is its own. */
export const plain = (booking: Booking, { enrichments }: State, isRead: IsRead): Plain => {
  const kept = enrichments.filter((one) => one.status !== "undone" && !isRead(one.fact))
  const told = enrichments.filter((one) => !kept.includes(one))
  const confidence: Partial<Record<Field, number>> = { ...booking.confidence }
  for (const one of kept) for (const field of held(booking, one)) confidence[field] = one.confidence
  return {
    ...booking,
    ...before(booking, told),
    confidence,
    formerly: told.flatMap(({ change, status }): ReadonlyArray<Stay> =>
      status === "undone" || change === undefined || isSameStay(change.stay, booking) ? [] : [change.stay],
    ),
  }
}

export const plan = (booking: Booking, state: State, wanted: Wanted, isRead: IsRead): Plan => {
  const undone = state.enrichments.filter(({ status }) => status === "undone")
  const open = state.enrichments.filter(({ status }) => status !== "undone")
  if (wanted === undefined) {
    const stranded = open.filter((one) => one.status === "intended" && !isHeld(booking, one))
    return {
      intents: stranded.map(({ number }) => ({ _tag: "Undo", number, why: "gone" })),
      set: differing(booking, before(booking, [...undone, ...stranded])),
      reason: reasonFor(open.filter((one) => !stranded.includes(one))),
    }
  }
  const base = plain(booking, state, isRead)
  const groups = [...Map.groupBy(wanted, ({ fact, match }) => `${addressOf(fact)} ${match}`).values()]
  const standing = groups.map((group) => open.find((one) => isTellingThis(one, group)))
  const kept = open.filter((one) => standing.includes(one) || (!isRead(one.fact) && held(booking, one).length > 0))
  const withdrawn = open.filter((one) => !kept.includes(one))
  const target: Record<Field, string | number | null> = {
    guestName: base.guestName,
    guestCount: base.guestCount,
    code: base.code,
  }
  for (const { field, value } of wanted) target[field] = value
  return {
    intents: [
      ...withdrawn.map((one): WithoutTime => ({
        _tag: "Undo",
        number: one.number,
        why: one.status === "intended" || held(booking, one).length > 0 ? "withdrawn" : "changed",
      })),
      ...groups.flatMap((group, at) => (standing[at] === undefined ? enriching(booking, base, group) : [])),
    ],
    set: differing(booking, target),
    reason: wanted[0] === undefined ? reasonFor(kept) : reasonOf[wanted[0].match],
  }
}

/** What is found out by looking at the booking afterwards; undefined where it is gone. */
export const confirmations = (booking: Booking | undefined, { enrichments }: State): ReadonlyArray<WithoutTime> =>
  enrichments.flatMap((one): ReadonlyArray<WithoutTime> => {
    const { number, status } = one
    if (status === "undone") return [takenBack(booking, one)]
    if (booking === undefined) return [{ _tag: "Undo", number, why: "gone" }, takenBack(booking, one)]
    return status === "intended" && isHeld(booking, one) ? [{ _tag: "ConfirmApplied", number }] : []
  })

const takenBack = (booking: Booking | undefined, { change, fields, number }: Enrichment): WithoutTime => {
  const isRestored =
    booking !== undefined &&
    change !== undefined &&
    fields.every((field) => booking[field] === (change.before[field] ?? null))
  return { _tag: "ConfirmTakenBack", number, outcome: isRestored ? "restored" : "kept" }
}

const fields = Fields.literals

/** The fields in which a booking has what was told, and which nobody wrote by hand. */
const held = (booking: Booking, { change, fields }: Enrichment): ReadonlyArray<Field> =>
  fields.filter(
    (field) =>
      change !== undefined &&
      change.after[field] !== undefined &&
      booking[field] === change.after[field] &&
      !booking.editedByPerson.includes(field),
  )

const isHeld = (booking: Booking, one: Enrichment) => held(booking, one).length === one.fields.length

/** The fields as they would be without these. */
const before = (booking: Booking, told: ReadonlyArray<Enrichment>) => {
  const values = { guestName: booking.guestName, guestCount: booking.guestCount, code: booking.code }
  for (const one of told) {
    for (const field of held(booking, one)) Object.assign(values, { [field]: one.change?.before[field] ?? null })
  }
  return values
}

const differing = (booking: Booking, target: Readonly<Record<Field, string | number | null>>): Values =>
  Object.fromEntries(
    fields.flatMap((field) => (booking[field] === target[field] ? [] : [[field, target[field]] as const])),
  )

const isTellingThis = ({ change, fact, fields }: Enrichment, group: ReadonlyArray<Telling>) =>
  fields.length === group.length &&
  group.every(({ field, supporters, value }) => change?.after[field] === value && supporters.has(addressOfRef(fact)))

const enriching = (booking: Booking, base: Plain, group: ReadonlyArray<Telling>): ReadonlyArray<WithoutTime> => {
  const [first] = group
  if (first === undefined) return []
  const fields = group.map(({ field }) => field)
  return [
    {
      _tag: "Enrich",
      fact: refOf(first.fact),
      connectionId: first.fact.connection_id,
      extractor: first.fact.extractor,
      match: first.match,
      confidence: Math.min(...group.map(({ confidence }) => confidence)),
      fields,
      personal: Personal.reveal({
        before: Object.fromEntries(fields.map((field) => [field, base[field]])),
        after: Object.fromEntries(group.map(({ field, value }) => [field, value])),
        stay: { checkIn: booking.checkIn, checkOut: booking.checkOut },
      }),
    },
  ]
}

const refOf = ({ account_id, message_id }: Fact): Enrichment["fact"] => ({
  accountId: account_id,
  messageId: message_id,
})

const reasonFor = (open: ReadonlyArray<{ readonly match: Match }>) => {
  const last = open.at(-1)
  return last === undefined ? null : reasonOf[last.match]
}

const isSameStay = (one: Stay, { checkIn, checkOut }: Stay) => Equal.equals(one, { checkIn, checkOut })
