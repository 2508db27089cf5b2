/** What every command may be told: where the store is, and how to answer. */
import * as Path from "node:path"

import { type Projection } from "@holdfast/domain"
import { Config, Context, Effect, Option, Redacted, Schema } from "effect"
import { Flag, GlobalFlag } from "effect/cli"

/** A view that the command can make, whatever it reads. */
export type AnyProjection = Projection.Projection<Projection.Row, { readonly _tag: string }>

/** The views of this command, by which hosts make it their own. */
export class Projections extends Context.Service<Projections, ReadonlyArray<AnyProjection>>()(
  "@holdfast/store-postgres/cli/Projections",
) {}

export const Database = GlobalFlag.Setting("database")({
  flag: Flag.Redacted("database").pipe(
    Flag.withMetavar("url"),
    Flag.withDescription(
      "The PostgreSQL server and database. Default: DATABASE_URL, which other users of the machine cannot see",
    ),
    Flag.optional,
  ),
})

export const DataDir = GlobalFlag.Setting("data-dir")({
  flag: Flag.String("data-dir").pipe(
    Flag.withMetavar("directory"),
    Flag.withDescription("The embedded database, where no server is named. Default: .holdfast/data"),
    Flag.optional,
  ),
})

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON: one document on a line, and one line for each thing that is listed"),
    Flag.withDefault(false),
    Flag.withoutNegation,
  ),
})

/** Where the store is, as it was told. */
export type Settings = GlobalFlag.Setting.Identifier<"database" | "data-dir">

/** What was asked cannot be meant. Nothing was done. */
export class Usage extends Schema.TaggedError<Usage>()("Usage", { problem: Schema.String }) {
  override get message() {
    return this.problem
  }
}

/** Where the store is. */
export type Target =
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted; readonly name: string }
  | { readonly _tag: "Directory"; readonly dataDir: string; readonly name: string }

export const target = Effect.gen(function* () {
  const flag = yield* Database
  const directory = yield* DataDir
  if (Option.isSome(flag) && Option.isSome(directory)) {
    return yield* new Usage({ problem: "Give either --database or --data-dir: a store is in one place." })
  }
  if (Option.isSome(flag) && Redacted.value(flag.value) === "") {
    return yield* new Usage({ problem: `--database is empty: ${anAddress}, or leave it out. Nothing was done.` })
  }
  if (Option.isSome(directory) && directory.value.trim() === "") {
    return yield* new Usage({ problem: "--data-dir is empty: name a directory, or leave it out. Nothing was done." })
  }
  const configured = Option.isSome(directory) ? Option.none() : yield* Config.option(Config.Redacted("DATABASE_URL"))
  const url = Option.filter(
    Option.orElse(flag, () => configured),
    (url) => Redacted.value(url) !== "",
  )
  if (Option.isSome(url)) {
    const name = placeOf(Redacted.value(url.value))
    if (name === undefined) {
      const where = Option.isSome(flag) ? "--database" : "DATABASE_URL"
      return yield* new Usage({
        problem: `${where} is not an address: ${anAddress}. Nothing was done.`,
      })
    }
    return { _tag: "Server", url: url.value, name } satisfies Target
  }
  const dataDir = Option.isSome(directory) ? directory.value : Path.join(yield* home, "data")
  return { _tag: "Directory", dataDir, name: dataDir } satisfies Target
})

const anAddress = "give one like postgres://user:password@host:5432/database"

/** Where the host keeps its own: the database, unless it is elsewhere, and beside it the master key. */
export const home = Config.String("HOLDFAST_DIR").pipe(Config.withDefault(".holdfast"))

/** The address without who and how. */
const placeOf = (url: string) => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol)) return undefined
  return `${parsed.host === "" ? "localhost" : parsed.host}${parsed.pathname}`
}
