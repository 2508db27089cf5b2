/** What the server is told by its environment, and the secrets that it makes for itself where it is told none. */
import { randomBytes } from "node:crypto"
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { mkdtemp, rmdir } from "node:fs/promises"
import * as Path from "node:path"

import { QuotaBucket } from "@holdfast/adapters-gmail"
import { MasterKeys } from "@holdfast/domain"
import * as Directory from "@holdfast/store-postgres/Directory"
import { Config, Effect, Option, Redacted, Schema, SchemaIssue } from "effect"

/** The environment says something that cannot be meant. Nothing was started. */
export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  problem: Schema.String,
}) {
  override get message() {
    return this.problem
  }
}

/** 0 leaves the choice to the system. */
const port = (name: string) => Config.schema(Schema.FiniteFromString.pipe(Schema.decodeTo(Schema.Port)), name)

const quotas = { 2025: QuotaBucket.quota2025, 2026: QuotaBucket.quota2026 }

/** That of projects that are new, unless told otherwise. */
const quota = Config.schema(Schema.Literals(["2025", "2026"]), "GOOGLE_QUOTA").pipe(Config.withDefault("2026" as const))

/** Whoever names a topic also says what to believe of what is pushed from it. */
const pushes = Config.option(Config.String("GOOGLE_PUBSUB_TOPIC")).pipe(
  Config.flatMap((topic) =>
    Option.isNone(topic)
      ? Config.succeed(Option.none())
      : Config.map(
          Config.all({
            serviceAccount: Config.String("GOOGLE_PUBSUB_ACCOUNT"),
            audience: Config.String("GOOGLE_PUBSUB_AUDIENCE"),
          }),
          (subscription) => Option.some({ topic: topic.value, ...subscription }),
        ),
  ),
)

const read = Config.all({
  /** This machine only, unless told otherwise: the demonstration believes whoever says who they are. */
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: port("PORT").pipe(Config.withDefault(3000)),
  simulatorPort: port("SIMULATOR_PORT").pipe(Config.withDefault(3001)),
  plaidSimulatorPort: port("PLAID_SIMULATOR_PORT").pipe(Config.withDefault(3002)),
  /** Where everything is kept that is to outlive the process. */
  directory: Config.String("HOLDFAST_DIR").pipe(Config.withDefault(".holdfast")),
  /** A PostgreSQL server, instead of the one in the process. */
  databaseUrl: Config.option(Config.Redacted("DATABASE_URL")),
  /** `<id>:<base64 of 32 bytes>`, several separated by commas, the current one first. */
  masterKeys: Config.option(Config.Redacted("HOLDFAST_MASTER_KEYS")),
  nangoKey: Config.option(Config.Redacted("NANGO_SIGNING_KEY")),
  google: Config.option(Config.String("GOOGLE_CLIENT_ID")).pipe(
    Config.flatMap((clientId) =>
      Option.isNone(clientId)
        ? Config.succeed(Option.none())
        : Config.map(
            Config.all({ clientSecret: Config.Redacted("GOOGLE_CLIENT_SECRET"), quota, pushes }),
            ({ clientSecret, pushes, quota }) =>
              Option.some({
                clientId: clientId.value,
                clientSecret,
                quota: quotas[quota],
                pushes: Option.getOrUndefined(pushes),
              }),
          ),
    ),
  ),
  plaid: Config.option(Config.String("PLAID_CLIENT_ID")).pipe(
    Config.flatMap((clientId) =>
      Option.isNone(clientId)
        ? Config.succeed(Option.none())
        : Config.map(
            Config.all({
              secret: Config.Redacted("PLAID_SECRET"),
              environment: Config.schema(Schema.Literals(["production", "sandbox"]), "PLAID_ENV").pipe(
                Config.withDefault("sandbox" as const),
              ),
              webhookUrl: Config.option(Config.String("PLAID_WEBHOOK_URL")),
            }),
            ({ environment, secret, webhookUrl }) =>
              Option.some({
                clientId: clientId.value,
                secret,
                environment,
                webhookUrl: Option.getOrUndefined(webhookUrl),
              }),
          ),
    ),
  ),
})

/** What each is of no use without. */
const companions = {
  GOOGLE_CLIENT_ID: ["GOOGLE_CLIENT_SECRET"],
  GOOGLE_CLIENT_SECRET: ["GOOGLE_CLIENT_ID"],
  GOOGLE_PUBSUB_TOPIC: ["GOOGLE_CLIENT_ID", "GOOGLE_PUBSUB_ACCOUNT", "GOOGLE_PUBSUB_AUDIENCE"],
  GOOGLE_PUBSUB_ACCOUNT: ["GOOGLE_PUBSUB_TOPIC"],
  GOOGLE_PUBSUB_AUDIENCE: ["GOOGLE_PUBSUB_TOPIC"],
  PLAID_CLIENT_ID: ["PLAID_SECRET"],
  PLAID_SECRET: ["PLAID_CLIENT_ID"],
  PLAID_WEBHOOK_URL: ["PLAID_CLIENT_ID"],
}

/** Half of a registration is a slip: to simulate the provider instead would hide it. */
const complete = Effect.gen(function* () {
  const isGiven = (name: string) => Effect.map(Config.option(Config.Redacted(name)), Option.isSome)
  for (const [given, needed] of Object.entries(companions)) {
    if (!(yield* isGiven(given))) continue
    const missing = yield* Effect.filter(needed, (name) => Effect.map(isGiven(name), (found) => !found))
    if (missing.length > 0) {
      return yield* new InvalidSettings({ problem: `${given} is of no use without ${missing.join(", ")}.` })
    }
  }
})

const hasAddress = ({ databaseUrl }: { readonly databaseUrl: Option.Option<Redacted.Redacted> }) =>
  Option.isNone(databaseUrl) || /^postgres(ql)?:$/.test(URL.parse(Redacted.value(databaseUrl.value))?.protocol ?? "")

/** What the environment says. */
export const settings = Effect.gen(function* () {
  yield* complete
  const given = yield* read
  if (!hasAddress(given)) {
    const problem = "DATABASE_URL is not an address like postgres://user:password@host:5432/database."
    return yield* new InvalidSettings({ problem })
  }
  return given
}).pipe(
  Effect.catchTag("ConfigError", ({ cause, message }) => {
    const issue = Schema.isSchemaError(cause) ? toIssues(cause.issue).issues[0] : undefined
    const problem = issue === undefined ? message : `${issue.path?.map(String).join(".") ?? ""}: ${issue.message}.`
    return Effect.fail(new InvalidSettings({ problem }))
  }),
)

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** For the tour of the README, and printed at the start. */
export const demoNangoKey = "a-signing-key-for-demonstrations"

/** Whether anything at all is kept in the directory: a host with everything elsewhere may have no disk. */
export const usesDirectory = ({ databaseUrl, google, masterKeys, plaid }: Effect.Success<typeof settings>) =>
  [databaseUrl, google, masterKeys, plaid].some((elsewhere: Option.Option<unknown>) => Option.isNone(elsewhere))

/**
 * The directory of the host: made if it is missing, and seen to take what is put into it before anything is started.
 * Nobody else may look into one that is made here.
 */
export const openDirectory = (directory: string) =>
  Effect.tryPromise({
    try: async () => {
      await Directory.make(directory, 0o700)
      await rmdir(await mkdtemp(Path.join(directory, "is-writable-")))
    },
    catch: (error) => {
      const code = codeOf(error)
      const problem = `HOLDFAST_DIR: ${directory} ${obstacles[code] ?? `cannot be written to (${code})`}. Name a directory that this user can make or write to.`
      return new InvalidSettings({ problem })
    },
  })

const obstacles: Readonly<Record<string, string>> = {
  EEXIST: "is a file",
  ENOTDIR: "would be inside a file",
  ENAMETOOLONG: "is too long a name",
  ENOSPC: "is on a disk that is full",
}

/**
 * The master keys: those given, or one that is made at the first start and kept in a file that only its owner may
 * read. Whoever loses it loses all personal data and all credentials, so a real host keeps it elsewhere.
 */
export const masterKeysOf = Effect.fnUntraced(function* (directory: string, given: Option.Option<Redacted.Redacted>) {
  if (Option.isSome(given)) return yield* Effect.fromResult(MasterKeys.parse(Redacted.value(given.value)))
  const own = MasterKeys.parse(yield* ownMasterKey(directory))
  return yield* Effect.mapError(Effect.fromResult(own), () => {
    const problem = `HOLDFAST_DIR: the file master-key in ${directory} does not hold <id>:<base64 of 32 bytes>. What is kept there cannot be read without it: restore it.`
    return new InvalidSettings({ problem })
  })
})

/** It is whole and on the disk before anything is encrypted under it. */
const ownMasterKey = (directory: string) =>
  Effect.try({
    try: () => {
      const path = Path.join(directory, "master-key")
      try {
        return readFileSync(path, "utf8").trim()
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error
      }
      const text = `local:${randomBytes(32).toString("base64")}`
      const file = openSync(`${path}.new`, "w", 0o600)
      writeSync(file, `${text}\n`)
      fsyncSync(file)
      closeSync(file)
      renameSync(`${path}.new`, path)
      return text
    },
    catch: (error) =>
      new InvalidSettings({
        problem: `HOLDFAST_DIR: the file master-key in ${directory} cannot be read or made (${codeOf(error)}).`,
      }),
  })

const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error))
