import { assert, layer } from "@effect/vitest"
import { Aggregate, Connection, Credentials, EventStore, Ids, Memory, Registration, Vault } from "@holdfast/domain"
import { later } from "@holdfast/domain/testing/later"
import { Duration, Effect, Layer, Logger, Redacted, Result, Stream } from "effect"

import { GmailConnect, GmailConsents, GmailSecret, GoogleOAuth } from "../src/index.ts"
import { GmailSimulator } from "../src/testing/index.ts"
import { ada, simulated } from "./support.ts"

const world = Layer.mergeAll(
  Memory.layer,
  Layer.fresh(simulated({ mailboxes: [ada] })),
  Registration.Providers.layer({ gmail: {} }),
  Layer.succeed(Credentials.ConfirmAfter, Duration.millis(5)),
  Logger.layer([]),
)

layer(world, { excludeTestServices: true })("A consent that nobody finishes", (it) => {
  for (const [what, prepared, patience] of [
    ["was asked for and not given", () => asked(), "1 hour"],
    ["was given and waits for its label", () => waiting(), "24 hours"],
    ["was offered of another mailbox than the one to be mended", () => offered(), "15 minutes"],
  ] as const) {
    it.effect(`lapses after ${patience} and not before, once, where it ${what}`, () =>
      Effect.gen(function* () {
        const time = Duration.fromInputUnsafe(patience)
        const consent = yield* prepared()
        const early = yield* later(Duration.subtract(time, minute), GmailConsents.lapse())
        assert.notInclude(early.lapsed, consent.connectionId)
        assert.strictEqual((yield* stateOf(consent)).status, "pending")

        const { lapsed, left } = yield* later(Duration.sum(time, minute), GmailConsents.lapse())
        assert.include(lapsed, consent.connectionId)
        assert.deepStrictEqual(left, [])
        assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"])
        assert.isFalse(yield* isKept(consent))

        assert.deepStrictEqual(yield* everything, { lapsed: [], left: [] })
        assert.strictEqual((yield* told(consent)).length, 2)
      }),
    )
  }

  it.effect("takes the time that the host gives it", () =>
    Effect.gen(function* () {
      const [visit, label] = [yield* asked(), yield* waiting()]
      const { lapsed } = yield* later("2 minutes", GmailConsents.lapse({ visit: "1 minute", label: "3 minutes" }))
      assert.include(lapsed, visit.connectionId)
      assert.strictEqual((yield* stateOf(label)).status, "pending")
    }),
  )

  it.effect("has to be begun anew by whoever comes back after all, whatever they want", () =>
    Effect.gen(function* () {
      const { connectionId, mailbox, query, session } = yield* waiting()
      yield* everything
      for (const attempt of [
        Effect.asVoid(GmailConnect.complete({ query, session })),
        Effect.asVoid(GmailConnect.connectAsNew(session, connectionId)),
        Effect.asVoid(GmailConnect.labels(session, connectionId)),
        Effect.asVoid(GmailConnect.chooseLabel(session, connectionId, label)),
        Effect.asVoid(GmailConnect.confirmLabel(session, connectionId)),
        Effect.asVoid(GmailConnect.verifyLabel(session, connectionId)),
      ]) {
        const refused = yield* Effect.flip<void, { readonly _tag: string }, Effect.Services<typeof attempt>>(attempt)
        assert.deepInclude<object>(refused, { _tag: "ConsentRefused", reason: "expired" })
      }
      const stranger = { ...session, ownerId: Ids.OwnerId.make("bob") }
      const refused = yield* Effect.flip(GmailConnect.complete({ query, session: stranger }))
      assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "unknown" })

      const anew = yield* waiting({ mailbox, session })
      yield* GmailConnect.chooseLabel(session, anew.connectionId, label)
      assert.strictEqual((yield* stateOf(anew)).status, "active")
      assert.deepStrictEqual(yield* GmailConnect.recover(), [])
    }),
  )

  it.effect("is nobody's business once it is connected, paused, ended or superseded", () =>
    Effect.gen(function* () {
      const { connectionId, query, session } = yield* given({ label })
      yield* GmailConnect.complete({ query, session })
      const before = yield* told({ connectionId, session })
      assert.deepStrictEqual(yield* everything, { lapsed: [], left: [] })
      assert.isFalse(yield* GmailConsents.end(session.tenantId, connectionId))
      yield* handle(
        session.tenantId,
        connectionId,
        { _tag: "Supersede", at: (yield* stateOf({ connectionId, session })).chosenAt ?? assert.fail(), by: nobody },
        { metadata: { actor: Ids.system } },
      )
      assert.isFalse(yield* GmailConsents.end(session.tenantId, connectionId))
      assert.deepStrictEqual(yield* told({ connectionId, session }), [...before, "superseded"])
      assert.isTrue(yield* isKept({ connectionId, session }))
    }),
  )
})

layer(world, { excludeTestServices: true })("The grant of a consent that lapsed", (it) => {
  it.effect("is revoked where nobody else has it", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      const token = yield* tokenOf(consent)
      assert.isTrue(yield* works(token))
      yield* everything
      assert.isFalse(yield* works(token))
    }),
  )

  for (const [whose, other] of [
    ["is connected", { label: "Reservations" }],
    ["waits for its label", {}],
  ] as const) {
    for (const where of ["in the same tenant", "in another tenant"]) {
      it.effect(`is left to a connection of the same person that ${whose} ${where}`, () =>
        Effect.gen(function* () {
          const consent = yield* waiting()
          const session = where === "in the same tenant" ? consent.session : newSession()
          const next = yield* given({ ...other, mailbox: consent.mailbox, session })
          yield* Effect.exit(GmailConnect.complete(next))
          const token = yield* tokenOf(next)

          assert.isTrue(yield* GmailConsents.end(consent.session.tenantId, consent.connectionId))
          assert.isFalse(yield* isKept(consent))
          assert.isTrue(yield* works(token))
          if ("label" in other) return
          // The last one that waited takes the grant with it.
          yield* GmailConsents.end(next.session.tenantId, next.connectionId)
          assert.isFalse(yield* works(token))
        }),
      )
    }
  }

  it.effect("is not held by a connection of the same person that is over, nor by another person's", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      const over = yield* given({ mailbox: consent.mailbox, label })
      yield* GmailConnect.complete(over)
      const at = (yield* stateOf(over)).chosenAt ?? assert.fail("It is not connected")
      const disconnect: Connection.Command = { _tag: "Disconnect", at, reason: "owner" }
      yield* handle(over.session.tenantId, over.connectionId, disconnect, { metadata: { actor: Ids.system } })
      const other = yield* given({ label })
      yield* GmailConnect.complete(other)
      const [token, theirs] = [yield* tokenOf(consent), yield* tokenOf(other)]
      yield* GmailConsents.end(consent.session.tenantId, consent.connectionId)
      assert.deepStrictEqual([yield* works(token), yield* works(theirs)], [false, true])
    }),
  )

  it.effect("waits while its owner is at Google, who may bring it again", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      const visit = yield* asked({ session: consent.session, mailbox: consent.mailbox })
      const token = yield* tokenOf(consent)
      const { left } = yield* GmailConsents.lapse({ label: 0 })
      assert.deepStrictEqual(left, [consent.connectionId])
      assert.deepStrictEqual([(yield* stateOf(consent)).status, yield* works(token)], ["disconnected", true])
      const once = yield* everything
      const twice = yield* everything
      const lapsed = [...once.lapsed, ...twice.lapsed]
      assert.deepStrictEqual(lapsed.toSorted(), [consent.connectionId, visit.connectionId].toSorted())
      assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [false, false])
    }),
  )

  it.effect("waits while its owner has another one that cannot be read, which may be the same", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      const other = yield* waiting({ session: consent.session, mailbox: consent.mailbox })
      const token = yield* tokenOf(other)
      const vault = yield* Vault.Vault
      const unreadable = Vault.Vault.of({
        ...vault,
        get: (tenantId, connectionId) =>
          connectionId === other.connectionId
            ? Effect.fail(new Vault.CredentialsUnreadable({ connectionId, reason: "unknown-master-key" }))
            : vault.get(tenantId, connectionId),
      })
      assert.isFalse(yield* Effect.provideService(lapsing(consent), Vault.Vault, unreadable))
      assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [true, true])
      yield* everything
      assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [false, false])
    }),
  )

  it.effect("is revoked as soon as Google can be asked, and the secret kept until then", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      const consent = yield* waiting()
      const token = yield* tokenOf(consent)
      yield* simulator.fail({ kind: "revoke", failure: "unavailable" })
      assert.deepStrictEqual((yield* everything).left, [consent.connectionId])
      assert.isTrue(yield* isKept(consent))
      const refused = yield* Effect.flip(GmailConnect.chooseLabel(consent.session, consent.connectionId, label))
      assert.deepInclude(refused, { _tag: "ConsentRefused", reason: "expired" })
      assert.deepStrictEqual((yield* everything).lapsed, [consent.connectionId])
      assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [false, false])
    }),
  )

  it.effect("is left alone where it was kept before grants were told apart, and the secret is destroyed", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      const vault = yield* Vault.Vault
      const { secret, version } = yield* vault.get(consent.session.tenantId, consent.connectionId)
      const { subject: _, ...old } = GmailSecret.granted(secret)
      yield* vault.put(consent.session.tenantId, consent.connectionId, GmailSecret.write(old), { replaces: version })
      const token = yield* tokenOf(consent)
      yield* everything
      assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [false, true])
    }),
  )
})

layer(world, { excludeTestServices: true })("A lapse", (it) => {
  for (const when of ["before", "after"] as const) {
    it.effect(`that died ${when} anything it does is finished by the next one`, () =>
      Effect.gen(function* () {
        let steps = 0
        for (; ; steps++) {
          const consent = yield* waiting()
          const token = yield* tokenOf(consent)
          const dying = Effect.die("the process died")
          const { isMet } = yield* meeting(lapsing(consent), steps, when, dying)
          yield* everything
          assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"], `step ${steps}`)
          assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [false, false], `step ${steps}`)
          if (!isMet) break
        }
        assert.isAbove(steps, 4)
      }),
    )
  }

  it.effect("and a person who chooses the label at the same moment are never both right, and never both wrong", () =>
    Effect.gen(function* () {
      const winners = new Set<string>()
      const settled = Effect.fnUntraced(function* (consent: Given, token: string, hasChosen: boolean, at: string) {
        const { status } = yield* stateOf(consent)
        winners.add(status)
        assert.strictEqual(status, hasChosen ? "active" : "disconnected", at)
        assert.deepStrictEqual([yield* isKept(consent), yield* works(token)], [hasChosen, hasChosen], at)
      })
      const choosing = ({ connectionId, session }: Given) =>
        Effect.result(GmailConnect.chooseLabel(session, connectionId, label))
      const isRefused = (chosen: Result.Result<unknown, { readonly _tag: string }>) =>
        Result.isFailure(chosen) && chosen.failure._tag === "ConsentRefused"

      for (let step = 0, isMet = true; isMet; step++) {
        const consent = yield* waiting()
        const token = yield* tokenOf(consent)
        const met = yield* meeting(choosing(consent), step, "before", Effect.ignore(everything))
        isMet = met.isMet
        const chosen = yield* met.exit
        if (Result.isFailure(chosen)) assert.isTrue(isRefused(chosen), `it lapses at step ${step} of a choice`)
        yield* everything
        yield* settled(consent, token, Result.isSuccess(chosen), `it lapses at step ${step} of a choice`)
      }
      for (let step = 0, isMet = true; isMet; step++) {
        const consent = yield* waiting()
        const token = yield* tokenOf(consent)
        let chosen: Effect.Success<ReturnType<typeof choosing>> | undefined
        const choose = Effect.map(choosing(consent), (result) => void (chosen = result))
        isMet = (yield* meeting(lapsing(consent), step, "before", choose)).isMet
        yield* everything
        if (chosen === undefined) continue
        const hasChosen = Result.isSuccess(chosen)
        if (!hasChosen) assert.isTrue(isRefused(chosen), `a choice at step ${step} of a lapse`)
        yield* settled(consent, token, hasChosen, `a choice at step ${step} of a lapse`)
      }
      assert.deepStrictEqual(winners, new Set(["active", "disconnected"]))
    }),
  )

  it.effect("leaves nothing of a grant that comes back from Google while the visit lapses", () =>
    Effect.gen(function* () {
      for (let step = 0, isMet = true; isMet; step++) {
        const consent = yield* given({ label })
        const met = yield* meeting(GmailConnect.complete(consent), step, "before", Effect.ignore(everything))
        isMet = met.isMet
        yield* everything
        const { status } = yield* stateOf(consent)
        assert.strictEqual(status, met.exit._tag === "Success" ? "active" : "disconnected", `step ${step}`)
        assert.strictEqual(yield* isKept(consent), status === "active", `step ${step}`)
        if (status !== "disconnected") continue
        const refused = yield* Effect.flip(met.exit)
        assert.strictEqual(refused._tag, "ConsentRefused", `step ${step}`)
      }
    }),
  )

  it.effect("revokes a grant that comes back from Google behind its back", () =>
    Effect.gen(function* () {
      const simulator = yield* GmailSimulator
      let revoked = 0
      for (let step = 0, isMet = true; isMet; step++) {
        const consent = yield* given({ label })
        yield* simulator.forgetRequests
        const coming = Effect.exit(GmailConnect.complete(consent))
        isMet = (yield* meeting(lapsing(consent), step, "before", coming)).isMet
        yield* everything
        const { status } = yield* stateOf(consent)
        assert.strictEqual(yield* isKept(consent), status === "active", `step ${step}`)
        if (status === "active") continue
        const [exchanged, ended] = [yield* simulator.count("token.exchange"), yield* simulator.count("revoke")]
        assert.strictEqual(ended, exchanged, `step ${step}`)
        revoked += ended
      }
      assert.isAbove(revoked, 0)
    }),
  )

  it.effect("goes on past a secret that another version of this software wrote, and so does recovery", () =>
    Effect.gen(function* () {
      const [strange, consent] = [yield* waiting(), yield* waiting()]
      const { connectionId, session } = strange
      const vault = yield* Vault.Vault
      const { version } = yield* vault.get(session.tenantId, connectionId)
      const newer = Redacted.make('{"_tag":"Lent","refreshToken":"refresh"}')
      yield* vault.put(session.tenantId, connectionId, newer, { replaces: version })
      assert.deepStrictEqual(yield* GmailConnect.recover(), [])
      const early = yield* later("23 hours", GmailConsents.lapse())
      assert.notInclude(early.lapsed, connectionId)
      const { lapsed } = yield* later("25 hours", GmailConsents.lapse())
      assert.includeMembers([...lapsed], [connectionId, consent.connectionId])
      assert.deepStrictEqual([yield* isKept(strange), yield* isKept(consent)], [false, false])
    }),
  )

  it.effect("reads what was recorded since the last look, however many lapse", () =>
    Effect.gen(function* () {
      for (const _ of Array(3)) yield* waiting()
      const log = yield* EventStore.EventLog
      let read = 0
      const watched = EventStore.EventLog.of({
        ...log,
        read: (...asked) => Stream.tap(log.read(...asked), () => Effect.sync(() => read++)),
      })
      const look = Effect.provideService(everything, EventStore.EventLog, watched)
      assert.isAtLeast((yield* look).lapsed.length, 3)
      yield* look
      const all = yield* Stream.runCollect(
        log.read(EventStore.beginning, {
          categories: [Connection.name],
          types: ["configured", "connected", "resumed", "superseded", "disconnected"],
        }),
      )
      // And that the last one of the first look is still there.
      assert.strictEqual(read, all.length + 1)
      yield* look
      assert.deepStrictEqual(yield* Effect.provideService(GmailConnect.recover(), EventStore.EventLog, watched), [])
      assert.strictEqual(read, all.length + 1)
    }),
  )

  it.effect("is one, however many are at it", () =>
    Effect.gen(function* () {
      const consent = yield* waiting()
      yield* Effect.all([everything, everything, everything], { concurrency: "unbounded" })
      yield* everything
      assert.deepStrictEqual(yield* told(consent), ["configured", "disconnected lapsed"])
      assert.isFalse(yield* isKept(consent))
    }),
  )
})

const label = "Reservations"
const minute = Duration.minutes(1)
const nobody = Ids.ConnectionId.make("00000000-0000-4000-8000-000000000000")

/** As if all patience had run out. */
const everything = GmailConsents.lapse({ visit: 0, label: 0 })
const lapsing = ({ connectionId, session }: Given) => GmailConsents.end(session.tenantId, connectionId)

interface Given {
  readonly connectionId: Ids.ConnectionId
  readonly session: GmailConnect.Session
}

let people = 0

const newSession = (): GmailConnect.Session => ({
  tenantId: Ids.TenantId.make(`tenant ${people++}`),
  ownerId: Ids.OwnerId.make("ada"),
  id: "browser-1",
})

interface Wishes {
  readonly session?: GmailConnect.Session
  readonly mailbox?: string
  readonly label?: string
  readonly reconnects?: Ids.ConnectionId
}

/** A person was sent to Google, somebody with a mailbox of their own unless it is named. */
const asked = Effect.fnUntraced(function* ({ label: wanted, reconnects, ...wishes }: Wishes = {}) {
  const simulator = yield* GmailSimulator
  const session = wishes.session ?? newSession()
  const mailbox = wishes.mailbox ?? (yield* simulator.addMailbox(`person-${people++}@example.com`)).address
  yield* simulator.label(mailbox, label)
  const settings = wanted === undefined ? {} : { label: wanted }
  return { mailbox, session, ...(yield* GmailConnect.begin({ session, settings, reconnects })) }
})

/** They are on the way back. */
const given = Effect.fnUntraced(function* (wishes: Wishes = {}) {
  const { url, ...visit } = yield* asked(wishes)
  const { searchParams } = yield* (yield* GmailSimulator).consent(url, { mailbox: visit.mailbox })
  return { ...visit, query: searchParams }
})

/** They are back, and nobody has said which label is meant. */
const waiting = Effect.fnUntraced(function* (wishes: Wishes = {}) {
  const consent = yield* given(wishes)
  assert.strictEqual((yield* Effect.flip(GmailConnect.complete(consent)))._tag, "LabelNotSettled")
  return consent
})

const offered = Effect.fnUntraced(function* () {
  const first = yield* given({ label })
  const { connectionId } = yield* GmailConnect.complete(first)
  const consent = yield* given({ session: first.session, reconnects: connectionId })
  assert.strictEqual((yield* Effect.flip(GmailConnect.complete(consent)))._tag, "MailboxMismatch")
  return consent
})

const stateOf = ({ connectionId, session }: Given) =>
  Effect.map(Aggregate.load(Connection)(session.tenantId, connectionId), ({ state }) => state)

const handle = Aggregate.handle(Connection)

/** What its stream says, with the reasons. */
const told = Effect.fnUntraced(function* ({ connectionId, session }: Given) {
  const store = yield* EventStore.EventStore
  const events = yield* Stream.runCollect(store.readStream(session.tenantId, Connection.streamId(connectionId)))
  return events.map(({ event }) => [event.type, event.data["reason"] ?? []].flat().join(" "))
})

const isKept = ({ connectionId, session }: Given) =>
  Effect.flatMap(Vault.Vault, (vault) => vault.get(session.tenantId, connectionId)).pipe(
    Effect.as(true),
    Effect.catchTag("CredentialsNotFound", () => Effect.succeed(false)),
  )

const tokenOf = ({ connectionId, session }: Given) =>
  Effect.flatMap(Vault.Vault, (vault) => vault.get(session.tenantId, connectionId)).pipe(
    Effect.map(({ secret }) => GmailSecret.granted(secret).refreshToken),
  )

/** Whether Google honours a refresh token. */
const works = (token: string) =>
  Effect.flatMap(GoogleOAuth.GoogleOAuth, (oauth) => oauth.refresh(Redacted.make(token))).pipe(
    Effect.as(true),
    Effect.catchReason("GoogleError", "InvalidGrant", () => Effect.succeed(false)),
  )

/**
 * Runs an effect and lets something else happen right before or after the nth thing that it asks of the stores or wants
 * revoked; `isMet` says whether it asked as often.
 */
const meeting = <A, E, R, R2>(
  effect: Effect.Effect<A, E, R>,
  nth: number,
  when: "before" | "after",
  other: Effect.Effect<unknown, never, R2>,
) =>
  Effect.gen(function* () {
    const [store, vault, oauth] = [yield* EventStore.EventStore, yield* Vault.Vault, yield* GoogleOAuth.GoogleOAuth]
    const happening = Effect.provideContext(other, yield* Effect.context<R2>())
    let count = 0
    const around = <A, E, R>(call: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        if (count++ !== nth) return call
        return when === "before" ? Effect.andThen(happening, call) : Effect.tap(call, happening)
      })
    const exit = yield* Effect.exit(effect).pipe(
      Effect.provideService(EventStore.EventStore, { ...store, append: (request) => around(store.append(request)) }),
      Effect.provideService(Vault.Vault, {
        get: (...asked) => around(vault.get(...asked)),
        put: (...asked) => around(vault.put(...asked)),
        remove: (...asked) => around(vault.remove(...asked)),
      }),
      Effect.provideService(GoogleOAuth.GoogleOAuth, { ...oauth, revoke: (token) => around(oauth.revoke(token)) }),
    )
    return { exit, isMet: count > nth }
  })
