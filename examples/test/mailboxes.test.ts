/** What people and operators do about mailboxes: labels, wrong mailboxes, switches; and what Google announces. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"

import { type Answer, Browser, eventually, idOf, rowsOf, Where } from "./host.ts"

layer(Where.layer, { excludeTestServices: true, timeout: "2 minutes" })("A mailbox", (it) => {
  it.effect("is connected by any name of this machine: whoever begins at another is brought to localhost first", () =>
    Effect.gen(function* () {
      const { ada, mailbox } = yield* somebody("named")
      const { host, port } = new URL(ada.origin)
      assert.strictEqual(host, `localhost:${port}`)
      const identity = { tenant: "named", user: "ada" }
      const numbered = new Browser(`http://127.0.0.1:${port}`, identity)
      const connected = yield* numbered.connect({ mailbox })
      assert.deepInclude(connected.body, { outcome: "created", status: "active" })
      const person = new Browser(numbered.origin, { ...identity, asPerson: true })
      const page = yield* person.get("/?looked=1")
      assert.deepInclude(page, { status: 200, at: `http://localhost:${port}/?looked=1` })
      const row = yield* numbered.get(`/api/connections/${idOf(connected)}`)
      assert.deepInclude(row, { status: 200, at: `http://127.0.0.1:${port}/api/connections/${idOf(connected)}` })
      const pressed = yield* person.press(`/api/connections/${idOf(connected)}/disconnect`)
      assert.strictEqual(pressed.status, 200)
    }),
  )

  it.effect("is consented to first, and its label chosen afterwards", () =>
    Effect.gen(function* () {
      const { ada, brought, health, mailbox } = yield* somebody("choosing")
      const asked = yield* ada.connect({ mailbox, label: null })
      assert.deepInclude(asked, { status: 422 })
      assert.deepInclude(asked.body, { error: "LABEL_NOT_CONFIGURED", retryable: false })
      const id = idOf(asked)
      assert.deepInclude(yield* health(id), { status: "pending", waits_for: "label", label: null })
      const names = rowsOf(yield* ada.get(`/api/connections/${id}/labels`)).map(({ name }) => name)
      assert.include(names, "Bookings")
      assert.notInclude(names, "TRASH")

      const typo = yield* ada.post(`/api/connections/${id}/label`, { label: "Boking" })
      assert.deepInclude(typo.body, { error: "LABEL_NOT_FOUND", near: ["Bookings"], connectionId: id })
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/label`, { label: "TRASH" })).body, {
        error: "LABEL_REFUSED",
      })
      const chosen = yield* ada.post(`/api/connections/${id}/label`, { label: "bookings" })
      assert.deepInclude(chosen.body, { connectionId: id, status: "active" })
      assert.propertyVal((chosen.body as { readonly label: object }).label, "name", "Bookings")
      yield* brought(id, 1)
      assert.deepInclude(yield* health(id), {
        status: "active",
        waits_for: null,
        label: "Bookings",
        items_synced: 1,
        deferred: 0,
        drift: null,
        disabled: null,
      })
      const watched = rowsOf(yield* ada.get(`/api/connections/${id}/labels`)).filter(({ watched }) => watched)
      assert.deepStrictEqual(
        watched.map(({ name }) => name),
        ["Bookings"],
      )
    }),
  )

  it.effect("is followed when its label is renamed, and asks when it was made anew", () =>
    Effect.gen(function* () {
      const { ada, brought, deliver, google, health, mailbox } = yield* somebody("recreated")
      const id = idOf(yield* ada.connect({ mailbox }))
      yield* brought(id, 1)
      yield* google.post(`/simulator/rename-label?mailbox=${mailbox}&label=Bookings&to=Stays`)
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/label/verify`)).body, { status: "active" })
      assert.deepInclude(yield* health(id), { label: "Stays" })

      yield* google.post(`/simulator/delete-label?mailbox=${mailbox}&label=Stays`)
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/label/verify`)).body, { error: "LABEL_NOT_FOUND" })
      yield* deliver("Stays")
      assert.deepInclude((yield* synced(ada, id)).body, { error: "LABEL_CONFLICT" })
      assert.deepInclude(yield* health(id), { sync_failure: "SourceReplaced", waits_for: "label" })
      assert.strictEqual((yield* ada.post(`/api/connections/${id}/label/verify`)).status, 409)
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/label/confirm`)).body, { status: "active" })
      yield* brought(id, 2)
      assert.deepInclude(yield* health(id), { sync_failure: null, waits_for: null, label: "Stays" })
    }),
  )

  it.effect("that is another one than the connected one is added as new by whoever consented, and nobody else", () =>
    Effect.gen(function* () {
      const { ada, brought, google, health, mailbox } = yield* somebody("mismatch")
      const other = "other@mismatch.example"
      yield* google.post(`/simulator/mailboxes?mailbox=${other}`)
      yield* google.post(`/simulator/deliver?mailbox=${other}&label=Bookings&sample=newsletter`)
      const mended = idOf(yield* ada.connect({ mailbox }))
      yield* brought(mended, 1)
      const refused = yield* ada.connect({ mailbox: other, reconnects: mended })
      assert.deepInclude(refused, { status: 409 })
      assert.deepInclude(refused.body, { error: "MAILBOX_MISMATCH" })
      const id = /[0-9a-f-]{36}/.exec(refused.text)?.[0] ?? ""
      assert.deepInclude(yield* health(id), { waits_for: "mailbox" })

      const elsewhere = new Browser(ada.origin, { tenant: "mismatch" })
      assert.deepInclude((yield* elsewhere.post(`/api/connections/${id}/connect-as-new`)).body, {
        error: "CONSENT_REFUSED",
      })
      assert.deepInclude((yield* ada.post(`/api/connections/${id}/connect-as-new`)).body, {
        connectionId: id,
        status: "active",
      })
      assert.deepInclude(yield* health(mended), { status: "active", waits_for: null })
    }),
  )

  it.effect("goes on with its label after a new consent, without anybody naming it", () =>
    Effect.gen(function* () {
      const { ada, brought, google, health, mailbox } = yield* somebody("again")
      const id = idOf(yield* ada.connect({ mailbox }))
      yield* brought(id, 1)
      yield* google.post(`/simulator/revoke?mailbox=${mailbox}`)
      assert.deepInclude((yield* synced(ada, id)).body, { error: "REAUTHORIZATION_NEEDED" })
      assert.deepInclude(yield* health(id), { status: "needs_reauth", waits_for: "consent", failure: "revoked" })
      assert.strictEqual((yield* ada.get(`/api/connections/${id}/labels`)).status, 409)
      const again = yield* ada.connect({ mailbox, label: null, reconnects: id })
      assert.deepInclude(again.body, { outcome: "created", superseded: id })
      assert.deepInclude(yield* health(idOf(again)), { status: "active", label: "Bookings" })
    }),
  )

  it.effect("shows its labels to nobody but its owner", () =>
    Effect.gen(function* () {
      const { ada, brought, mailbox } = yield* somebody("private")
      const id = idOf(yield* ada.connect({ mailbox }))
      yield* brought(id, 1)
      const grace = new Browser(ada.origin, { tenant: "private", user: "grace" })
      const eve = new Browser(ada.origin, { tenant: "elsewhere" })
      for (const [browser, status] of [
        [grace, 409],
        [eve, 404],
      ] as const) {
        assert.strictEqual((yield* browser.get(`/api/connections/${id}/labels`)).status, status)
        assert.strictEqual((yield* browser.post(`/api/connections/${id}/label`, { label: "INBOX" })).status, status)
        assert.isAbove((yield* browser.post(`/api/connections/${id}/connect-as-new`)).status, 399)
      }
      const calendar = idOf(
        yield* ada.post("/api/connections", { provider: "google-calendar", authorization: "consent-1" }),
      )
      assert.deepInclude((yield* ada.get(`/api/connections/${calendar}/labels`)).body, { error: "NOT_READY" })
    }),
  )

  it.effect("is asked nothing while it is switched off, and everything afterwards", () =>
    Effect.gen(function* () {
      const { ada, brought, deliver, google, health, mailbox } = yield* somebody("switches")
      const bystander = yield* somebody("bystander")
      const id = idOf(yield* ada.connect({ mailbox }))
      const other = idOf(yield* bystander.ada.connect({ mailbox: bystander.mailbox }))
      yield* brought(id, 1)
      yield* bystander.brought(other, 1)
      const turn = (scope: string, enabled: boolean) => ada.post("/api/controls", { scope, enabled, reason: "a drill" })
      for (const scope of ["all", "provider:gmail", `connection:${id}`]) {
        assert.deepInclude((yield* turn(scope, false)).body, { scope, enabled: false, changed: true })
        assert.deepInclude((yield* turn(scope, false)).body, { changed: false })
        const asked = yield* requestsOf(google)
        const refused = yield* ada.post(`/api/connections/${id}/sync`)
        assert.deepInclude(refused, { status: 503 })
        assert.deepInclude(refused.body, { error: "SYNC_DISABLED", retryable: true })
        assert.strictEqual(yield* requestsOf(google), asked)
        assert.deepInclude(yield* health(id), { disabled: scope })
        assert.deepStrictEqual(rowsOf(yield* ada.get("/api/controls")), [{ scope }])
        assert.strictEqual((yield* synced(bystander.ada, other)).status, 200)
        yield* turn(scope, true)
      }
      yield* turn("enrichment", false)
      yield* deliver()
      assert.deepInclude((yield* synced(ada, id)).body, { added: 1, facts_considered: 0 })
      yield* turn("enrichment", true)
      assert.deepInclude((yield* synced(ada, id)).body, { added: 0, facts_considered: 2 })
      assert.deepInclude((yield* turn("mail", false)).body, { error: "INVALID_REQUEST", at: "scope" })
      assert.deepStrictEqual(rowsOf(yield* ada.get("/api/controls")), [])
    }),
  )

  it.effect("is looked at when Google says that it changed, and only Google is believed", () =>
    Effect.gen(function* () {
      const { ada, brought, deliver, google, mailbox } = yield* somebody("pushes")
      const id = idOf(yield* ada.connect({ mailbox }))
      yield* brought(id, 1)
      yield* deliver()
      const push = (serviceAccount: string) => {
        const to = new URL("/api/webhooks/gmail", ada.origin).href
        const query = new URLSearchParams({ mailbox, to, audience: to, serviceAccount })
        return Effect.map(google.post(`/simulator/push?${query.toString()}`), ({ body }) => body)
      }
      assert.deepStrictEqual(yield* push("somebody@else.example"), { statuses: [401] })
      assert.deepStrictEqual(yield* push("pushes@simulated.example"), { statuses: [204] })
      yield* brought(id, 2)
      assert.strictEqual((yield* ada.post("/api/webhooks/gmail", {})).status, 401)

      const stopped = yield* requestsOf(google, "stop")
      yield* ada.post(`/api/connections/${id}/disconnect`)
      assert.strictEqual(yield* requestsOf(google, "stop"), stopped + 1)
    }),
  )

  it.effect("is on the tape beside what a bank delivered before", () =>
    Effect.gen(function* () {
      const { ada, brought, mailbox } = yield* somebody("banked")
      const bank = idOf(yield* ada.get("/api/plaid/start?simulate=ada-platypus"))
      yield* eventually(ada.get(`/api/connections/${bank}`), ({ text }) => text.includes('"total_transactions":450'))
      yield* brought(idOf(yield* ada.connect({ mailbox })), 1)
    }),
  )

  it.effect("is put right on pages, with buttons", () =>
    Effect.gen(function* () {
      const { google, mailbox } = yield* somebody("pages")
      const { server } = yield* Where
      const person = new Browser(server, { asPerson: true })
      const chooser = yield* person.connect({ mailbox, label: "Boking" })
      assert.include(chooser.text, "The mailbox has no label “Boking”.")
      const choose = pathIn(chooser, /action="([^"]*\/label)"/)
      const shown = yield* person.get("/")
      assert.include(shown.text, "It waits for its label (Boking).")
      const chosen = yield* person.press(choose, { label: "Bookings" })
      assert.include(chosen.text, "Watches <strong>Bookings</strong>")
      const gone = yield* person.press(choose, { label: "Boking" })
      assert.include(gone.text, "The mailbox has no label of that name. “Bookings” is watched as before.")

      const id = /[0-9a-f-]{36}/.exec(choose)?.[0] ?? ""
      yield* google.post("/simulator/mailboxes?mailbox=other@pages.example")
      const mismatch = yield* person.connect({ mailbox: "other@pages.example", label: null, reconnects: id })
      assert.include(mismatch.text, "Which mailbox is meant?")
      const added = yield* person.press(pathIn(mismatch, /action="([^"]*\/connect-as-new)"/))
      assert.include(added.text, "Which label is watched?")
      assert.strictEqual((yield* person.get("/mailboxes/nobody")).status, 404)

      const off = yield* person.press("/api/controls", { scope: "provider:gmail", enabled: "false" })
      assert.include(off.text, "Switch provider:gmail on again")
      const on = yield* person.press("/api/controls", { scope: "provider:gmail", enabled: "true" })
      assert.notInclude(on.text, "on again")

      const refusals: ReadonlyArray<readonly [string, number, string]> = [
        ["/api/gmail/start?simulate=deny", 409, "The owner did not consent."],
        ["/api/plaid/start?simulate=deny", 409, "The person closed the bank&#39;s page."],
        ["/api/gmail/callback", 409, "begin again."],
        ["/api/gmail/start?reconnects=nobody", 400, "reconnects: Expected a lower-case UUID."],
        ["/nowhere", 404, "There is nothing here"],
      ]
      for (const [path, status, said] of refusals) {
        const refused = yield* person.get(path)
        assert.strictEqual(refused.status, status)
        assert.include(refused.text, said)
        assert.include(refused.text, 'href="/"')
        assert.include(refused.headers.get("content-security-policy") ?? "", "default-src 'none'")
      }
      for (const { text } of [chooser, shown, mismatch, added, off]) assert.notInclude(text, "<script")
    }),
  )
})

/** A workspace of its own with a mailbox of its own, in whose label one mail is. */
const somebody = Effect.fnUntraced(function* (tenant: string) {
  const { server, simulator } = yield* Where
  const ada = new Browser(server, { tenant })
  const google = new Browser(simulator)
  const mailbox = `ada@${tenant}.example`
  const deliver = (label = "Bookings") =>
    google.post(`/simulator/deliver?mailbox=${mailbox}&label=${label}&sample=newsletter`)
  yield* google.post(`/simulator/mailboxes?mailbox=${mailbox}`)
  yield* deliver()
  return {
    ada,
    google,
    mailbox,
    deliver,
    health: (id: string) => Effect.map(ada.get(`/api/connections/${id}/health`), ({ body }) => body as object),
    /** Waits until so many mails are on the tape. */
    brought: (id: string, mails: number) =>
      eventually(ada.get(`/api/connections/${id}/messages`), (answer) => rowsOf(answer).length === mails),
  }
})

/** The scheduler's own look may be under way. */
const synced = (browser: Browser, id: string) =>
  eventually(browser.post(`/api/connections/${id}/sync`), ({ text }) => !text.includes("SYNC_IN_PROGRESS"))

/** How many requests Google got, of one kind or of all that concern mail. */
const requestsOf = (google: Browser, kind?: string) =>
  Effect.map(google.get("/simulator/requests"), ({ body }) => {
    const { counts } = body as { readonly counts: Readonly<Record<string, number>> }
    return kind === undefined ? Object.values(counts).reduce((sum, count) => sum + count, 0) : (counts[kind] ?? 0)
  })

const pathIn = ({ text }: Answer, pattern: RegExp) => {
  const [, path = ""] = pattern.exec(text) ?? []
  assert.isNotEmpty(path)
  return path
}
