/**
 * What a person is asked about a message that no booking could be told from, and
 * what they answered. One stream for each message; no personal data.
 */
import { type DateTime, Equal, Result, Schema } from "effect"

import { StreamId } from "../EventStore.ts"
import { ConnectionId, ReviewId } from "../Ids.ts"
import { BookingId } from "./Bookings.ts"
import { FactRef } from "./EnrichedBooking.ts"

const at = { at: Schema.DateTimeUtcFromString }

/** Why a person is asked: see `BookingMatching.Doubt`. */
export const Doubt = Schema.Literals([
  "NO_BOOKING",
  "AMBIGUOUS",
  "LISTING_UNKNOWN",
  "OTHER_LISTING",
  "OTHER_CODE",
  "DATE_MISMATCH",
  "NAME_CONFLICT",
  "LOW_CONFIDENCE",
  "MODIFIED",
])

const question = {
  reviewId: ReviewId,
  fact: FactRef,
  connectionId: ConnectionId,
  doubt: Doubt,
  /** The bookings that it may be about. */
  candidates: Schema.Array(BookingId),
}

const resolution = {
  reviewId: ReviewId,
  /**
   * `applied`: it found its booking by itself. `lapsed`: there is nothing to ask any more. `chosen` and `dismissed`: a
   * person said which, or that it is none.
   */
  outcome: Schema.Literals(["applied", "lapsed", "chosen", "dismissed"]),
  bookingId: Schema.optionalKey(BookingId),
}

/**
 * What happened to the questions about a message.
 *
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({
  /** A person is asked; or asked anew, because the candidates are others now. */
  enrichment_review_opened: { ...at, ...question },
  enrichment_review_resolved: { ...at, ...resolution },
})
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({
  Ask: { ...at, ...question },
  /** The question answered itself. */
  Close: {
    ...at,
    reviewId: ReviewId,
    outcome: Schema.Literals(["applied", "lapsed"]),
    bookingId: Schema.optionalKey(BookingId),
  },
  Answer: {
    ...at,
    reviewId: ReviewId,
    /** None where it is about none of them. */
    bookingId: Schema.optionalKey(BookingId),
    /** How often the question had been asked when the person looked at it (`asked` of the view). */
    seen: Schema.optionalKey(Schema.Natural),
  },
})
export type Command = typeof Command.Type

/** Nobody is asked this, or not any more. Nothing was written. */
export class QuestionNotOpen extends Schema.TaggedError<QuestionNotOpen>()("QuestionNotOpen", { reviewId: ReviewId }) {}

/** The candidates are not what the person saw. Nothing was written. Look again, and answer again. */
export class QuestionChanged extends Schema.TaggedError<QuestionChanged>()("QuestionChanged", { reviewId: ReviewId }) {}

export type Rejection = QuestionNotOpen | QuestionChanged

export interface Review extends Omit<Extract<Event, { readonly _tag: "enrichment_review_opened" }>, "_tag" | "at"> {
  readonly isOpen: boolean
  /** How often, the candidates having changed. */
  readonly asked: number
}

export interface State {
  readonly reviews: ReadonlyArray<Review>
  /** What a person answered last. */
  readonly answer?: { readonly is: BookingId | "none"; readonly at: DateTime.Utc }
}

export const initial: State = { reviews: [] }

export const evolve = (state: State, event: Event): State => {
  const others = state.reviews.filter(({ reviewId }) => reviewId !== event.reviewId)
  const before = state.reviews.find(({ reviewId }) => reviewId === event.reviewId)
  switch (event._tag) {
    case "enrichment_review_opened": {
      const { _tag: _, at: __, ...question } = event
      return { ...state, reviews: [...others, { ...question, isOpen: true, asked: 1 + (before?.asked ?? 0) }] }
    }
    case "enrichment_review_resolved": {
      const { at, bookingId, outcome } = event
      return {
        ...state,
        reviews: before === undefined ? others : [...others, { ...before, isOpen: false }],
        ...((outcome === "chosen" || outcome === "dismissed") && { answer: { is: bookingId ?? "none", at } }),
      }
    }
  }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Rejection> => {
  const { reviewId } = command
  const review = state.reviews.find((review) => review.reviewId === reviewId)
  switch (command._tag) {
    case "Ask":
      return review?.isOpen === true && Equal.equals(review.candidates, command.candidates)
        ? Result.succeed([])
        : Result.succeed([{ ...command, _tag: "enrichment_review_opened" }])
    case "Close":
      return Result.succeed(review?.isOpen === true ? [{ ...command, _tag: "enrichment_review_resolved" }] : [])
    case "Answer": {
      const { seen, ...answer } = command
      if (review?.isOpen !== true) return Result.fail(new QuestionNotOpen({ reviewId }))
      if (seen !== undefined && seen !== review.asked) return Result.fail(new QuestionChanged({ reviewId }))
      const outcome = answer.bookingId === undefined ? "dismissed" : "chosen"
      return Result.succeed([{ ...answer, outcome, _tag: "enrichment_review_resolved" }])
    }
  }
}

export const claims = (): ReadonlyArray<string> => []

export const name = "enrichment"

/** Of a message, by an id that follows from it. */
export const streamId = (id: string): StreamId => StreamId.make(`${name}-${id}`)
