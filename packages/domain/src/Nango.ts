/**
 * The door through which the broker Nango reports consents, and the look that
 * makes up for reports that were lost.
 *
 * A report says what happened, not when, and carries no id of its own; it comes
 * in any order, again, and after two fast retries never. So nothing here counts
 * on a report being the first or the last one: what it says is compared with what
 * the connection already is, and {@link reconcile} finds what no report told.
 *
 * Only the signature over the **raw bytes** is believed, never the older
 * `X-Nango-Signature`: a host must pass the body on as it came, not parsed and
 * written anew.
 *
 * @see https://nango.dev/docs/guides/webhooks/webhooks-from-nango
 */
import { DateTime, Effect, Option, Redacted, Result, Schema, Stream } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"

import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import { EventStore } from "./EventStore.ts"
import {
  type Actor,
  AuthorizationRef,
  type ConnectionId,
  type IdentityHash,
  OwnerId,
  ProviderId,
  TenantId,
} from "./Ids.ts"
import { Inbox } from "./Inbox.ts"
import * as Registration from "./Registration.ts"
import * as Utf8 from "./Utf8.ts"
import * as Webhooks from "./Webhooks.ts"

/** A key that Nango signs with: not the API key. While keys are rotated there are two. */
export interface SigningKey {
  /** The host's own name for it, for the audit. */
  readonly id: string
  readonly key: Redacted.Redacted
}

/** What Nango attaches to a connection: what the host said when it opened the consent. */
const attached = {
  endUser: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        endUserId: Schema.optionalKey(Schema.NullOr(Schema.String)),
        organizationId: Schema.optionalKey(Schema.NullOr(Schema.String)),
      }),
    ),
  ),
  tags: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.String))),
}

/** A report about a consent. Nango adds fields without notice; those that are not read here are let pass. */
export const AuthReport = Schema.Struct({
  type: Schema.Literal("auth"),
  operation: Schema.Literals(["creation", "override", "refresh"]),
  /** Nango's id of the connection: our authorization. */
  connectionId: AuthorizationRef,
  /** Nango's name of the integration, chosen by the host. */
  providerConfigKey: Schema.String,
  success: Schema.Boolean,
  ...attached,
})
export type AuthReport = typeof AuthReport.Type

/** One connection at Nango. */
export type Subject = Pick<AuthReport, "connectionId" | "endUser" | "providerConfigKey" | "tags">

/** A connection as Nango lists it. */
export interface Listed extends Subject {
  readonly created: DateTime.Utc
}

/** Whose a connection is. */
export interface Principal {
  readonly tenantId: TenantId
  readonly ownerId: OwnerId
}

/** Nango, or the host's own lookup, could not be asked. Nothing was written. Asking again helps. */
export class BrokerUnavailable extends Schema.TaggedError<BrokerUnavailable>()("BrokerUnavailable", {}) {}

export interface Settings {
  readonly keys: ReadonlyArray<SigningKey>
  /** Which integration serves a provider: the `providerConfigKey`, by provider. Reports about any other are not for us. */
  readonly integrations: Readonly<Record<string, string>>
  /** Whose a consent is; none when it cannot be told yet. Default {@link attachedPrincipal}. */
  readonly principal?: ((subject: Subject) => Effect.Effect<Principal | undefined, BrokerUnavailable>) | undefined
  /**
   * Asks the provider, through Nango, which account a connection is for, as a keyed hash; none when it does not say, or
   * does not any more.
   */
  readonly identify?: ((subject: Subject) => Effect.Effect<IdentityHash | undefined, BrokerUnavailable>) | undefined
}

/** What arrived: the body as it was sent, and the headers under lower-case names. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

/** Not from Nango, or not as Nango sent it. Only counted. Sending the same again does not help. */
export class DeliveryRefused extends Schema.TaggedError<DeliveryRefused>()("DeliveryRefused", {
  reason: Schema.Literals(["unsigned", "legacy-signature", "wrong-signature"]),
}) {}

/** What became of a delivery. All of it is a success to the sender. */
export type Receipt =
  | ({ readonly _tag: "Registered" } & Registration.Registered)
  /** It is about a connection that is there, and changed it or had changed it before. */
  | { readonly _tag: "Applied"; readonly connectionId: ConnectionId }
  /** Nobody knows yet whose it is, or of what. It waits in the inbox. */
  | { readonly _tag: "Parked" }
  /** Another account than the connection's consented. What was in use is left alone. */
  | { readonly _tag: "Quarantined"; readonly connectionId: ConnectionId }
  | { readonly _tag: "Ignored"; readonly reason: Ignored }

export type Ignored =
  /** A type or an operation that did not exist when this was written, or a known one in another shape. */
  | "unknown"
  /** An integration that the host did not name. */
  | "not-ours"
  /** A consent that was not given. There is nothing to register, and what was in use is untouched. */
  | "not-granted"
  /** The authorization belongs to another owner than the report names. */
  | "held-by-another-owner"
  /** The connection was forgotten. Nothing more is to be known about it. */
  | "forgotten"

/**
 * Says by which key a delivery is signed. All keys are tried, each in constant
 * time. A body that was parsed and written anew does not verify.
 */
export const verify = Effect.fn("Nango.verify")(function* (
  keys: ReadonlyArray<SigningKey>,
  { body, headers }: Delivery,
): Effect.fn.Return<SigningKey["id"], DeliveryRefused, Mac.Mac> {
  const signature = headers["x-nango-hmac-sha256"]
  if (signature === undefined) {
    return yield* refuse(headers["x-nango-signature"] === undefined ? "unsigned" : "legacy-signature")
  }
  const tag = Result.getOrElse(Hex.decode(signature.trim()), () => new Uint8Array())
  const mac = yield* Mac.Mac
  const signedBy = yield* Effect.filter(keys, ({ key }) =>
    Mac.key(Mac.hmacSha256, Utf8.encode(Redacted.value(key))).pipe(
      Effect.flatMap((key) => mac.verify(key, tag, body)),
      // An empty key is the host's mistake, not the sender's.
      Effect.orDie,
    ),
  )
  return signedBy[0]?.id ?? (yield* refuse("wrong-signature"))
})

/** The default for whose a consent is: the end user and organization that the host named when it opened the consent. */
export const attachedPrincipal = ({ endUser, tags }: Subject): Principal | undefined => {
  const tenantId = endUser?.organizationId ?? tags?.["organization_id"]
  const ownerId = endUser?.endUserId ?? tags?.["end_user_id"]
  return Option.getOrUndefined(toPrincipal({ tenantId, ownerId }))
}

/**
 * Takes a delivery in. Repeating it changes nothing, whenever that is; an error
 * asks the sender to come again.
 */
export const receive = Effect.fn("Nango.receive")(function* (settings: Settings, delivery: Delivery) {
  const signedBy = yield* verify(settings.keys, delivery)
  const report = toReport(delivery.body)
  if (Option.isNone(report)) return yield* ignore("unknown")
  const provider = providerOf(settings, report.value)
  if (provider === undefined) return yield* ignore("not-ours")

  yield* Effect.annotateCurrentSpan({ signedBy, operation: report.value.operation })

  const principal = yield* principalOf(settings, report.value)
  if (principal === undefined) return yield* park(provider, report.value, signedBy, undefined)
  // What waited is older than this report. What waits for this one, or was parked while it was applied, comes after it.
  yield* collect(settings, principal, provider, report.value)
  const receipt = yield* apply(settings, provider, principal, report.value, signedBy)
  if (receipt._tag === "Parked") yield* park(provider, report.value, signedBy, principal.tenantId)
  yield* collect(settings, principal, provider, report.value)
  return receipt
})

/**
 * What a POST or a callback says about a consent that Nango keeps: registers it,
 * and applies what was reported about it before anybody knew whose it is.
 */
export const claim = Effect.fn("Nango.claim")(function* (settings: Settings, request: Registration.Request) {
  const subject = {
    connectionId: request.authorization,
    providerConfigKey: settings.integrations[request.provider] ?? "",
  }
  const attached = yield* principalOf(settings, subject)
  if (attached !== undefined && !isPrincipal(attached, request)) {
    return yield* new Registration.HeldByAnotherOwner({ what: "authorization" })
  }
  const identity = yield* identityOf(settings, subject)
  const registered = yield* Registration.register({ ...request, ...identity })
  yield* collect(settings, request, request.provider, subject)
  return registered
})

export interface Reconciled {
  readonly listed: number
  /** Consents that no other door had brought. */
  readonly registered: ReadonlyArray<ConnectionId>
  /** Connections of which nobody can tell yet whose they are. */
  readonly unowned: number
  /** Connections of integrations that are not ours, or of another owner than they say. */
  readonly ignored: number
  /** Connections that could not be asked about. The next look will. */
  readonly failed: number
}

/**
 * Compares what Nango has with what is registered, registers what is missing, and
 * applies what waited for it. Nothing else is touched. To be run on a schedule:
 * reports do get lost.
 */
export const reconcile = Effect.fn("Nango.reconcile")(function* <E, R>(
  settings: Settings,
  list: Stream.Stream<Listed, E, R>,
) {
  const found = yield* Stream.runFoldEffect(
    list,
    (): Reconciled => ({ listed: 0, registered: [], unowned: 0, ignored: 0, failed: 0 }),
    (sum, listed) =>
      Effect.map(Effect.catchTag(reconcileOne(settings, listed), "BrokerUnavailable", leaveIt), (found) => ({
        listed: sum.listed + 1,
        registered: found._tag === "Registered" ? [...sum.registered, found.connectionId] : sum.registered,
        unowned: sum.unowned + (found._tag === "Unowned" ? 1 : 0),
        ignored: sum.ignored + (found._tag === "Ignored" ? 1 : 0),
        failed: sum.failed + (found._tag === "Failed" ? 1 : 0),
      })),
  )
  yield* applyWaiting(settings)
  return found
})

const reconcileOne = Effect.fnUntraced(function* (settings: Settings, listed: Listed) {
  const provider = providerOf(settings, listed)
  if (provider === undefined) return yield* ignore("not-ours")
  const principal = yield* principalOf(settings, listed)
  if (principal === undefined) return { _tag: "Unowned" } as const

  const known = yield* connectionOf(principal, provider, listed)
  const found =
    known === undefined
      ? yield* registerReported(settings, provider, principal, listed, {
          actor: { kind: "system", id: "reconciliation" },
          door: "reconciliation",
          authorizedAt: listed.created,
        })
      : ({ _tag: "Known" } as const)
  yield* collect(settings, principal, provider, listed)
  return found
})

/** What still waits, though it can be told by now whose it is: parked just when its consent was registered, for example. */
const applyWaiting = Effect.fnUntraced(function* (settings: Settings) {
  const inbox = yield* Inbox
  yield* Effect.forEach(yield* inbox.waiting, ({ authorization, provider, tenantId }) =>
    Effect.gen(function* () {
      const providerConfigKey = settings.integrations[provider]
      if (providerConfigKey === undefined) return
      const subject = { connectionId: authorization, providerConfigKey }
      const principal =
        tenantId === undefined ? yield* principalOf(settings, subject) : yield* ownerOf(tenantId, provider, subject)
      if (principal !== undefined) yield* collect(settings, principal, provider, subject)
    }).pipe(Effect.catchTag("BrokerUnavailable", leaveIt)),
  )
})

/** One connection that cannot be asked about does not keep the others waiting. */
const leaveIt = () => Effect.succeed({ _tag: "Failed" } as const)

const ownerOf = Effect.fnUntraced(function* (tenantId: TenantId, provider: ProviderId, subject: Subject) {
  const connectionId = yield* connectionOf({ tenantId }, provider, subject)
  if (connectionId === undefined) return undefined
  const { ownerId } = (yield* load(tenantId, connectionId)).state
  return ownerId && { tenantId, ownerId }
})

const apply = Effect.fnUntraced(function* (
  settings: Settings,
  provider: ProviderId,
  principal: Principal,
  report: AuthReport,
  signedBy: string,
) {
  const { operation, success } = report
  const known = yield* connectionOf(principal, provider, report)
  const actor: Actor = { kind: "broker", id: `nango:${signedBy}` }

  if (operation !== "refresh" && !success) return yield* notGranted(provider, principal, report)
  if (operation !== "refresh" || (success && known === undefined)) {
    const receipt = yield* registerReported(settings, provider, principal, report, { actor, door: "webhook" })
    if (receipt._tag === "Registered" && operation === "override") {
      yield* tell(principal, receipt.connectionId, refreshed, actor)
    }
    return receipt
  }
  if (known === undefined) return { _tag: "Parked" } satisfies Receipt
  yield* tell(principal, known, success ? refreshed : refreshFailed, actor)
  return { _tag: "Applied", connectionId: known } satisfies Receipt
})

const notGranted = Effect.fnUntraced(function* (
  provider: ProviderId,
  { tenantId }: Principal,
  { connectionId: authorization }: AuthReport,
) {
  const inbox = yield* Inbox
  yield* inbox.record({ tenantId, provider, authorization, door: "webhook", outcome: "not-granted" })
  return yield* ignore("not-granted")
})

const registerReported = Effect.fnUntraced(function* (
  settings: Settings,
  provider: ProviderId,
  { ownerId, tenantId }: Principal,
  subject: Subject,
  how: Pick<Registration.Request, "actor" | "authorizedAt" | "door">,
) {
  const authorization = subject.connectionId
  const identity = yield* identityOf(settings, subject)
  return yield* Registration.register({ tenantId, ownerId, provider, authorization, ...identity, ...how }).pipe(
    Effect.map((registered): Receipt => ({ _tag: "Registered", ...registered })),
    Effect.catchTags({
      HeldByAnotherOwner: () => ignore("held-by-another-owner"),
      ConnectionNotReady: () => ignore("forgotten"),
      IdentityMismatch: () =>
        Effect.flatMap(connectionOf({ tenantId }, provider, subject), (connectionId): Effect.Effect<Receipt> =>
          connectionId === undefined ? ignore("forgotten") : Effect.succeed({ _tag: "Quarantined", connectionId }),
        ),
    }),
  )
})

/**
 * Keeps what nobody can be told yet, without the end user's address and what else is not needed to apply it. Nothing in
 * a report tells a repetition from a second occurrence, so each is kept: applying both changes no more than one.
 */
const park = Effect.fnUntraced(function* (
  provider: ProviderId,
  report: AuthReport,
  signedBy: string,
  tenantId: TenantId | undefined,
) {
  const inbox = yield* Inbox
  const random = yield* SecureRandom.SecureRandom
  const { connectionId, operation, providerConfigKey, success, type } = report
  yield* inbox.park({
    tenantId,
    provider,
    authorization: connectionId,
    door: "webhook",
    dedupeKey: yield* random.uuidV7(),
    kind: operation,
    body: { signedBy, report: { type, operation, connectionId, providerConfigKey, success } },
    receivedAt: yield* DateTime.now,
  })
  return { _tag: "Parked" } as const
})

/** Applies what was parked about a consent, now that it is known whose it is. */
const collect = Effect.fnUntraced(function* (
  settings: Settings,
  principal: Principal,
  provider: ProviderId,
  { connectionId }: Pick<Subject, "connectionId">,
) {
  const inbox = yield* Inbox
  yield* Effect.forEach(yield* inbox.claim(principal.tenantId, provider, connectionId), ({ body, id }) =>
    Effect.gen(function* () {
      const { report, signedBy } = yield* Effect.orDie(Schema.decodeUnknownEffect(ParkedReport)(body))
      const receipt = yield* apply(settings, provider, principal, report, signedBy)
      if (receipt._tag !== "Parked") yield* inbox.settle(id, settlements[receipt._tag])
    }),
  )
})

const ParkedReport = Schema.Struct({ signedBy: Schema.String, report: AuthReport })

const settlements = { Registered: "applied", Applied: "applied", Quarantined: "refused", Ignored: "ignored" } as const

const connectionOf = Effect.fnUntraced(function* (
  { tenantId }: Pick<Principal, "tenantId">,
  provider: ProviderId,
  { connectionId }: Pick<Subject, "connectionId">,
) {
  const store = yield* EventStore
  const holder = yield* store.holderOf(tenantId, Connection.authorizationClaim(provider, connectionId))
  return holder && Connection.idOf(holder)
})

const tell = Effect.fnUntraced(function* (
  { tenantId }: Principal,
  connectionId: ConnectionId,
  command: (at: DateTime.Utc) => Connection.Command,
  actor: Actor,
) {
  yield* handle(tenantId, connectionId, command(yield* DateTime.now), { metadata: { actor } })
})

const load = Aggregate.load(Connection)
const handle = Aggregate.handle(Connection)

/** Nango keeps the credentials: there is no version of ours. */
const refreshed = (at: DateTime.Utc): Connection.Command => ({ _tag: "RecordRefresh", at, credentialVersion: 0 })

const refreshFailed = (at: DateTime.Utc): Connection.Command => ({
  _tag: "ReportAuthorizationFailure",
  at,
  reason: "refresh_failed",
})

const providerOf = ({ integrations }: Settings, { providerConfigKey }: Subject) => {
  const provider = Object.keys(integrations).find((provider) => integrations[provider] === providerConfigKey)
  return provider === undefined ? undefined : ProviderId.make(provider)
}

const principalOf = ({ principal }: Settings, subject: Subject) =>
  principal === undefined ? Effect.succeed(attachedPrincipal(subject)) : principal(subject)

const identityOf = ({ identify }: Settings, subject: Subject) =>
  identify === undefined
    ? Effect.succeed({})
    : Effect.map(identify(subject), (identity) => (identity === undefined ? {} : { identity }))

const isPrincipal = (one: Principal, other: Principal) =>
  one.tenantId === other.tenantId && one.ownerId === other.ownerId

const ignore = (reason: Ignored) =>
  Effect.as(Webhooks.count(Webhooks.ignored, { broker: "nango", reason }), {
    _tag: "Ignored",
    reason,
  } as const)

const refuse = (reason: DeliveryRefused["reason"]) =>
  Effect.andThen(Webhooks.count(Webhooks.refused, { broker: "nango", reason }), new DeliveryRefused({ reason }))

/** What is not JSON, not of a known type and operation, or not in its shape, is no report to us. */
const toReport = (body: Uint8Array) =>
  Option.flatMap(
    Result.getSuccess(Result.try(() => Utf8.decode(body))),
    Schema.decodeUnknownOption(Schema.fromJsonString(AuthReport)),
  )

const toPrincipal = Schema.decodeUnknownOption(Schema.Struct({ tenantId: TenantId, ownerId: OwnerId }))
