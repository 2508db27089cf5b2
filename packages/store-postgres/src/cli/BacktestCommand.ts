/** What another policy would have decided about everything that was ever decided. */
import { Backtest, EventStore, Explanation } from "@holdfast/domain"
import { Console, Effect, Stream } from "effect"
import { Command, Flag } from "effect/cli"

import { policyFile, policyOf } from "./MatchCommand.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { Json } from "./Settings.ts"

const summary = Flag.Boolean("summary").pipe(
  Flag.withDescription("Only how many would have been decided otherwise, and how"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

export const backtest = Command.make("backtest", { policy: policyFile, summary }, ({ policy, summary }) =>
  Effect.gen(function* () {
    const tried = yield* policyOf(policy)
    const log = yield* EventStore.EventLog
    const head = Number(yield* log.head)
    const asJson = yield* Json
    const kinds = new Map<string, number>()
    let decisions = 0
    let differences = 0
    yield* Progress.shown((tell) =>
      Backtest.run(tried).pipe(
        Stream.runForEach((retried) =>
          Effect.gen(function* () {
            decisions += retried.decisions
            differences += retried.differences.length
            for (const difference of retried.differences) {
              const { was, would } = difference
              const kind = `${was.action} (${was.level}) -> ${would.action} (${would.level})`
              kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
              if (!summary) yield* Console.log(asJson ? toJson(difference) : toText(difference))
            }
            yield* tell({
              phase: "deciding again",
              count: decisions,
              unit: "decisions",
              done: Number(retried.position),
              of: head,
            })
          }),
        ),
      ),
    )
    yield* Output.print(
      [
        `${Output.plural(decisions, "decision")} made again under ${tried.version}: ${Output.numeral(differences)} would have been others. Nothing was changed.`,
        ...[...kinds].toSorted(([, a], [, b]) => b - a).map(([kind, count]) => `  ${Output.numeral(count)} × ${kind}`),
      ].join("\n"),
      { policy: tried.version, decisions, differences, kinds: Object.fromEntries(kinds) },
    )
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("Decide everything again under another policy"),
  Command.withDescription(
    "Decides every matching of the log again under another policy, on the grounds that were recorded with it, and lists what would have been decided otherwise, with reasons. Changes nothing. JSON: a line for each difference, and last policy, decisions, differences, kinds",
  ),
)

const toText = ({ connectionId, position, source, tenantId, was, would }: Backtest.Difference) =>
  [
    `${tenantId} ${connectionId} ${source} at ${position}`,
    `  was: ${was.action} (${was.level}, ${was.policy})${was.account === undefined ? "" : `, ${was.account}`}`,
    ...Explanation.explain(would).map((line) => `  ${line}`),
  ].join("\n")

const toJson = ({ connectionId, position, source, tenantId, was, would }: Backtest.Difference) =>
  JSON.stringify({ tenant: tenantId, connection: connectionId, position: Number(position), source, was, would })
