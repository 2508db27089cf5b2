import { statSync } from "node:fs"
import { createServer } from "node:net"
import * as Path from "node:path"

import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer } from "effect"

import * as Host from "../src/Host.ts"
import { Browser, eventually, idOf, mailbox, rowsOf } from "./host.ts"
import { directory, start } from "./ServerProcess.ts"

class Directory extends Context.Service<Directory, string>()("@holdfast/examples/test/Directory") {
  static readonly layer = Layer.effect(Directory, directory)
}

layer(Directory.layer, { excludeTestServices: true, timeout: Duration.minutes(3) })("npm start", (it) => {
  it.effect("loses nothing that was answered when it is killed, and fetches no mail twice", () =>
    Effect.gen(function* () {
      const path = yield* Directory
      const before = yield* start(path)
      const ada = new Browser(before.server)
      const id = idOf(yield* ada.connect({ every: 5 }))
      const consent = { provider: "google-calendar", authorization: "consent-1" }
      const calendar = idOf(yield* ada.post("/api/connections", consent))
      yield* eventually(ada.get(`/api/connections/${id}/messages`), (answer) => rowsOf(answer).length === 7)
      const google = new Browser(before.simulator)
      assert.strictEqual(yield* fetchedOf(google), 7)
      const history = rowsOf(yield* ada.get(`/api/connections/${id}/history`))
      yield* google.post(`/simulator/deliver?mailbox=${mailbox}&label=Bookings&sample=newsletter`)
      yield* google.post("/simulator/expire")
      const unanswered = yield* Effect.forkChild(Effect.exit(ada.post(`/api/connections/${id}/sync`)))
      assert.strictEqual(yield* before.end("SIGKILL"), "SIGKILL")
      yield* Fiber.join(unanswered)

      const after = yield* start(path)
      const again = new Browser(after.server)
      const messages = eventually(again.get(`/api/connections/${id}/messages`), (answer) => rowsOf(answer).length === 8)
      assert.strictEqual(new Set(rowsOf(yield* messages).map(({ message_id }) => message_id)).size, 8)
      const all = rowsOf(yield* again.get(`/api/connections/${id}/history`))
      assert.deepStrictEqual(all.slice(0, history.length), history)
      assert.isAtMost(yield* fetchedOf(new Browser(after.simulator)), 1)
      assert.deepInclude((yield* again.get(`/api/connections/${calendar}`)).body, { status: "active" })
      const registered = yield* again.post("/api/connections", consent)
      assert.deepInclude(registered.body, { connectionId: calendar, outcome: "already-registered" })
      assert.strictEqual(statSync(Path.join(path, "master-key")).mode & 0o777, 0o600)
      yield* after.end("SIGKILL")
    }),
  )

  it.effect("ends cleanly on Ctrl-C, whoever is listening", () =>
    Effect.gen(function* () {
      const running = yield* start(yield* Directory)
      const listening = yield* Effect.promise(() => fetch(`${running.server}/api/changes`))
      assert.strictEqual(listening.status, 200)
      assert.strictEqual(yield* running.end("SIGINT"), 130)
      assert.notMatch(running.output(), /error/i)
    }),
  )

  it.effect("says which port is taken", () =>
    Effect.gen(function* () {
      const port = yield* takenPort
      const { code, output } = yield* Effect.flip(start(yield* Directory, { PORT: String(port) }))
      assert.strictEqual(
        output.trim(),
        `Cannot start. Port ${port} is taken. Choose others with PORT, SIMULATOR_PORT and PLAID_SIMULATOR_PORT.`,
      )
      assert.strictEqual(code, 1)
    }),
  )

  it.effect("says which directory cannot be had, at once", () =>
    Effect.gen(function* () {
      const { code, output } = yield* Effect.flip(start("/proc/holdfast"))
      assert.match(output, /^Cannot start\. HOLDFAST_DIR: \/proc\/holdfast cannot be written to/)
      assert.strictEqual(code, 1)
    }),
  )

  it("names the variable where the machine has no such address, or the database cannot be opened", () => {
    const message = ""
    const explained = [
      Host.explain({ _tag: "ServeError", message, cause: Object.assign(new Error(), { code: "ENOTFOUND" }) }),
      Host.explain({ _tag: "ServeError", message, cause: { code: "EADDRNOTAVAIL", port: 3000 } }),
      Host.explain({ _tag: "CannotOpen", message, dataDir: "deep/data", cause: new Error("no room") }),
    ]
    assert.deepStrictEqual(explained, [
      "HOST: this machine has no such address (ENOTFOUND).",
      "HOST: this machine has no such address (EADDRNOTAVAIL).",
      "HOLDFAST_DIR: the database in deep/data cannot be opened (no room). What was committed is untouched.",
    ])
  })
})

const takenPort = Effect.acquireRelease(
  Effect.callback<readonly [number, () => void]>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed([typeof address === "object" ? (address?.port ?? 0) : 0, () => server.close()]))
    })
  }),
  ([, close]) => Effect.sync(close),
).pipe(Effect.map(([port]) => port))

/** How many mails the simulator has given out whole since it was started. */
const fetchedOf = (google: Browser) =>
  Effect.map(
    google.get("/simulator/requests"),
    ({ body }) => (body as { readonly counts: Readonly<Record<string, number>> }).counts["messages.get"] ?? 0,
  )
