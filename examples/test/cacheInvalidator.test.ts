import * as Path from "node:path"

import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { FetchHttpClient } from "effect/http"

import * as CacheInvalidator from "../src/cacheInvalidator.ts"
import { Browser, eventually, idOf, Where } from "./host.ts"
import { directory } from "./ServerProcess.ts"

layer(Where.layer, { excludeTestServices: true, timeout: Duration.minutes(2) })(
  "A cache of the connections in use",
  (it) => {
    it.effect("is right again after a reconnection, and after a restart during which there was one", () =>
      Effect.gen(function* () {
        const { server } = yield* Where
        const ada = new Browser(server, { tenant: "cached" })
        const who = { ownerId: "ada", provider: "google-calendar" }
        const connect = (authorization: string) =>
          Effect.map(ada.post("/api/connections", { provider: who.provider, authorization }), idOf)
        const file = Path.join(yield* directory, "cache.json")
        const opened = Effect.sync(() => CacheInvalidator.open({ server, file, tenantId: "cached" }))
        const first = yield* connect("consent-1")
        const before = yield* opened
        assert.strictEqual(yield* before.active(who), first)
        const following = yield* Effect.forkChild(before.follow)
        const second = yield* connect("consent-2")
        yield* eventually(before.active(who), (active) => active === second)
        yield* Fiber.interrupt(following)
        assert.strictEqual(yield* before.active(who), second)

        const third = yield* connect("consent-3")
        const after = yield* opened
        assert.strictEqual(yield* after.active(who), second)
        yield* Effect.forkChild(after.follow)
        yield* eventually(after.active(who), (active) => active === third)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
    )
  },
)
