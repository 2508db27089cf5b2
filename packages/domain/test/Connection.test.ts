import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Effect, Logger, Result, Schema } from "effect"

import { Connection, Decider, Ids, Personal } from "../src/index.ts"

describe("the health of a connection", () => {
  it.effect("is logged whenever it changes, with what changed it and why in fixed words, and nothing else", () =>
    Effect.gen(function* () {
      const lines = yield* heard([
        configure,
        connect(),
        { _tag: "RecordRefresh", at, credentialVersion: 2 },
        fail,
        { _tag: "RecordRefresh", at, credentialVersion: 3 },
        { _tag: "Pause", at, reason: "Ada asked on the telephone" },
        { _tag: "Resume", at, reason: "Ada asked again" },
        { _tag: "Supersede", at, by: other },
        { _tag: "Disconnect", at, reason: "owner" },
        { _tag: "Forget", at },
      ])
      const told = { event: "connection_health", connectionId, provider: "gmail" }
      assert.deepStrictEqual(lines, [
        ["INFO", { ...told, from: "absent", to: "pending", because: "configured" }],
        ["INFO", { ...told, from: "pending", to: "active", because: "connected" }],
        ["WARN", { ...told, from: "active", to: "needs_reauth", because: "authorization_failed", reason: "revoked" }],
        ["INFO", { ...told, from: "needs_reauth", to: "active", because: "token_refreshed" }],
        ["INFO", { ...told, from: "active", to: "paused", because: "paused" }],
        ["INFO", { ...told, from: "paused", to: "active", because: "resumed" }],
        ["INFO", { ...told, from: "active", to: "superseded", because: "superseded" }],
        ["INFO", { ...told, from: "superseded", to: "disconnected", because: "disconnected", reason: "owner" }],
      ])
    }),
  )

  it.effect.prop("is logged for every change of status and for nothing else", [commands], ([commands]) =>
    Effect.gen(function* () {
      const statuses = [Connection.initial]
      for (const command of commands) statuses.push(told(statuses.at(-1) ?? Connection.initial, command))
      const turns = statuses.filter(({ status }, index) => index > 0 && status !== statuses[index - 1]?.status)
      const lines = yield* heard(commands)
      assert.deepStrictEqual(
        lines.map(([, { to }]) => to),
        turns.map(({ status }) => status),
      )
    }),
  )
})

describe("a connection", () => {
  it.prop("reaches some state by any events in any order", [Schema.Array(Connection.Event)], ([events]) => {
    const state = Decider.replay(Connection, events)
    assert.include(statuses, state.status)
    assert.isArray(Connection.claims(state))
  })

  it.prop("changes nothing when it is told the same twice", [commands, command], ([before, command]) => {
    const state = after(before)
    const once = told(state, command)
    assert.deepStrictEqual(eventsOf(once, command), [])
  })

  it.prop("never goes back to older credentials", [commands], ([commands]) => {
    commands.reduce((state, command) => {
      const next = told(state, command)
      assert.isAtLeast(next.credentialVersion, state.credentialVersion)
      return next
    }, Connection.initial)
  })

  it.prop("belongs to the first authorization it was given, for ever", [commands], ([commands]) => {
    commands.reduce((state, command) => {
      const next = told(state, command)
      if (state.authorization !== undefined) assert.strictEqual(next.authorization, state.authorization)
      return next
    }, Connection.initial)
  })

  it.prop("holds its slot while it is live, and its authorization always", [commands], ([commands]) => {
    const state = after(commands)
    const { authorization, provider, slot } = state
    const claims = Connection.claims(state)
    const isHolder = slot !== undefined && claims.includes(Connection.slotClaim(slot))
    assert.strictEqual(isHolder, slot !== undefined && live.has(state.status))
    const isKnown = authorization !== undefined && provider !== undefined
    if (isKnown) assert.include(claims, Connection.authorizationClaim(provider, authorization))
    assert.strictEqual(claims.length, Number(isHolder) + Number(isKnown))
  })

  it.prop("stays as it ended", [commands, commands], ([before, later]) => {
    const ended = told(after([connect(), ...before]), { _tag: "Forget", at })
    assert.strictEqual(ended.status, "disconnected")
    const end = later.reduce(told, ended)
    assert.strictEqual(end.status, "disconnected")
    assert.isTrue(end.forgotten)
  })

  it.prop("has no failure on record while it is active, and a reason while it needs its owner", [commands], ([all]) => {
    const state = after(all)
    if (state.status === "active") assert.isUndefined(state.failure)
    if (state.status === "needs_reauth") assert.isDefined(state.failure)
  })
})

describe("the states of a connection", () => {
  const reached: Record<Connection.Status, ReadonlyArray<Connection.Command>> = {
    absent: [],
    pending: [configure],
    active: [connect()],
    needs_reauth: [connect(), fail],
    paused: [connect(), { _tag: "Pause", at }],
    superseded: [connect(), { _tag: "Supersede", at, by: other }],
    disconnected: [connect(), { _tag: "Disconnect", at, reason: "owner" }],
  }
  // What each command makes of each state: a status, "–" where it changes nothing, "✗" where it is refused.
  const table = `
                | absent  | pending      | active       | needs_reauth | paused       | superseded   | disconnected
    Configure   | pending | –            | –            | –            | –            | –            | –
    Connect     | active  | active       | –            | –            | –            | –            | –
    Renew       | active  | active       | active       | active       | active       | active       | active
    Refresh     | –       | –            | active       | active       | paused       | –            | –
    Page        | ✗       | ✗            | active       | needs_reauth | paused       | ✗            | ✗
    FailSync    | –       | –            | active       | needs_reauth | paused       | –            | –
    Fail        | ✗       | –            | needs_reauth | –            | paused       | –            | –
    Supersede   | –       | superseded   | superseded   | superseded   | superseded   | –            | –
    Pause       | ✗       | ✗            | paused       | paused       | –            | ✗            | ✗
    Resume      | ✗       | ✗            | –            | active       | active       | active       | ✗
    Disconnect  | ✗       | disconnected | disconnected | disconnected | disconnected | disconnected | –
    Lapse       | –       | disconnected | –            | –            | –            | –            | –
    Forget      | ✗       | disconnected | disconnected | disconnected | disconnected | disconnected | disconnected`
  const asked: Record<string, Connection.Command> = {
    Configure: configure,
    Connect: connect(),
    Renew: connect({ credentialVersion: 2 }),
    Refresh: { _tag: "RecordRefresh", at, credentialVersion: 2 },
    Page: page(null, "1"),
    FailSync: { _tag: "ReportSyncFailure", at, reason: "Unavailable", retryable: true },
    Fail: fail,
    Supersede: { _tag: "Supersede", at, by: other },
    Pause: { _tag: "Pause", at },
    Resume: { _tag: "Resume", at },
    Disconnect: { _tag: "Disconnect", at, reason: "owner" },
    Lapse: { _tag: "Lapse", at },
    Forget: { _tag: "Forget", at },
  }
  const [header = [], ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
  for (const [name = "", ...outcomes] of rows) {
    for (const [index, expected] of outcomes.entries()) {
      const from = statuses.find((status) => status === header[index + 1])
      const command = asked[name]
      it(`${from}: ${name} ${expected}`, () => {
        if (from === undefined || command === undefined) return assert.fail("the table is misspelt")
        const state = after(reached[from])
        assert.strictEqual(state.status, from)
        const decided = Connection.decide(state, command)
        const outcome = Result.match(decided, {
          onFailure: () => "✗",
          onSuccess: (events) => (events.length === 0 ? "–" : told(state, command).status),
        })
        assert.strictEqual(outcome, expected)
      })
    }
  }
})

describe("a forgotten connection", () => {
  const forgotten = after([connect(), review, { _tag: "Forget", at }])

  it("is not planned anew", () => {
    const decided = Connection.decide(forgotten, { _tag: "Configure", ...plan, pollIntervalSeconds: 61 })
    assert.isTrue(Result.isFailure(decided) && decided.failure._tag === "ConnectionNotReady")
  })

  it("asks nobody anything", () => {
    assert.deepStrictEqual(forgotten.reviews, [])
  })
})

describe("a connection that is over", () => {
  const over = after([connect(), review, { _tag: "Disconnect", at, reason: "owner" }])

  it("goes on from no other one", () => {
    const decided = Connection.decide(over, {
      _tag: "FollowOn",
      at,
      previous: other,
      confidence: "exact",
      evidence: [],
      resume: [],
    })
    assert.isTrue(Result.isFailure(decided) && decided.failure._tag === "ConnectionNotReady")
  })

  it("still asks what became of what it delivered", () => {
    assert.strictEqual(over.reviews.length, 1)
  })
})

describe("a consent that nobody finished in time", () => {
  const lapsed = after([configure, { _tag: "Lapse", at }])

  it("is over, and says why", () => {
    assert.deepStrictEqual(eventsOf(after([configure]), { _tag: "Lapse", at }), [
      { _tag: "disconnected", at, reason: "lapsed" },
    ])
    assert.isTrue(Connection.isAbandoned(lapsed))
  })

  it("is connected by nothing that comes later", () => {
    const decided = Connection.decide(lapsed, connect())
    assert.isTrue(Result.isFailure(decided) && decided.failure._tag === "ConnectionNotReady")
  })

  it.prop("cannot be told of a connection that was ever connected", [commands], ([commands]) => {
    const state = after([connect(), ...commands])
    assert.isFalse(Connection.isAbandoned(state))
    assert.deepStrictEqual(eventsOf(state, { _tag: "Lapse", at }), [])
  })
})

describe("late and doubtful news", () => {
  it("that credentials ended is nothing once there are newer ones", () => {
    const renewed = after([connect(), { _tag: "RecordRefresh", at, credentialVersion: 2 }])
    const report = { _tag: "ReportAuthorizationFailure", at, reason: "revoked" } as const
    assert.deepStrictEqual(eventsOf(renewed, { ...report, credentialVersion: 1 }), [])
    assert.strictEqual(told(renewed, { ...report, credentialVersion: 2 }).status, "needs_reauth")
    assert.strictEqual(told(renewed, report).status, "needs_reauth")
  })

  it("R04 of another account's consent leaves it active, but with a broker not to be synced until the right one consents", () => {
    const offered = Ids.IdentityHash.make("b".repeat(64))
    const ours = told(after([connect()]), { _tag: "RefuseIdentity", at, offered })
    const brokered = told(after([connect({ credentialVersion: 0 })]), { _tag: "RefuseIdentity", at, offered })
    assert.deepStrictEqual([ours.status, brokered.status], ["active", "active"])
    assert.deepStrictEqual([Connection.isSyncable(ours), Connection.isSyncable(brokered)], [true, false])
    assert.isTrue(Connection.isSyncable(told(brokered, connect({ credentialVersion: 0 }))))
  })

  it("R05 a broker's refresh that fails and recovers is told once each", () => {
    const recovered: Connection.Command = { _tag: "RecordRefresh", at, credentialVersion: 0 }
    const history = [connect({ credentialVersion: 0 }), fail, fail, recovered, recovered, fail]
    let state = Connection.initial
    const types = history.flatMap((command) => {
      const events = eventsOf(state, command)
      state = told(state, command)
      return events.map(({ _tag }) => _tag)
    })
    assert.deepStrictEqual(types, ["connected", "authorization_failed", "token_refreshed", "authorization_failed"])
  })

  it("a page that does not follow the cursor is another worker's", () => {
    const state = after([connect(), page(null, "1")])
    const stale = Connection.decide(state, page(null, "1"))
    assert.isTrue(Result.isFailure(stale) && stale.failure._tag === "StalePage")
    assert.strictEqual(told(state, page("1", "2")).cursors[feedId], "2")
  })

  it("a look that moved no cursor is recorded once when it is told twice, and again when it is taken again", () => {
    const looked = after([connect(), page("1", "1")])
    assert.deepStrictEqual(eventsOf(looked, page("1", "1")), [])
    assert.strictEqual(eventsOf(looked, { ...page("1", "1"), at: DateTime.add(at, { minutes: 1 }) }).length, 1)
  })

  it("a consent that comes without credentials does not make those that are held older", () => {
    const renewed = after([connect(), { _tag: "RecordRefresh", at, credentialVersion: 7 }, fail])
    const authorizedAt = DateTime.add(at, { minutes: 1 })
    const again = told(renewed, connect({ credentialVersion: 0, authorizedAt }))
    assert.deepStrictEqual([again.status, again.credentialVersion], ["active", 7])
  })

  it("R27 a page that is recorded ends a failure of the sync", () => {
    const failed = after([connect(), { _tag: "ReportSyncFailure", at, reason: "Unavailable", retryable: true }])
    assert.isDefined(failed.syncFailure)
    assert.isUndefined(told(failed, page(null, "1")).syncFailure)
  })
})

const statuses: ReadonlyArray<Connection.Status> = [
  "absent",
  "pending",
  "active",
  "needs_reauth",
  "paused",
  "superseded",
  "disconnected",
]

const live: ReadonlySet<Connection.Status> = new Set(["active", "needs_reauth", "paused"])

const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
const other = Ids.ConnectionId.make("00000000-0000-4000-8000-0000000000ff")
const feedId = Ids.FeedId.make("00000000-0000-4000-9000-000000000001")

const review: Connection.Command = {
  _tag: "OpenReview",
  at,
  reviewId: Ids.ReviewId.make("00000000-0000-4000-8000-0000000000aa"),
  feedId,
  source: "checking",
  profile: { externalId: "checking" },
  personal: Personal.withheld,
  level: "medium",
  candidates: [],
}

const plan = {
  at,
  provider: Ids.ProviderId.make("gmail"),
  ownerId: Ids.OwnerId.make("ada"),
  slot: "mailbox",
  pollIntervalSeconds: 60,
  settings: { label: "Reservations" },
}
const configure: Connection.Command = { _tag: "Configure", ...plan }
const fail: Connection.Command = { _tag: "ReportAuthorizationFailure", at, reason: "revoked" }

function connect(
  differently: Partial<Extract<Connection.Command, { readonly _tag: "Connect" }>> = {},
): Connection.Command {
  return {
    _tag: "Connect",
    ...plan,
    authorization: Ids.AuthorizationRef.make("consent"),
    door: "callback",
    identity: Ids.IdentityHash.make("a".repeat(64)),
    scopes: [],
    credentialVersion: 1,
    personal: Personal.withheld,
    ...differently,
  }
}

function page(cursorBefore: string | null, cursorAfter: string): Connection.Command {
  return { _tag: "RecordPage", at, feedId, run: "run", cursorBefore, cursorAfter, items: 1, complete: true }
}

/** Any command, with few enough names in it that one often speaks of what another did. */
const command = Arbitrary.map(
  Arbitrary.schema(Schema.Tuple([Connection.Command, Schema.Literals([0, 1, 2]), Schema.Literals([0, 1, 2])])),
  ([command, n, m]): Connection.Command => {
    const few = {
      ...("authorization" in command && { authorization: Ids.AuthorizationRef.make(`consent ${n % 2}`) }),
      ...("identity" in command && { identity: Ids.IdentityHash.make(`${m}`.repeat(64)) }),
      ...("offered" in command && { offered: Ids.IdentityHash.make(`${m}`.repeat(64)) }),
      ...("credentialVersion" in command && { credentialVersion: n }),
      ...("feedId" in command && { feedId }),
      ...("cursorBefore" in command && { cursorBefore: n === 0 ? null : `${n}`, cursorAfter: `${m}` }),
      ...("previous" in command && { previous: other }),
    }
    return { ...command, ...few } as Connection.Command
  },
)

const commands = Arbitrary.array(command, { maxLength: 30 })

/** What is logged of commands that are told one after the other. */
const heard = Effect.fnUntraced(function* (commands: ReadonlyArray<Connection.Command>) {
  const lines: Array<readonly [level: string, annotations: Record<string, unknown>]> = []
  const logger = Logger.map(Logger.formatStructured, ({ annotations, level }) => void lines.push([level, annotations]))
  const streamId = Connection.streamId(connectionId)
  let state = Connection.initial
  for (const command of commands) {
    const events = eventsOf(state, command)
    const before = { streamId, state }
    state = events.reduce(Connection.evolve, state)
    yield* Effect.provide(Connection.announce(before, { state, events }), Logger.layer([logger]))
  }
  return lines
})

const connectionId = Ids.ConnectionId.make("00000000-0000-4000-8000-00000000000c")

const eventsOf = (state: Connection.State, command: Connection.Command) =>
  Result.getOrElse(Connection.decide(state, command), (): ReadonlyArray<Connection.Event> => [])

const told = (state: Connection.State, command: Connection.Command) =>
  eventsOf(state, command).reduce(Connection.evolve, state)

const after = (commands: ReadonlyArray<Connection.Command>) => commands.reduce(told, Connection.initial)
