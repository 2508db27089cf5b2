/**
 * Every decision of a log made again under another policy.
 */
import { AccountMatching, Backtest, Connection, type EventStore, Ids, Policy, Profile } from "@holdfast/domain"
import { Population } from "@holdfast/domain/testing"
import { DateTime, Effect, Schema, Stream } from "effect"

import { uuid } from "../BankAccounts.ts"
import { spent } from "../Contest.ts"
import { type Line } from "../Histories.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"
import * as Seed from "../Seed.ts"
import * as Server from "../Server.ts"

export const backtesting: Measure = {
  number: 9,
  title: "backtest",
  run: Effect.fn("Backtesting")(function* ({ admin, quick }) {
    const matchings = recorded(quick ? 200 : 5_000)
    const size = quick ? 1_000 : 60_000
    const { context, url } = yield* Server.holdfast(admin)
    yield* Seed.fill(url, lines(matchings, size))
    const stricter = { ...Policy.recon1, version: "stricter", thresholds: stricterThresholds }

    const again = Stream.runFold(
      Backtest.run(stricter),
      () => ({ decisions: 0, others: 0 }),
      ({ decisions, others }, retried) => ({
        decisions: decisions + retried.decisions,
        others: others + retried.differences.length,
      }),
    ).pipe(Effect.provide(context))
    const { result } = yield* spent(again)
    const runs = yield* Effect.forEach(Array.from({ length: quick ? 1 : 3 }), () => spent(again))
    const million = (millis: number) => (millis / result.decisions) * 1_000
    return [
      {
        measure: 9,
        what: "backtest of 1,000,000 decisions",
        unit: "s",
        samples: runs.map(({ millis }) => million(millis)),
        cpu: runs.map(({ cpu }) => million(cpu)),
        bar: { atMost: 120 },
        note: `from ${result.decisions.toLocaleString("en")} in PostgreSQL, ${result.others.toLocaleString("en")} of them other ones`,
      },
    ] satisfies ReadonlyArray<Finding>
  }),
}

const stricterThresholds = {
  ...Policy.recon1.thresholds,
  high: { score: Policy.recon1.thresholds.high.score + 4_000, margin: Policy.recon1.thresholds.high.margin + 4_000 },
}

interface Matching {
  readonly data: EventStore.EncodedEvent["data"]
  readonly decisions: number
}

/** Matchings as they are recorded: of invented reconnections, with what was booked where the provider told it. */
const recorded = (count: number): ReadonlyArray<Matching> =>
  Array.from(
    Population.reconnections(Population.defaults, { seed: 9, tenants: count }),
    ({ held, incoming, intent }) => {
      const seen = ({ description }: { readonly description: Profile.Description }) => ({
        profile: Profile.profileOf(description, (_, canonical) => canonical),
        bookings: description.bookings,
        balance: description.balance,
      })
      const ids = new Map(held.map(({ accountId }, index) => [accountId, uuid("a0000000", index)]))
      const grounds = AccountMatching.observe({
        held: held.map((one) => ({ ...one, ...seen(one), accountId: ids.get(one.accountId) ?? "" })),
        incoming: incoming.map((one) => ({ ...one, ...seen(one) })),
        reconnecting: intent?.reconnect,
      })
      const decided = AccountMatching.decide(Policy.recon1, grounds).filter(({ action }) => action !== "reject")
      const { _tag: _, ...data } = encode({
        _tag: "accounts_matched",
        at: DateTime.makeUnsafe("2026-01-01T12:00:00Z"),
        policy: Policy.recon1.version,
        grounds,
        decisions: decided.map(({ action, level, source, target }, index) => ({
          source,
          feedId: Ids.FeedId.make(uuid("f0000000", index)),
          action: action === "reject" ? "review" : action,
          level,
          ...(target !== undefined && { accountId: Ids.AccountId.make(target) }),
        })),
        notShared: [],
      })
      return { data: data satisfies EventStore.EncodedEvent["data"], decisions: decided.length }
    },
  )

const encode = Schema.encodeSync(Connection.Event)

/** The matchings over and over, each in a stream of its own, until so many decisions are made. */
function* lines(matchings: ReadonlyArray<Matching>, decisions: number): Generator<Line> {
  let made = 0
  for (let index = 0; made < decisions; index++) {
    const matching = matchings[index % matchings.length]
    if (matching === undefined) return
    made += matching.decisions
    yield {
      streamId: `connection-${uuid("c0000000", index)}`,
      version: 1,
      eventId: uuid("e0000000", index),
      type: "accounts_matched",
      data: matching.data,
    }
  }
}
