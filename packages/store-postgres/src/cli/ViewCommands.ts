/** What views there are, and how they are made anew, compared, taken back and mended. */
import { EventStore, type Projection, ProjectionRunner, Rebuild, Verify, ViewStore } from "@holdfast/domain"
import { Effect, type Layer, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { type SqlClient } from "effect/sql"

import { Failed } from "./Failed.ts"
import * as Inputs from "./Inputs.ts"
import * as Opened from "./Opened.ts"
import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { Projections, type Settings, Usage } from "./Settings.ts"

const view = Argument.String("view").pipe(Argument.withDescription("The name of a view, as `projections` lists it"))

export const projections = Command.make("projections", {}, () =>
  Effect.gen(function* () {
    const known = yield* Projections
    const store = yield* ViewStore.ViewStore
    const log = yield* EventStore.EventLog
    const head = yield* log.head
    const builds = yield* store.builds
    const letters = yield* store.deadLetters()
    const isUnbuilt = ({ name }: Projection.View) => !builds.some((build) => build.view === name)
    const rows = [
      ...builds.map((build) => ({
        view: build.view,
        build: build.number,
        version: build.version,
        state: build.state,
        position: Number(build.position),
        behind: build.state === "retired" ? null : Number(head - build.position),
        deadLetters: letters.filter((letter) => letter.view === build.view && letter.build === build.number).length,
        paused: build.paused ?? null,
        known: known.find(({ name }) => name === build.view)?.version ?? null,
      })),
      ...known.filter(isUnbuilt).map(({ name, version }) => ({
        view: name,
        build: null,
        version,
        state: "none",
        position: 0,
        behind: Number(head),
        deadLetters: 0,
        paused: null,
        known: version,
      })),
    ].toSorted((a, b) => (a.view < b.view ? -1 : a.view > b.view ? 1 : 0))
    const table = Output.table(
      ["VIEW", "BUILD", "VERSION", "STATE", "POSITION", "BEHIND", "PASSED OVER"],
      rows.map((row) => [
        row.view,
        row.build === null ? "-" : String(row.build),
        row.known === null || row.known === row.version ? String(row.version) : `${row.version} (${row.known} here)`,
        row.paused === null ? row.state : "PAUSED",
        row.position,
        row.behind === null ? "-" : Output.numeral(row.behind),
        row.deadLetters,
      ]),
    )
    const paused = rows.flatMap((row) => (row.paused === null ? [] : [`${row.view} is paused: ${row.paused}`]))
    yield* Output.list([table, ...paused].join("\n"), rows)
  }).pipe(Effect.provide(Opened.services)),
).pipe(
  Command.withShortDescription("List views, and how far each has come"),
  Command.withDescription(
    "Lists the builds of all views, and how far each has come. JSON lines: view, build, version, state (live, building, retired, none), position, behind, deadLetters, paused, known (the version in this program)",
  ),
)

export const rebuild = Command.make("rebuild", { view }, ({ view }) =>
  withProjection(view, (projection) =>
    Effect.gen(function* () {
      const build = yield* Progress.shown((tell) => Rebuild.rebuild(projection, { onProgress: telling(tell) }))
      yield* Output.print(
        `${build.view} is rebuilt: build ${build.number} is live at position ${Output.numeral(build.position)}. To go back: holdfast rollback ${build.view}`,
        toJson(build),
      )
    }),
  ),
).pipe(
  Command.withShortDescription("Make a view anew beside the live one, and swap them"),
  Command.withDescription(
    "Makes a view anew from the log, beside the live one, and swaps them when it has come as far. Readers notice nothing. Interrupting it leaves the live view as it was, and the next rebuild goes on from there. JSON: view, build, version, position",
  ),
)

export const verify = Command.make("verify", { view }, ({ view }) =>
  withProjection(view, (projection) =>
    Effect.gen(function* () {
      const { build, deadLetters, different, equal, extra, missing } = yield* Progress.shown((tell) =>
        Verify.verify(projection, { onProgress: telling(tell) }),
      )
      const wrong = missing.length + extra.length + different.length
      const about = (what: string, rows: typeof missing) =>
        rows.slice(0, 5).map(({ row, tenantId }) => `  ${what}  ${tenantId}  ${Object.values(row).join(" ")}`)
      yield* Output.print(
        [
          `${Output.plural(equal, "row")} of ${view} are as the log says, at position ${Output.numeral(build.position)}.`,
          ...(wrong === 0
            ? []
            : [
                `${Output.numeral(missing.length)} missing, ${Output.numeral(extra.length)} too many, ${Output.numeral(different.length)} different:`,
                ...about("missing  ", missing),
                ...about("too many ", extra),
                ...about("different", different),
                `To put it right: holdfast rebuild ${view}`,
              ]),
          ...(deadLetters.length === 0
            ? []
            : [`${Output.plural(deadLetters.length, "event")} passed over, here and there.`]),
        ].join("\n"),
        {
          ...toJson(build),
          equal,
          missing: missing.map(keyToJson),
          extra: extra.map(keyToJson),
          different: different.map(keyToJson),
          deadLetters: deadLetters.length,
        },
      )
      if (wrong > 0) return yield* new Failed()
    }),
  ),
).pipe(
  Command.withShortDescription("Compare every row of a view with the log"),
  Command.withDescription(
    "Compares every row of a view with what the log says it should be. Changes nothing. Exit code 1 if a row differs. JSON: view, build, version, position, equal, missing, extra, different: [tenant, key], deadLetters",
  ),
)

export const rollback = Command.make("rollback", { view }, ({ view }) =>
  withProjection(view, (projection) =>
    Effect.gen(function* () {
      const build = yield* Rebuild.rollback(projection)
      yield* Output.print(
        `Build ${build.number} of ${view} (version ${build.version}) is live again, at position ${Output.numeral(build.position)}. A runner of that version catches it up.`,
        toJson(build),
      )
    }),
  ),
).pipe(
  Command.withShortDescription("Take the last swap of a view back"),
  Command.withDescription(
    "Makes the build that was live before the last swap live again, at once. JSON: view, build, version, position",
  ),
)

const position = Argument.Int("position").pipe(
  Argument.withDescription("The event; all that were passed over if it is left out"),
  Argument.withSchema(Inputs.ordinal),
  Argument.optional,
)

export const retry = Command.make("retry", { view, position }, ({ position, view }) =>
  withProjection(view, (projection) =>
    Effect.gen(function* () {
      const store = yield* ViewStore.ViewStore
      const builds = yield* store.builds
      const live = builds.find((build) => build.view === view && build.state === "live")
      const waiting = (yield* store.deadLetters(view)).filter(({ build }) => build === live?.number)
      const wanted = Option.match(position, {
        onNone: () => waiting.map((letter) => letter.position),
        onSome: (position) => [EventStore.Position.make(BigInt(position))],
      })
      const results = yield* Effect.forEach(wanted, (at) =>
        Effect.map(retryOne(projection, at), (outcome) => ({ view, position: Number(at), outcome })),
      )
      const text =
        results.length === 0
          ? `Nothing of ${view} was passed over.`
          : Output.table(
              ["POSITION", "OUTCOME"],
              results.map((result) => [result.position, result.outcome]),
            )
      yield* Output.list(text, results)
      if (results.some(({ outcome }) => outcome === "still-failing")) return yield* new Failed()
    }),
  ),
).pipe(
  Command.withShortDescription("Try again what a view passed over"),
  Command.withDescription(
    "Tries again the events that a view passed over or stopped at, one or all. Exit code 1 if one still cannot be applied. JSON lines: view, position, outcome (applied, still-failing)",
  ),
)

/** A build that waited before the event is let go on, and caught up to it to see. */
const retryOne = Effect.fnUntraced(function* (projection: Projection.Projection, position: EventStore.Position) {
  const outcome = yield* ProjectionRunner.retry(projection, position)
  if (outcome !== "let-go-on") return outcome
  return yield* ProjectionRunner.catchUp(projection, { until: position }).pipe(
    Effect.as("applied" as const),
    Effect.catchTag("ProjectionPaused", () => Effect.succeed("still-failing" as const)),
  )
})

type Services = Exclude<Layer.Success<typeof Opened.services>, SqlClient.SqlClient>

/** Runs on a view of this program, with keys where its rows are personal. */
export const withProjection = <A, E, R>(
  name: string,
  run: (projection: Projection.Projection) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const known = yield* Projections
    const projection = known.find((projection) => projection.name === name)
    if (projection === undefined) {
      const names = known.map(({ name }) => name).join(", ")
      return yield* new Usage({
        problem: `<view>: this program does not define one of that name. It has: ${names}. A host's own views are in the host's own command.`,
      })
    }
    const services: Layer.Layer<Services, Layer.Error<typeof Opened.servicesWithKeys>, Settings> = projection.personal
      ? Opened.servicesWithKeys
      : Opened.services
    return yield* Effect.provide(run(projection), services)
  })

export const telling =
  (tell: (step: Progress.Step) => Effect.Effect<void>) =>
  ({ events, phase, position, until }: Rebuild.Progress) => {
    if (phase === "filling" || phase === "comparing") return tell({ phase, count: events, unit: "rows" })
    return tell({ phase, count: events, unit: "events", done: Number(position), of: Number(until) })
  }

const toJson = ({ number, position, version, view }: ViewStore.Build) => ({ view, build: number, version, position })

const keyToJson = ({ row, tenantId }: Projection.Owned<Projection.Row>) => ({ tenant: tenantId, key: row })
