/**
 * How an authorization becomes a connection: one room behind every door.
 *
 * News of a consent comes in by the provider's callback, by the frontend's POST,
 * by a broker's webhook, or is found by looking. It comes in any order, at once,
 * repeated, and sometimes not at all. Each door asks the same thing of the same
 * function, and the claim that an authorization has on its connection makes the
 * answer the same:
 *
 * ```text
 * callback ────────┐             the connection that holds
 * POST ────────────┤             authorization:<provider>:<ref>   ──▶ this connection, as it is
 * webhook ─────────┼─▶ register ─┤
 * reconciliation ──┘             nobody holds it                  ──▶ a new connection
 *                                                                     which takes the slot
 * ```
 *
 * A new connection and the end of the one that it replaces are one append. There
 * is no moment when a slot has two live connections, or, once taken, none.
 */
import { Context, DateTime, Effect, Layer, Result, Schema, SchemaIssue } from "effect"
import { SecureRandom } from "effect/crypto"

import type * as Account from "./Account.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { type UnreadableEvent } from "./EventCodec.ts"
import { EventStore, EventStoreUnavailable } from "./EventStore.ts"
import { Actor, AuthorizationRef, ConnectionId, IdentityHash, OwnerId, ProviderId, TenantId } from "./Ids.ts"
import { Inbox } from "./Inbox.ts"
import * as Personal from "./Personal.ts"
import { type SealingError } from "./Sealer.ts"

const wishes = {
  /** Seconds; the provider's default when nobody asks for another. */
  pollIntervalSeconds: Schema.optionalKey(Connection.PollInterval),
  /** 64 at most. */
  settings: Schema.optionalKey(Connection.Settings.check(Schema.isMaxProperties(64))),
  /** What the owner recognises the account by. Personal data. */
  label: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
}

/** What a frontend may say about a consent, as the body of a POST. Who is asking comes from the host's session. */
export const PostBody = Schema.Struct({ provider: ProviderId, authorization: AuthorizationRef, ...wishes })
export type PostBody = typeof PostBody.Type

/** What is known about a consent, by whichever door it came in. What is left out is not known to this door. */
export const Request = Schema.Struct({
  tenantId: TenantId,
  ownerId: OwnerId,
  provider: ProviderId,
  authorization: AuthorizationRef,
  door: Connection.Door,
  actor: Actor,
  correlationId: Schema.optionalKey(Schema.String),
  /** The connection that was configured for this consent, or the id it is to have. */
  connectionId: Schema.optionalKey(ConnectionId),
  /** Instead of the slot that the provider's policy names. */
  slot: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500))),
  identity: Schema.optionalKey(IdentityHash),
  scopes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Of the credentials in the vault; 0, the default, when a broker keeps them. */
  credentialVersion: Schema.optionalKey(Schema.Natural),
  /** When the owner consented. In the future means now. */
  authorizedAt: Schema.optionalKey(Schema.DateTimeUtc),
  ...wishes,
})
export type Request = typeof Request.Type

/** A connection that somebody is about to consent to. */
export const Reservation = Schema.Struct({
  tenantId: TenantId,
  ownerId: OwnerId,
  provider: ProviderId,
  connectionId: ConnectionId,
  actor: Actor,
  pollIntervalSeconds: wishes.pollIntervalSeconds,
  settings: wishes.settings,
})
export type Reservation = typeof Reservation.Type

export interface Registered {
  readonly connectionId: ConnectionId
  /** `renewed`: a later consent under the same authorization. */
  readonly outcome: "created" | "already-registered" | "renewed"
  readonly status: Connection.Status
  /** The connection whose slot this call took. */
  readonly superseded?: ConnectionId
  /** The connection that holds the slot, where it is not this one: a later consent. */
  readonly supersededBy?: ConnectionId
}

/**
 * What belongs into the same append as a registration that takes its place. It is given the connection as it is about to
 * be, and asked again when another writer was first; it is not asked about a consent that comes too late.
 */
export type Alongside<R> = (joined: Aggregate.Change<Connection.State>) => Effect.Effect<
  {
    /** Of the connection itself. */
    readonly commands: ReadonlyArray<Connection.Command>
    /** Of other streams. */
    readonly changes: ReadonlyArray<Aggregate.Change>
  },
  | Account.Rejection
  | Connection.AnotherLogin
  | Connection.Rejection
  | EventStoreUnavailable
  | SealingError
  | UnreadableEvent,
  R
>

/** What the slot of a connection is decided by. */
export type SlotSubject = Pick<Request, "identity" | "ownerId" | "provider" | "settings" | "tenantId">

/** Names the slot, within the tenant, that a connection competes for; none where it competes with no other. */
export type SlotPolicy = (subject: SlotSubject) => string | undefined

/** One live connection for each owner and provider: a mailbox. */
export const onePerOwner: SlotPolicy = ({ ownerId, provider }) => `${provider}:${ownerId}`

/** As many as the owner likes: two logins at one bank are both legitimate. */
export const severalPerOwner: SlotPolicy = () => undefined

/** How connections of a provider are registered. */
export interface Terms {
  /** Default {@link onePerOwner}. */
  readonly slot?: SlotPolicy | undefined
  /** Seconds, unless a door asks for another interval. Default 300. */
  readonly pollIntervalSeconds?: number | undefined
}

/** The providers that a host offers. A registration for any other is refused by name. */
export class Providers extends Context.Service<Providers, ReadonlyMap<ProviderId, Terms>>()(
  "@holdfast/domain/Registration/Providers",
) {
  static readonly layer = (terms: Readonly<Record<string, Terms>>) =>
    Layer.sync(Providers, () => new Map(Object.entries(terms).map(([id, terms]) => [ProviderId.make(id), terms])))
}

/** What was asked cannot be meant. Nothing was written. Asking the same again does not help. */
export class InvalidRegistration extends Schema.TaggedError<InvalidRegistration>()("InvalidRegistration", {
  /** Which field: `pollIntervalSeconds`, `settings.label`. */
  at: Schema.String,
  /** What is wrong with it; never the value. */
  problem: Schema.String,
}) {
  override get message() {
    return `${this.at}: ${this.problem}`
  }
}

/** It is another owner's. Nothing was written. Asking again does not help. */
export class HeldByAnotherOwner extends Schema.TaggedError<HeldByAnotherOwner>()("HeldByAnotherOwner", {
  what: Schema.Literals(["authorization", "connection", "slot"]),
}) {}

/**
 * Reads what came through a door. A field that is not known is refused by its
 * name, and so is one whose value is out of bounds: nothing is silently ignored.
 */
export const parse = <S extends Schema.Decoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema, { onExcessProperty: "error" })
  return (input: unknown): Effect.Effect<S["Type"], InvalidRegistration> =>
    Effect.mapError(decode(input), ({ issue }) => {
      const { issues } = toIssues(issue)
      const path = issues[0]?.path?.map(String).join(".") ?? ""
      return new InvalidRegistration({
        at: path === "" ? "request" : path,
        problem: issues[0]?.message ?? "Not as expected",
      })
    })
}

/**
 * Makes a connection before its consent: pending, under an id that the consent
 * will carry. It takes its slot only when it is registered. One that nobody
 * comes back for is ended by {@link lapse}.
 */
export const configure = Effect.fn("Registration.configure")(function* (input: Reservation) {
  const { actor, connectionId, ...wishes } = yield* parse(Schema.toType(Reservation))(input)
  const terms = (yield* Providers).get(wishes.provider)
  if (terms === undefined) return yield* new InvalidRegistration({ at: "provider", problem: "Not offered here" })
  const command: Connection.Command = {
    _tag: "Configure",
    ...planOf(wishes, terms, Connection.initial, yield* DateTime.now),
  }
  yield* Aggregate.handle(Connection)(wishes.tenantId, connectionId, command, { metadata: { actor } })
})

/**
 * Registers a consent, or finds that it is registered.
 *
 * - The first call for an authorization makes a connection; every other one, through whatever door, answers with it.
 *   Wishes that come late (an interval, settings) are applied to it.
 * - A new connection takes its slot from the one that is in it: that one is `superseded`, and where both are known to be
 *   for the same account, the new one is `reconnected` to it.
 * - A consent that is known to be **older** than the one in the slot, because it comes late or was missed, does not take
 *   the slot. It is recorded and superseded in the same append, so that nothing about it is lost and later news of it
 *   finds its connection. A consent of unknown time counts as now: it comes last, so it wins.
 * - A consent for another account than the connection's is refused, and that it was offered is recorded. What is in
 *   use stays in use.
 *
 * Every call is recorded as an attempt, whatever comes of it. After `EventStoreUnavailable`, ask again: what may have
 * been registered is found.
 */
export const register = Effect.fn("Registration.register")(function* <R = never>(
  input: Request,
  alongside: Alongside<R> = () => Effect.succeed({ commands: [], changes: [] }),
) {
  const request = yield* parseRequest(input)
  const terms = (yield* Providers).get(request.provider)
  if (terms === undefined) return yield* new InvalidRegistration({ at: "provider", problem: "Not offered here" })

  return yield* registerOnce(request, terms, alongside).pipe(
    Aggregate.decidingAgain,
    Effect.catchTag("IdentityMismatch", (mismatch) => Effect.andThen(recordRefusal(request, mismatch), mismatch)),
    Effect.tapError(({ _tag }) => Effect.ignore(recordAttempt(request, _tag))),
    Effect.tap(({ connectionId, outcome }) =>
      Effect.mapError(recordAttempt(request, outcome, connectionId), mayBeDone),
    ),
  )
})

/**
 * Puts a connection back to work in its slot, whatever was in it: an operator's
 * repair, or an owner who changed their mind.
 */
export const activate = Effect.fn("Registration.activate")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  options: { readonly actor: Actor; readonly reason?: string | undefined },
) {
  const reason = options.reason === undefined ? {} : { reason: options.reason }
  return yield* Aggregate.decidingAgain(
    Effect.gen(function* () {
      const at = yield* DateTime.now
      const loaded = yield* load(tenantId, connectionId)
      const resumed = yield* Effect.fromResult(decide(loaded, { _tag: "Resume", at, ...reason }))
      const occupant = yield* occupantFor(resumed)
      const ended = occupant && (yield* Effect.fromResult(decide(occupant, supersede(at, connectionId))))
      yield* record([resumed, ...(ended === undefined ? [] : [ended])], options)
      return {
        connectionId,
        ...(occupant !== undefined && { superseded: Connection.idOf(occupant.streamId) }),
      }
    }),
  )
})

/**
 * Ends a connection that waits for its consent; one that is connected, or just was, is left alone. Returns whether it is
 * over without ever having been connected, now or before: what was kept for the consent can be destroyed then, because
 * nobody can finish it any more.
 */
export const lapse = Effect.fn("Registration.lapse")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  options: { readonly actor: Actor },
) {
  const command: Connection.Command = { _tag: "Lapse", at: yield* DateTime.now }
  const { state } = yield* Aggregate.handle(Connection)(tenantId, connectionId, command, { metadata: options })
  return Connection.isAbandoned(state)
})

/** What may be changed of a connection that is there. What is left out stays as it is. */
export const Change = Schema.Struct({
  pollIntervalSeconds: wishes.pollIntervalSeconds,
  /** All of them: those that are left out are gone. */
  settings: wishes.settings,
  slot: Request.fields.slot,
})
export type Change = typeof Change.Type

/**
 * Changes what is asked of a connection. One that is live takes the slot that goes with it: from a connection of the
 * same owner, which is `superseded`, but not from another owner's. One that is over is left as it is.
 */
export const change = Effect.fn("Registration.change")(function* (
  tenantId: TenantId,
  connectionId: ConnectionId,
  changes: Change,
  options: { readonly actor: Actor },
) {
  const wishes = yield* parse(Schema.toType(Change))(changes)
  return yield* Aggregate.decidingAgain(
    Effect.gen(function* () {
      const at = yield* DateTime.now
      const loaded = yield* load(tenantId, connectionId)
      const { ownerId, pollIntervalSeconds, provider, settings, slot, status } = loaded.state
      if (ownerId === undefined || provider === undefined || pollIntervalSeconds === undefined) {
        return yield* new Connection.ConnectionNotReady({ status, command: "Configure" })
      }
      const plan = {
        ownerId,
        provider,
        pollIntervalSeconds,
        settings: settings ?? {},
        ...(slot !== undefined && { slot }),
      }
      const changed = yield* Effect.fromResult(decide(loaded, { _tag: "Configure", at, ...plan, ...wishes }))
      const occupant = yield* occupantFor(changed)
      if (occupant !== undefined && occupant.state.ownerId !== ownerId) {
        return yield* new HeldByAnotherOwner({ what: "slot" })
      }
      const ended = occupant && (yield* Effect.fromResult(decide(occupant, supersede(at, connectionId))))
      yield* record([changed, ...(ended === undefined ? [] : [ended])], options)
      return changed.state
    }),
  )
})

/** Goes on where a connection for the same account stands. */
export const followOn = (
  at: DateTime.Utc,
  previous: ConnectionId,
  { cursors }: Connection.State,
): Connection.Command => ({
  _tag: "FollowOn",
  at,
  previous,
  confidence: "exact",
  evidence: ["identity"],
  resume: Object.entries(cursors).map(([feed, cursor]) => ({ feed, cursor })),
})

const registerOnce = Effect.fnUntraced(function* <R>(request: Request, terms: Terms, alongside: Alongside<R>) {
  const at = yield* DateTime.now
  const { known, loaded } = yield* groundOf(request)
  const connectionId = Connection.idOf(loaded.streamId)
  const { configure, connect } = commandsOf(request, terms, loaded.state, at)

  const joined = yield* Effect.fromResult(decide(loaded, connect, configure))
  const occupant = yield* occupantFor(joined)
  if (occupant !== undefined && occupant.state.ownerId !== request.ownerId) {
    return yield* new HeldByAnotherOwner({ what: "slot" })
  }
  const holderId = occupant && Connection.idOf(occupant.streamId)
  const isOlder = occupant !== undefined && precedes(connect.authorizedAt, occupant.state.chosenAt)
  const { changes, commands } = isOlder ? nothing : yield* alongside(joined)

  const [joining, occupied] = yield* Effect.fromResult(
    Result.gen(function* () {
      if (occupant === undefined || holderId === undefined) {
        return [yield* decide(loaded, connect, configure, ...commands), undefined] as const
      }
      if (isOlder) {
        const late = known ? [] : [connect, configure, supersede(at, holderId)]
        // The occupant gets no event, but it must still be the occupant.
        return [yield* decide(loaded, ...late), yield* decide(occupant)] as const
      }
      const goesOn = isSameAccount(occupant.state, joined.state) ? [followOn(at, holderId, occupant.state)] : []
      return [
        // What says more about where it goes on from comes first.
        yield* decide(loaded, connect, configure, ...commands, ...goesOn),
        yield* decide(occupant, supersede(at, connectionId)),
      ] as const
    }),
  )
  const unused = yield* unusedReservation(request, connectionId, at)
  const others = changes.filter(({ streamId }) => streamId !== occupied?.streamId)
  yield* record([joining, ...(occupied === undefined ? [] : [occupied]), ...unused, ...others], request)

  const renewed = joining.events.some(({ _tag }) => _tag === "connected")
  return {
    connectionId,
    outcome: known ? (renewed ? "renewed" : "already-registered") : "created",
    status: joining.state.status,
    ...(holderId !== undefined && !isOlder && { superseded: holderId }),
    ...(joining.state.supersededBy !== undefined && { supersededBy: joining.state.supersededBy }),
  } satisfies Registered
})

/** The connection that an authorization belongs to, or the one that it is about to belong to. */
const groundOf = Effect.fnUntraced(function* (request: Request) {
  const { authorization, ownerId, provider, tenantId } = request
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, Connection.authorizationClaim(provider, authorization))
  const known = holder !== undefined
  const loaded = yield* load(
    tenantId,
    known ? Connection.idOf(holder) : (request.connectionId ?? ConnectionId.make(yield* randomUuid)),
  )
  const { state } = loaded
  if (state.ownerId !== undefined && state.ownerId !== ownerId) {
    return yield* new HeldByAnotherOwner({ what: known ? "authorization" : "connection" })
  }
  if (!known && state.authorization !== undefined) {
    return yield* new InvalidRegistration({ at: "connectionId", problem: "Carries another authorization" })
  }
  if (state.provider !== undefined && state.provider !== provider) {
    return yield* new InvalidRegistration({ at: "provider", problem: "Not what the connection was configured for" })
  }
  return { known, loaded }
})

/** What is given wins over what the connection has, and that over the defaults. */
const planOf = (wishes: Wishes, terms: Terms, state: Connection.State, at: DateTime.Utc) => {
  const { ownerId, provider } = wishes
  const settings = wishes.settings ?? state.settings ?? {}
  const isPlanned = state.ownerId !== undefined
  const slot = wishes.slot ?? (isPlanned ? state.slot : (terms.slot ?? onePerOwner)({ ...wishes, settings }))
  return {
    at,
    ownerId,
    provider,
    settings,
    pollIntervalSeconds: wishes.pollIntervalSeconds ?? state.pollIntervalSeconds ?? terms.pollIntervalSeconds ?? 300,
    ...(slot !== undefined && { slot }),
  }
}

type Wishes = Pick<
  Request,
  "identity" | "ownerId" | "pollIntervalSeconds" | "provider" | "settings" | "slot" | "tenantId"
>

const commandsOf = (request: Request, terms: Terms, state: Connection.State, at: DateTime.Utc) => {
  const { authorization, authorizedAt, door, identity, label } = request
  const plan = planOf(request, terms, state, at)
  return {
    configure: { _tag: "Configure", ...plan } satisfies Connection.Command,
    connect: {
      _tag: "Connect",
      ...plan,
      authorization,
      door,
      ...(authorizedAt !== undefined && { authorizedAt: DateTime.min(authorizedAt, at) }),
      ...(identity !== undefined && { identity }),
      scopes: request.scopes ?? [],
      credentialVersion: request.credentialVersion ?? 0,
      personal: Personal.reveal(label === undefined ? {} : { label }),
    } satisfies Connection.Command,
  }
}

/** The connection in the slot that a change is about to take. */
const occupantFor = Effect.fnUntraced(function* ({
  acquire,
  state,
  streamId,
  tenantId,
}: Aggregate.Change<Connection.State>) {
  const key = state.slot === undefined ? undefined : Connection.slotClaim(state.slot)
  if (key === undefined || !acquire.includes(key)) return undefined
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, key)
  return holder === undefined || holder === streamId ? undefined : yield* load(tenantId, Connection.idOf(holder))
})

/** A connection that was configured for a consent which another door had registered already: nobody will come for it. */
const unusedReservation = Effect.fnUntraced(function* (request: Request, connectionId: ConnectionId, at: DateTime.Utc) {
  if (request.connectionId === undefined || request.connectionId === connectionId) return []
  const reserved = yield* load(request.tenantId, request.connectionId)
  if (reserved.state.status !== "pending" || reserved.state.ownerId !== request.ownerId) return []
  return [yield* Effect.fromResult(decide(reserved, supersede(at, connectionId)))]
})

/** Not as long as nobody says otherwise: the refusal stands in the history of the connection that was left alone. */
const recordRefusal = Effect.fnUntraced(function* (request: Request, { offered }: Connection.IdentityMismatch) {
  const { loaded } = yield* groundOf(request)
  const at = yield* DateTime.now
  const refused = yield* Effect.fromResult(decide(loaded, { _tag: "RefuseIdentity", at, offered }))
  yield* record([refused], request)
}, Aggregate.decidingAgain)

const recordAttempt = Effect.fnUntraced(function* (request: Request, outcome: string, connectionId?: ConnectionId) {
  const inbox = yield* Inbox
  const { authorization, door, provider, tenantId } = request
  yield* inbox.record({ tenantId, provider, authorization, door, outcome, connectionId })
})

/** The attempt could not be recorded, but the registration may have been. */
const mayBeDone = ({ reason }: EventStoreUnavailable) => new EventStoreUnavailable({ reason, outcome: "unknown" })

const record = (
  changes: ReadonlyArray<Aggregate.Change>,
  { actor, correlationId }: { readonly actor: Actor; readonly correlationId?: string | undefined },
) => {
  const [first, ...rest] = changes
  if (first === undefined || changes.every(({ events }) => events.length === 0)) return Effect.void
  const metadata = { actor, ...(correlationId !== undefined && { correlationId }) }
  return Effect.asVoid(Aggregate.append([first, ...rest], { metadata }))
}

const nothing = { commands: [], changes: [] }

const supersede = (at: DateTime.Utc, by: ConnectionId): Connection.Command => ({ _tag: "Supersede", at, by })

const isSameAccount = (old: Connection.State, fresh: Connection.State) =>
  old.identity !== undefined && old.identity === fresh.identity

const precedes = (consent: DateTime.Utc | undefined, chosen: DateTime.Utc | undefined) =>
  consent !== undefined && chosen !== undefined && DateTime.isLessThan(consent, chosen)

const parseRequest = parse(Schema.toType(Request))

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const load = Aggregate.load(Connection)
const decide = Aggregate.decide(Connection)

const randomUuid = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV7())
