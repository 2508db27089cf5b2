import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import * as Path from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"

import { masterKeysOf, openDirectory, settings, usesDirectory } from "../src/HostSettings.ts"
import { directory } from "./ServerProcess.ts"

const given = (env: Record<string, string>) =>
  Effect.provideService(settings, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const google = { GOOGLE_CLIENT_ID: "host.apps.example", GOOGLE_CLIENT_SECRET: "a-secret" }

describe("What the environment says", () => {
  it.effect("is nothing at first: everything is simulated, on this machine only", () =>
    Effect.gen(function* () {
      const { databaseUrl, google, host, plaid, port } = yield* given({})
      assert.deepStrictEqual([host, port], ["127.0.0.1", 3000])
      assert.isTrue(Option.isNone(databaseUrl) && Option.isNone(google) && Option.isNone(plaid))
    }),
  )

  it.effect("is refused by name where half of a registration is missing, or a value cannot be meant", () =>
    Effect.gen(function* () {
      const refusals: ReadonlyArray<readonly [Record<string, string>, string]> = [
        [{ GOOGLE_CLIENT_ID: "host" }, "GOOGLE_CLIENT_ID is of no use without GOOGLE_CLIENT_SECRET."],
        [{ ...google, GOOGLE_CLIENT_SECRET: "" }, "GOOGLE_CLIENT_ID is of no use without GOOGLE_CLIENT_SECRET."],
        [{ GOOGLE_CLIENT_SECRET: "a-secret" }, "GOOGLE_CLIENT_SECRET is of no use without GOOGLE_CLIENT_ID."],
        [
          { ...google, GOOGLE_PUBSUB_TOPIC: "projects/host/topics/mail" },
          "GOOGLE_PUBSUB_TOPIC is of no use without GOOGLE_PUBSUB_ACCOUNT, GOOGLE_PUBSUB_AUDIENCE.",
        ],
        [{ PLAID_SECRET: "a-secret" }, "PLAID_SECRET is of no use without PLAID_CLIENT_ID."],
        [{ ...google, GOOGLE_QUOTA: "2027" }, 'GOOGLE_QUOTA: Expected "2025" | "2026".'],
        [{ PORT: "http" }, "PORT: Expected a finite number."],
        [
          { DATABASE_URL: "mysql://ada:a-secret@localhost/holdfast" },
          "DATABASE_URL is not an address like postgres://user:password@host:5432/database.",
        ],
      ]
      for (const [env, problem] of refusals) {
        const { message } = yield* Effect.flip(given(env))
        assert.strictEqual(message, problem)
      }
    }),
  )

  it.effect("is taken where it is whole", () =>
    Effect.gen(function* () {
      const taken = yield* given({ ...google, GOOGLE_QUOTA: "2025", DATABASE_URL: "postgresql://localhost/holdfast" })
      assert.isTrue(Option.isSome(taken.google) && Option.isSome(taken.databaseUrl))
    }),
  )
})

describe("The directory", () => {
  it.effect("is made with what is missing above it, for its owner only, and is empty then", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "deep", "down")
      yield* openDirectory(path)
      yield* openDirectory(path)
      assert.deepStrictEqual(readdirSync(path), [])
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
    }),
  )

  it.effect("is refused by the name of its variable where it cannot be", () =>
    Effect.gen(function* () {
      const path = yield* directory
      writeFileSync(Path.join(path, "file"), "")
      const refusals: ReadonlyArray<readonly [string, RegExp]> = [
        [Path.join(path, "file"), /is a file/],
        [Path.join(path, "file", "data"), /would be inside a file/],
        [Path.join(path, "x".repeat(300)), /is too long a name/],
        // Takes no entries, though it is there: Node would try for ever.
        ["/proc/holdfast", /cannot be written to \(E\w+\)/],
      ]
      for (const [refused, why] of refusals) {
        const { message } = yield* Effect.flip(openDirectory(refused))
        assert.match(message, why)
        assert.isTrue(message.startsWith(`HOLDFAST_DIR: ${refused} `), message)
        assert.match(message, /Name a directory that this user can make or write to\.$/)
      }
      assert.deepStrictEqual(readdirSync(path), ["file"])
    }),
  )

  it.effect("keeps a master key that is made once, and is refused where it holds no such key", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const { current } = yield* masterKeysOf(path, Option.none())
      const text = readFileSync(Path.join(path, "master-key"), "utf8")
      assert.deepStrictEqual([current, (yield* masterKeysOf(path, Option.none())).current], ["local", "local"])
      assert.strictEqual(readFileSync(Path.join(path, "master-key"), "utf8"), text)
      writeFileSync(Path.join(path, "master-key"), "a-secret")
      const { message } = yield* Effect.flip(masterKeysOf(path, Option.none()))
      assert.match(message, /^HOLDFAST_DIR: the file master-key in .* does not hold <id>:<base64 of 32 bytes>\./)
      assert.notInclude(message, "a-secret")
    }),
  )

  it.effect("is of no use where everything is kept elsewhere", () =>
    Effect.gen(function* () {
      const elsewhere = {
        ...google,
        DATABASE_URL: "postgres://localhost/holdfast",
        HOLDFAST_MASTER_KEYS: "2026:key",
        PLAID_CLIENT_ID: "host",
        PLAID_SECRET: "a-secret",
      }
      assert.isFalse(usesDirectory(yield* given(elsewhere)))
      for (const name of ["DATABASE_URL", "HOLDFAST_MASTER_KEYS"]) {
        assert.isTrue(usesDirectory(yield* given({ ...elsewhere, [name]: "" })), name)
      }
    }),
  )
})
