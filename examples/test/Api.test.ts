import { request } from "node:http"

import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Stream } from "effect"

import { Browser, deliver, eventually, idOf, mailbox, rowsOf, signatureOf, Where } from "./host.ts"

layer(Where.layer, { excludeTestServices: true, timeout: Duration.minutes(2) })("The API", (it) => {
  it.effect("refuses a field that it does not know, by its name", () =>
    Effect.gen(function* () {
      const ada = yield* browser("excess")
      const consent = { provider: "google-calendar", authorization: "consent-1" }
      for (const [body, at] of [
        [{ ...consent, pollInterval: 30 }, "pollInterval"],
        [{ ...consent, settings: {}, lable: "Home" }, "lable"],
        [{ ...consent, pollIntervalSeconds: 1 }, "pollIntervalSeconds"],
        [{ provider: "google-calendar" }, "authorization"],
        [{ ...consent, provider: "myspace" }, "provider"],
      ] as const) {
        const answer = yield* ada.post("/api/connections", body)
        assert.deepInclude(answer, { status: 400 })
        assert.deepInclude(answer.body, { error: "INVALID_REQUEST", at, retryable: false })
      }
      assert.deepInclude((yield* ada.get("/api/connections?owners=ada")).body, {
        error: "INVALID_REQUEST",
        at: "owners",
      })
      assert.deepInclude((yield* ada.get("/api/gmail/start?label=A&lable=B")).body, { at: "lable" })
      assert.deepStrictEqual((yield* ada.get("/api/connections")).body, [])
    }),
  )

  it.effect("uses the interval that is given, at the registration and afterwards", () =>
    Effect.gen(function* () {
      const ada = yield* browser("interval")
      const consent = { provider: "google-calendar", authorization: "consent-1", pollIntervalSeconds: 42 }
      const id = idOf(yield* ada.post("/api/connections", consent))
      assert.deepInclude((yield* ada.get(`/api/connections/${id}`)).body, { poll_interval_seconds: 42 })
      const changed = yield* ada.patch(`/api/connections/${id}`, { pollIntervalSeconds: 43 })
      assert.deepInclude(changed.body, { poll_interval_seconds: 43 })
      assert.strictEqual(
        (yield* ada.patch(`/api/connections/${id}`, { pollIntervalSeconds: 43, slot: "x" })).status,
        400,
      )
    }),
  )

  it.effect("answers with one connection at every door", () =>
    Effect.gen(function* () {
      const { server } = yield* Where
      const ada = yield* browser("doors")
      const consent = { provider: "google-calendar", authorization: "consent-1" }
      const report = JSON.stringify({
        from: "nango",
        type: "auth",
        operation: "creation",
        success: true,
        connectionId: "consent-1",
        providerConfigKey: "google-calendar",
        endUser: { endUserId: "ada", organizationId: "doors" },
      })
      const [posted, reported] = yield* Effect.all(
        [ada.post("/api/connections", consent), deliver(server, report)] as const,
        { concurrency: "unbounded" },
      )
      const again = yield* ada.post("/api/connections", consent)
      assert.deepStrictEqual([posted.status, reported.status, again.status], [200, 200, 200])
      assert.deepStrictEqual(new Set([idOf(posted), idOf(reported), idOf(again)]).size, 1)
      assert.deepInclude(again.body, { outcome: "already-registered" })
      assert.strictEqual(rowsOf(yield* ada.get("/api/connections")).length, 1)
      assert.deepInclude((yield* ada.get("/api/connections/active?provider=google-calendar")).body, {
        connection_id: idOf(posted),
      })
    }),
  )

  it.effect("makes a newer consent the active connection of its owner", () =>
    Effect.gen(function* () {
      const ada = yield* browser("newer")
      const consent = { provider: "google-calendar", authorization: "consent-1" }
      const old = idOf(yield* ada.post("/api/connections", consent))
      const fresh = yield* ada.post("/api/connections", { ...consent, authorization: "consent-2" })
      assert.deepInclude(fresh.body, { outcome: "created", superseded: old })
      assert.deepInclude((yield* ada.get("/api/connections/active?provider=google-calendar")).body, {
        connection_id: idOf(fresh),
      })
      assert.deepInclude((yield* ada.get(`/api/connections/${old}`)).body, {
        status: "superseded",
        superseded_by: idOf(fresh),
      })
      const resumed = yield* ada.post(`/api/connections/${old}/resume`, { reason: "The other one was a mistake" })
      assert.deepInclude(resumed.body, { status: "active" })
      assert.deepInclude((yield* ada.get(`/api/connections/${idOf(fresh)}`)).body, { status: "superseded" })
    }),
  )

  it.effect("believes only what is signed over the bytes with the signing key", () =>
    Effect.gen(function* () {
      const { server } = yield* Where
      const body = `{"type":"something_new"}`
      assert.deepStrictEqual(yield* deliver(server, body), { status: 200, body: { outcome: "Ignored" } })
      for (const headers of [
        {},
        { "x-nango-signature": signatureOf(body) },
        { "x-nango-hmac-sha256": signatureOf(body, "another key") },
        { "x-nango-hmac-sha256": signatureOf(`{ "type":"something_new"}`) },
      ]) {
        const answer = yield* deliver(server, body, headers)
        assert.deepInclude(answer, { status: 401 })
        assert.deepInclude(answer.body, { error: "SIGNATURE_REFUSED" })
      }
    }),
  )

  it.effect("says of another tenant's connection what it says of none", () =>
    Effect.gen(function* () {
      const ada = yield* browser("mine")
      const eve = yield* browser("theirs")
      const id = idOf(yield* ada.post("/api/connections", { provider: "google-calendar", authorization: "consent-1" }))
      const nobody = "00000000-0000-4000-8000-000000000000"
      const asks = [
        (id: string) => eve.get(`/api/connections/${id}`),
        (id: string) => eve.get(`/api/connections/${id}/history`),
        (id: string) => eve.get(`/api/connections/${id}/messages`),
        (id: string) => eve.patch(`/api/connections/${id}`, { pollIntervalSeconds: 60 }),
        ...["sync", "pause", "resume", "disconnect"].map(
          (verb) => (id: string) => eve.post(`/api/connections/${id}/${verb}`),
        ),
      ]
      for (const ask of asks) {
        const [theirs, none] = [yield* ask(id), yield* ask(nobody)]
        assert.strictEqual(theirs.status, 404)
        assert.deepStrictEqual([theirs.status, theirs.body], [none.status, none.body])
      }
      assert.deepStrictEqual((yield* eve.get("/api/connections")).body, [])
      assert.deepInclude((yield* ada.get(`/api/connections/${id}`)).body, { status: "active" })
    }),
  )

  it.effect(
    "brings a mailbox in, renews its token, and goes on after a new consent without fetching a mail twice",
    () =>
      Effect.gen(function* () {
        const { simulator } = yield* Where
        const google = new Browser(simulator)
        const ada = yield* browser("slice")
        const connected = yield* ada.connect()
        assert.deepInclude(connected.body, { outcome: "created", status: "active" })
        const id = idOf(connected)
        const messages = eventually(ada.get(`/api/connections/${id}/messages`), (answer) => rowsOf(answer).length === 7)
        assert.strictEqual(rowsOf(yield* messages)[0]?.["sender"], "automated@airbnb.com")

        yield* google.post(`/simulator/deliver?mailbox=${mailbox}&label=Bookings&sample=newsletter`)
        yield* google.post("/simulator/expire")
        assert.deepInclude((yield* synced(ada, id)).body, { added: 1 })
        const history = rowsOf(yield* ada.get(`/api/connections/${id}/history`)).map(({ event_type }) => event_type)
        assert.include(history, "token_refreshed")

        yield* google.post(`/simulator/revoke?mailbox=${mailbox}`)
        const refused = yield* synced(ada, id)
        assert.deepInclude(refused.body, { error: "REAUTHORIZATION_NEEDED", retryable: false })
        assert.deepInclude((yield* ada.get(`/api/connections/${id}`)).body, {
          status: "needs_reauth",
          failure: "revoked",
        })

        yield* google.post(`/simulator/deliver?mailbox=${mailbox}&label=Bookings&sample=airbnb-confirmation`)
        const again = yield* ada.connect()
        assert.deepInclude(again.body, { outcome: "created", superseded: id })
        const both = eventually(
          ada.get(`/api/connections/${idOf(again)}/messages`),
          (answer) => rowsOf(answer).length === 9,
        )
        assert.strictEqual(new Set(rowsOf(yield* both).map(({ message_id }) => message_id)).size, 9)
        assert.deepInclude((yield* ada.get(`/api/connections/${idOf(again)}`)).body, {
          reconnected_from: id,
          is_reconnection: true,
          reconnection_confidence: "exact",
        })
        const { body } = yield* google.get("/simulator/requests")
        assert.deepInclude(body, { counts: { ...countsOf(body), "messages.get": 9 } })
      }),
  )

  it.effect("lets nobody else finish a consent, and a reload of the page finish it once", () =>
    Effect.gen(function* () {
      const ada = yield* browser("sessions")
      const { server } = yield* Where
      const start = yield* Effect.promise(() =>
        fetch(new URL("/api/gmail/start?label=Bookings&simulate=grace@example.com", server), {
          headers: ada.identity,
          redirect: "manual",
        }),
      )
      const google = yield* Effect.promise(() => fetch(start.headers.get("location") ?? "", { redirect: "manual" }))
      const back = google.headers.get("location") ?? ""
      assert.deepInclude(yield* ada.get(back), { status: 409 })
      const cookie = start.headers.getSetCookie()[0]?.split(";")[0] ?? ""
      const finish = Effect.promise(async () => {
        const response = await fetch(back, { headers: { ...ada.identity, cookie } })
        return { status: response.status, body: await response.json() }
      })
      const [first, second] = [yield* finish, yield* finish]
      assert.deepStrictEqual([first.status, second.status], [200, 200])
      assert.strictEqual(idOf(first), idOf(second))
      const denied = yield* ada.connect({ mailbox: "deny", label: "Other" })
      assert.deepInclude(denied, { status: 409 })
      assert.deepInclude(denied.body, { error: "CONSENT_DENIED", retryable: true })
    }),
  )

  it.effect("gives a label to one owner of a workspace", () =>
    Effect.gen(function* () {
      const ada = yield* browser("labels")
      const grace = yield* browser("labels", "grace")
      assert.strictEqual((yield* ada.connect()).status, 200)
      const refused = yield* grace.connect()
      assert.strictEqual(refused.status, 409)
      assert.deepInclude(refused.body, { error: "LABEL_CONFLICT" })
      assert.strictEqual((yield* grace.connect({ mailbox: "grace@example.com" })).status, 200)
    }),
  )

  it.effect("says so when the mailbox has no such label", () =>
    Effect.gen(function* () {
      const ada = yield* browser("no-label")
      const answer = yield* ada.connect({ label: "Boking" })
      assert.strictEqual(answer.status, 422)
      assert.deepInclude(answer.body, { error: "LABEL_NOT_FOUND", near: ["Bookings"] })
    }),
  )

  it.effect("pauses, resumes and disconnects", () =>
    Effect.gen(function* () {
      const ada = yield* browser("verbs")
      const id = idOf(yield* ada.connect())
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/pause`)).body, { status: "paused" })
      assert.deepInclude((yield* synced(ada, id)).body, { error: "NOT_READY" })
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/resume`)).body, { status: "active" })
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/disconnect`)).body, { status: "disconnected" })
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/resume`)).body, { error: "NOT_READY" })
      assert.strictEqual((yield* ada.get("/api/connections/active?provider=gmail")).status, 404)
    }),
  )

  it.effect("tells of changes as they come, and of those that were missed", () =>
    Effect.gen(function* () {
      const ada = yield* browser("feed")
      const consent = { provider: "google-calendar", authorization: "consent-1" }
      const old = idOf(yield* ada.post("/api/connections", consent))
      const fresh = idOf(yield* ada.post("/api/connections", { ...consent, authorization: "consent-2" }))
      const told = yield* Stream.runCollect(Stream.take(changes(ada, "0"), 3))
      assert.sameDeepMembers(
        told.map(({ active, change, connectionId }) => ({ active, change, connectionId })),
        [
          { change: "connected", connectionId: old, active: fresh },
          { change: "connected", connectionId: fresh, active: fresh },
          { change: "superseded", connectionId: old, active: fresh },
        ],
      )
      yield* ada.post(`/api/connections/${fresh}/pause`)
      const later = yield* Stream.runCollect(Stream.take(changes(ada, String(told.at(-1)?.position)), 1))
      assert.deepInclude(later[0], { change: "paused", connectionId: fresh, status: "paused" })
    }),
  )

  it.effect("follows changes only from where this log has been", () =>
    Effect.gen(function* () {
      const ada = yield* browser("nowhere")
      for (const after of ["-1", "1.5", "x", "9223372036854775807"]) {
        const { status } = yield* ada.get(`/api/changes?after=${after}`)
        assert.strictEqual(status, 400, after)
      }
    }),
  )

  it.effect("is not used by other sites' pages, by no other name, and not with bodies without end", () =>
    Effect.gen(function* () {
      const { server } = yield* Where
      const ada = yield* browser("guarded")
      const id = idOf(yield* ada.post("/api/connections", { provider: "google-calendar", authorization: "consent-1" }))
      // By node:http, because fetch does not let a host be named.
      const post = (path: string, more: Readonly<Record<string, string>>, body = "{}") =>
        Effect.callback<number | undefined>((resume) => {
          const headers = { ...ada.identity, "content-type": "application/json", ...more }
          const asking = request(new URL(path, server), { method: "POST", headers }, (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          })
          asking.end(body)
        })
      const pause = `/api/connections/${id}/pause`
      for (const headers of [
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { origin: "https://elsewhere.example" },
        { origin: "null" },
        { host: "elsewhere.example" },
      ]) {
        assert.strictEqual(yield* post(pause, headers), 403)
      }
      assert.strictEqual(yield* post("/api/webhooks/nango", {}, " ".repeat(2 ** 20 + 1)), 413)
      assert.deepInclude((yield* ada.get(`/api/connections/${id}`)).body, { status: "active" })
      assert.strictEqual(yield* post(pause, { origin: server }), 200)
    }),
  )

  it.effect("says of text that cannot be recorded that it is invalid", () =>
    Effect.gen(function* () {
      const ada = yield* browser("text")
      const answers = [
        yield* ada.post("/api/connections", { provider: "google-calendar", authorization: "half \ud800" }),
        yield* ada.get("/api/gmail/start?label=%00"),
      ]
      for (const { body, status } of answers) {
        assert.strictEqual(status, 400)
        assert.deepInclude(body, { error: "INVALID_REQUEST", retryable: false })
      }
    }),
  )

  it.effect("goes on with the accounts of a bank after a new consent, says what it kept, and why", () =>
    Effect.gen(function* () {
      const banks = new Browser((yield* Where).banks)
      const ada = yield* browser("banks")
      const first = yield* ada.get("/api/plaid/start?simulate=ada-platypus")
      assert.deepInclude(first.body, { outcome: "created", status: "active" })
      const old = idOf(first)
      const whole = eventually(ada.get(`/api/connections/${old}`), ({ text }) =>
        text.includes(`"total_transactions":450`),
      )
      const { authorization } = (yield* whole).body as { readonly authorization: string }
      const refused = yield* ada.get("/api/plaid/start?simulate=ada-platypus")
      assert.deepInclude(refused.body, { error: "ALREADY_CONNECTED", retryable: false })

      yield* banks.post("/_control/items/expire-consent", { item: authorization })
      yield* eventually(ada.get(`/api/connections/${old}`), ({ text }) => text.includes("needs_reauth"))
      const second = yield* ada.get(`/api/plaid/start?simulate=ada-platypus&reconnects=${old}`)
      assert.match(second.text, /"summary":"3 accounts, 450 transactions kept, resumed from [-0-9]+, 3 calls saved"/)
      const connected = yield* ada.get(`/api/connections/${idOf(second)}`)
      assert.include(connected.text, "450 transactions kept")
      const decisions = rowsOf(yield* ada.get(`/api/connections/${idOf(second)}/decisions`))
      assert.deepStrictEqual(
        decisions.map(({ action, level }) => [action, level]),
        [
          ["auto", "high"],
          ["auto", "high"],
          ["auto", "high"],
        ],
      )
      for (const { explanation } of decisions) assert.include(String(explanation), "the last four digits are the same")
      yield* synced(ada, idOf(second))
      const accounts = rowsOf(yield* ada.get("/api/accounts"))
      assert.deepStrictEqual(
        accounts.map(({ items }) => items),
        [280, 20, 150],
      )
      const transactions = yield* ada.get(`/api/accounts/${String(accounts[1]?.["account_id"])}/transactions`)
      assert.strictEqual(rowsOf(transactions).length, 20)
    }),
  )

  it.effect("mends a bank as it is, without a new connection", () =>
    Effect.gen(function* () {
      const banks = new Browser((yield* Where).banks)
      const grace = yield* browser("repairs", "grace")
      const id = idOf(yield* grace.get("/api/plaid/start?simulate=grace-gingham"))
      const { authorization } = (yield* grace.get(`/api/connections/${id}`)).body as { readonly authorization: string }
      yield* banks.post("/_control/items/expire-consent", { item: authorization })
      yield* eventually(grace.get(`/api/connections/${id}`), ({ text }) => text.includes("needs_reauth"))
      const repaired = yield* grace.get(`/api/plaid/start?simulate=grace-gingham&repairs=${id}`)
      assert.deepInclude(repaired.body, { connectionId: id, outcome: "renewed", status: "active" })
      assert.deepInclude((yield* grace.get("/api/plaid/start?simulate=deny")).body, { error: "CONSENT_DENIED" })
      assert.deepInclude((yield* grace.get("/api/plaid/start?simulate=nobody")).body, { at: "simulate" })
    }),
  )

  it.effect("asks a person about accounts that nobody can tell apart, does what they say, and takes it back", () =>
    Effect.gen(function* () {
      const ada = yield* browser("twins")
      const eve = yield* browser("not-the-twins")
      const first = idOf(yield* ada.get("/api/plaid/start?simulate=ada-twins"))
      yield* ada.post(`/api/connections/${first}/disconnect`)
      const again = yield* ada.get("/api/plaid/start?simulate=ada-twins")
      assert.deepInclude(again.body, { outcome: "created", questions: 2 })

      const questions = rowsOf(yield* ada.get("/api/reviews"))
      const [question] = questions
      const review = String(question?.["review_id"])
      const [candidate = "", other = ""] = [...JSON.stringify(question).matchAll(/"accountId":"([^"]*)"/g)].map(
        ([, id]) => id,
      )
      assert.deepStrictEqual(rowsOf(yield* eve.get("/api/reviews")), [])
      assert.strictEqual((yield* eve.post(`/api/reviews/${review}`, { answer: candidate })).status, 404)
      assert.deepInclude((yield* ada.post(`/api/reviews/${review}`, { answer: first })).body, {
        error: "NOT_A_CANDIDATE",
      })
      const page = yield* ada.get("/")
      assert.notInclude(page.text, "<script")
      const answered = yield* ada.post(`/api/reviews/${review}`, { answer: candidate })
      assert.deepInclude(answered.body, { status: "linked", account_id: candidate, resolved_by: "ada" })
      assert.deepInclude((yield* ada.post(`/api/reviews/${review}`, { answer: other })).body, {
        error: "ALREADY_ANSWERED",
      })

      const undo = `/api/accounts/${candidate}/feeds/${String(question?.["feed_id"])}/undo`
      assert.strictEqual((yield* eve.post(undo)).status, 404)
      const undone = yield* ada.post(undo)
      assert.deepInclude(undone.body, { status: "open" })
      assert.deepInclude((yield* ada.post(undo)).body, { error: "NOT_LINKED" })
      const left = (yield* ada.get(`/api/connections/${idOf(again)}`)).body
      assert.deepNestedInclude(left, { "reconnection.accounts": 0, "reconnection.undone": 1 })

      const merge = (verb: string) => ada.post(`/api/accounts/${candidate}/${verb}`, { account: other })
      assert.strictEqual((yield* merge("merge")).status, 200)
      const merged = rowsOf(yield* ada.get("/api/accounts")).find(({ account_id }) => account_id === other)
      assert.deepInclude(merged, { status: "merged", merged_into: candidate })
      assert.strictEqual((yield* merge("unmerge")).status, 200)
      assert.deepInclude((yield* merge("unmerge")).body, { error: "NOT_LINKED" })
    }),
  )

  it.effect("shows what a reconnection goes on with as it is now, when links were taken back", () =>
    Effect.gen(function* () {
      const ada = new Browser((yield* Where).server, { asPerson: true })
      const programs = new Browser(ada.origin)
      const before = idOf(yield* programs.get("/api/plaid/start?simulate=grace-gingham"))
      yield* programs.post(`/api/connections/${before}/disconnect`)
      const second = idOf(yield* programs.get("/api/plaid/start?simulate=grace-gingham"))
      const sectionOf = (id: string) =>
        Effect.map(ada.get("/"), ({ text }) => text.split("<section").find((one) => one.includes(`id="${id}"`)) ?? "")
      const section = sectionOf(second)
      assert.include(yield* section, "Linked to 3 accounts that were held (high confidence)")
      assert.match(yield* section, /accounts_matched/)
      assert.notInclude(yield* section, "notShared", "what is empty is not worth a word")
      assert.match(yield* sectionOf(before), /\d+ items? fetched ·/, "what is over is not looked at")
      const [first, ...others] = rowsOf(yield* programs.get(`/api/connections/${second}/decisions`)).map(
        ({ accountId, feedId }) => `/api/accounts/${String(accountId)}/feeds/${String(feedId)}/undo`,
      )
      const { text: page } = yield* ada.press(first ?? "")
      assert.include(yield* section, "Linked to 2 accounts that were held")
      assert.include(yield* section, "1 link to what was held was undone.")
      assert.include(page, "<pre>a link to another account was undone</pre>")
      yield* Effect.forEach(others, (undo) => ada.press(undo))
      assert.notMatch(yield* section, /Linked to|Reconnected/)
      assert.include(yield* section, "3 links to what was held were undone.")
      const { body } = yield* programs.get(`/api/connections/${second}`)
      assert.deepNestedInclude(body, { "reconnection.accounts": 0, "reconnection.undone": 3, "reconnection.kept": 0 })
    }),
  )

  it.effect("believes of Plaid's reports only what is signed", () =>
    Effect.gen(function* () {
      const ada = yield* browser("reports")
      const report = { webhook_type: "ITEM", webhook_code: "USER_PERMISSION_REVOKED", item_id: "item-1" }
      assert.deepInclude(yield* ada.post("/api/webhooks/plaid?tenant=reports", report), { status: 401 })
      assert.deepInclude((yield* ada.post("/api/webhooks/plaid", report)).body, { at: "tenant" })
    }),
  )

  it.effect("shows a page on which nothing is markup but the page", () =>
    Effect.gen(function* () {
      const { server } = yield* Where
      const mallory = new Browser(server, { user: `<script>alert("1")</script>` })
      yield* mallory.post("/api/connections", { provider: "google-calendar", authorization: "consent-1" })
      const { text } = yield* mallory.get("/")
      assert.include(text, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;")
      assert.notInclude(text, "<script")
    }),
  )
})

const browser = (tenant: string, user = "ada") =>
  Effect.map(Where, ({ server }) => new Browser(server, { tenant, user }))

/** The scheduler's own first look may be under way. */
const synced = (browser: Browser, id: string) =>
  eventually(browser.post(`/api/connections/${id}/sync`), ({ text }) => !text.includes("SYNC_IN_PROGRESS"))

const countsOf = (body: unknown) => (body as { readonly counts: Readonly<Record<string, number>> }).counts

interface Told {
  readonly change: string
  readonly connectionId: string
  readonly status: string
  readonly active: string
  readonly position: string
}

const changes = (browser: Browser, after: string) =>
  Stream.fromReadableStream({
    evaluate: () =>
      new ReadableStream<string>({
        start: async (controller) => {
          const response = await fetch(new URL(`/api/changes?after=${after}`, browser.origin), {
            headers: browser.identity,
          })
          const lines = response.body?.pipeThrough(new TextDecoderStream()) ?? []
          for await (const text of lines) controller.enqueue(text)
        },
      }),
    onError: (cause) => new Error("The feed broke", { cause }),
  }).pipe(
    Stream.splitLines,
    Stream.filter((line) => line.startsWith("data: ")),
    Stream.map((line): Told => JSON.parse(line.slice("data: ".length))),
  )
