import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"

import { settings } from "../src/HostSettings.ts"

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
