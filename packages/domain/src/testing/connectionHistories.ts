/**
 * Histories of connections as they could have happened: commands drawn at random
 * and decided by the aggregate, in several tenants that share connection ids.
 */
import { Arbitrary, DateTime, Effect, Result, Schema } from "effect"

import * as Connection from "../Connection.ts"
import { type Appended, type EncodedEvent, EventStore, type Metadata, type StreamId } from "../EventStore.ts"
import { AuthorizationRef, ConnectionId, EventId, FeedId, IdentityHash, OwnerId, ProviderId, TenantId } from "../Ids.ts"
import * as Personal from "../Personal.ts"

/** What is appended at once. */
export interface Step {
  readonly tenant: number
  readonly streams: ReadonlyArray<{ readonly streamId: StreamId; readonly events: ReadonlyArray<Connection.Event> }>
  readonly metadata: Metadata
}

export type History = ReadonlyArray<Step>

/**
 * Short histories of up to four connections in each of two tenants: consents, renewals, syncs, failures, slots that
 * are taken over, disconnections, connections that are forgotten. They shrink by leaving out what was asked.
 */
export const connectionHistory: Arbitrary.Arbitrary<History> = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Struct({
        tenant: Schema.Literals([0, 1]),
        connection: Schema.Literals([0, 1, 2, 3]),
        move: Schema.Literals([
          "connect",
          "connect",
          "connect",
          "configure",
          "refresh",
          "sync",
          "sync",
          "failSync",
          "failAuthorization",
          "refuseIdentity",
          "pause",
          "resume",
          "noticeExpiry",
          "withdrawExpiry",
          "disconnect",
          "forget",
        ]),
        n: Schema.Literals([0, 1, 2]),
      }),
    ),
    { maxLength: 60 },
  ),
  (moves) => {
    const states = new Map<string, Connection.State>()
    return moves.flatMap((move, index) => played(states, move, index))
  },
)

/** Appends a history to a store, and returns where its last event stands. Tenants are told apart by a name of your own. */
export const recordHistory = Effect.fn("recordHistory")(function* (history: History, run: string) {
  const store = yield* EventStore
  let last: Appended["position"] | undefined
  for (const [index, { metadata, streams, tenant }] of history.entries()) {
    const appended = yield* store.append({
      tenantId: TenantId.make(`tenant ${tenant} of ${run}`),
      metadata,
      streams: streams.map(({ events, streamId }) => ({
        streamId,
        expected: "any",
        events: events.map((event, at) => encoded(event, `${run}/${index}/${streamId}/${at}`)),
      })),
    })
    last = appended.position
  }
  return last
})

interface Move {
  readonly tenant: number
  readonly connection: number
  readonly move: string
  readonly n: number
}

/** What a move leads to, in its connection and in the one whose slot it takes. */
const played = (
  states: Map<string, Connection.State>,
  { connection, move, n, tenant }: Move,
  index: number,
): History => {
  const stateOf = (id: ConnectionId) => states.get(`${tenant}/${id}`) ?? Connection.initial
  const told = (id: ConnectionId, ...commands: ReadonlyArray<Connection.Command>) => {
    let state = stateOf(id)
    const events = commands.flatMap((command) => {
      const decided = Result.getOrElse(Connection.decide(state, command), () => [])
      state = decided.reduce(Connection.evolve, state)
      return decided
    })
    states.set(`${tenant}/${id}`, state)
    return { streamId: Connection.streamId(id), events }
  }

  const id = connectionId(connection)
  const at = DateTime.makeUnsafe(1_767_225_600_000 + index * 61_001)
  const plan = {
    at,
    provider: ProviderId.make("gmail"),
    ownerId: OwnerId.make(`owner-${connection % 2}`),
    slot: `mailbox ${connection % 2}`,
    pollIntervalSeconds: 60 + n,
    settings: { label: `Label_${n}` },
  }
  const rival = [0, 1, 2, 3]
    .filter((other) => other !== connection && other % 2 === connection % 2)
    .map(connectionId)
    .find((other) => Connection.isLive(stateOf(other)))
  const succession =
    rival === undefined
      ? []
      : [
          {
            _tag: "FollowOn",
            at,
            previous: rival,
            confidence: (["exact", "high", "medium"] as const)[n] ?? "low",
            evidence: ["identity"],
            resume: [],
          } satisfies Connection.Command,
        ]
  const alone = (command: Connection.Command) => [told(id, command)]

  const changes = (() => {
    switch (move) {
      case "connect": {
        const joined = told(
          id,
          {
            _tag: "Connect",
            ...plan,
            authorization: AuthorizationRef.make(`grant ${connection}`),
            door: (["callback", "post", "webhook"] as const)[n] ?? "callback",
            scopes: ["mail.read"],
            credentialVersion: n,
            personal: Personal.withheld,
          },
          ...succession,
        )
        const isTaken = rival !== undefined && joined.events.length > 0 && Connection.isLive(stateOf(id))
        return isTaken ? [joined, told(rival, { _tag: "Supersede", at, by: id })] : [joined]
      }
      case "configure":
        return alone({ _tag: "Configure", ...plan })
      case "refresh":
        return alone({ _tag: "RecordRefresh", at, credentialVersion: stateOf(id).credentialVersion + n })
      case "sync": {
        const cursorBefore = stateOf(id).cursors[feedId] ?? null
        const page = { feedId, run: "run", cursorBefore, cursorAfter: `${index}`, items: n, complete: n === 0 }
        return alone({ _tag: "RecordPage", at, ...page })
      }
      case "failSync":
        return alone({ _tag: "ReportSyncFailure", at, reason: `failure ${n}`, retryable: n > 0 })
      case "failAuthorization":
        return alone({ _tag: "ReportAuthorizationFailure", at, reason: n === 0 ? "expired" : "revoked" })
      case "refuseIdentity":
        return alone({ _tag: "RefuseIdentity", at, offered: IdentityHash.make(`${n}`.repeat(64)) })
      case "pause":
        return alone({ _tag: "Pause", at, reason: "asked for" })
      case "resume":
        return rival === undefined ? alone({ _tag: "Resume", at }) : []
      case "noticeExpiry":
        return alone({ _tag: "NoticeExpiry", at, expiresAt: DateTime.add(at, { days: 1 + n }) })
      case "withdrawExpiry":
        return alone({ _tag: "WithdrawExpiry", at })
      case "disconnect":
        return alone({ _tag: "Disconnect", at, reason: "owner" })
      default:
        return alone({ _tag: "Forget", at })
    }
  })()

  const streams = changes.filter(({ events }) => events.length > 0)
  const actor = n === 0 ? ({ kind: "system" } as const) : ({ kind: "operator", id: `operator-${n}` } as const)
  return streams.length === 0 ? [] : [{ tenant, streams, metadata: { actor } }]
}

const connectionId = (n: number) => ConnectionId.make(`7f1c2f6e-5a0e-4a5a-9b1e-00000000000${n}`)

const feedId = FeedId.make("0b9d8c1e-3f60-4f0b-8a4c-000000000001")

const toJson = Schema.encodeSync(Connection.Event)

const encoded = (event: Connection.Event, name: string): EncodedEvent => {
  const { _tag: type, ...fields } = toJson(event)
  const { personal: _, ...data } = { personal: undefined, ...fields }
  return { id: eventId(name), type, schemaVersion: 1, data }
}

/** The same name, the same id: a history can be recorded again. */
const eventId = (name: string) => {
  const [a, b] = [hash(name, 0x811c9dc5), hash(name, 0x01000193)]
  return EventId.make(
    `${hex(a)}-${hex(b).slice(0, 4)}-4${hex(b).slice(5)}-8${hex(a ^ b).slice(5)}-${hex(a)}${hex(b).slice(4)}`,
  )
}

const hash = (text: string, seed: number) => {
  let value = seed
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value
}

const hex = (value: number) => (value >>> 0).toString(16).padStart(8, "0")
