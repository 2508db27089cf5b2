/** Keeps the questions that people are asked at what a decision left open. */
import { DateTime, Effect } from "effect"

import * as Aggregate from "../Aggregate.ts"
import { derivedUuid } from "../DerivedId.ts"
import { ReviewId, system } from "../Ids.ts"
import type * as BookingMatching from "./BookingMatching.ts"
import { addressOf } from "./BookingMatching.ts"
import { type BookingId } from "./Bookings.ts"
import * as EnrichmentReview from "./EnrichmentReview.ts"
import { type Heard } from "./EnrichmentSituation.ts"
import { appendAll } from "./EnrichmentStreams.ts"

/** Asks what is not asked yet, and closes what is no question any more. */
export const askAbout = Effect.fnUntraced(function* (
  heard: ReadonlyArray<Heard>,
  questions: ReadonlyArray<BookingMatching.Question>,
  assigned: ReadonlyMap<string, BookingId>,
) {
  const at = yield* DateTime.now
  const open = heard.flatMap((one) =>
    one.loaded.state.reviews.flatMap((review) => (review.isOpen ? [{ one, review }] : [])),
  )
  const asking = new Map<Heard, Array<EnrichmentReview.Command>>()
  const say = (one: Heard, command: EnrichmentReview.Command) => asking.set(one, [...(asking.get(one) ?? []), command])
  const answered = new Set(open)
  for (const { about, candidates, doubt, fact } of questions) {
    const same = open.find(
      (other) => answered.has(other) && other.review.doubt === doubt && about.has(other.one.address),
    )
    if (same !== undefined) {
      answered.delete(same)
      say(same.one, { ...questionOf(same.review), _tag: "Ask", at, candidates })
      continue
    }
    const one = heard.find(({ address }) => address === addressOf(fact))
    if (one === undefined) continue
    const { account_id: accountId, connection_id: connectionId, message_id: messageId } = fact
    const reviewId = ReviewId.make(yield* derivedUuid("enrichment_review", connectionId, accountId, messageId, doubt))
    say(one, { _tag: "Ask", at, reviewId, fact: { accountId, messageId }, connectionId, doubt, candidates })
  }
  for (const { one, review } of answered) {
    const bookingId = assigned.get(one.address)
    const outcome = bookingId === undefined ? "lapsed" : "applied"
    say(one, { _tag: "Close", at, reviewId: review.reviewId, outcome, ...(bookingId !== undefined && { bookingId }) })
  }
  const changes = yield* Effect.forEach(asking, ([{ loaded }, commands]) =>
    Effect.fromResult(decideReview(loaded, ...commands)),
  )
  yield* appendAll(changes, { actor: system })
  const events = changes.flatMap((change) => change.events)
  const wasOpen = new Set(open.map(({ review }) => review.reviewId))
  const isNew = ({ _tag, reviewId }: EnrichmentReview.Event) =>
    _tag === "enrichment_review_opened" && !wasOpen.has(reviewId)
  return {
    opened: events.filter(isNew).length,
    closed: events.filter(({ _tag }) => _tag === "enrichment_review_resolved").length,
  }
})

const questionOf = ({ connectionId, doubt, fact, reviewId }: EnrichmentReview.Review) => ({
  connectionId,
  doubt,
  fact,
  reviewId,
})

const decideReview = Aggregate.decide(EnrichmentReview)
