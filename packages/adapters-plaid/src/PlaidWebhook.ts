/**
 * The door through which Plaid reports about Items.
 *
 * A report is believed when it is signed by a key of Plaid's, over the **raw
 * bytes**, within the last five minutes: a host must pass the body on as it came.
 * It names an Item and no tenant, so each tenant has a URL of its own. What is
 * reported before the Item is registered is parked; what is reported about one
 * that was superseded or disconnected changes nothing.
 *
 * @see https://plaid.com/docs/api/webhooks/webhook-verification/
 */
import { createHash, timingSafeEqual } from "node:crypto"

import { Aggregate, Connection, Credentials, EventStore, Ids, Inbox, Vault, Webhooks } from "@holdfast/domain"
import { Cache, Context, DateTime, Duration, Effect, Exit, Layer, Option, Result, Schema } from "effect"
import * as Jose from "jose"

import { PlaidApi, type VerificationKey } from "./PlaidApi.ts"
import { type PlaidError } from "./PlaidError.ts"
import { id as plaid } from "./PlaidProvider.ts"
import * as PlaidStatus from "./PlaidStatus.ts"

/** What arrived: the body as it was sent, and the headers under lower-case names. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

/** Not from Plaid, or not as Plaid sent it. Only counted. Sending the same again does not help. */
export class DeliveryRefused extends Schema.TaggedError<DeliveryRefused>()("DeliveryRefused", {
  reason: Schema.Literals([
    "unsigned",
    "wrong-algorithm",
    "unknown-key",
    "expired-key",
    "wrong-signature",
    "too-old",
    "from-the-future",
    "wrong-body",
  ]),
}) {}

/** What became of a delivery. All of it is a success to the sender. */
export type Receipt =
  /** The Item was asked about, and what is news is recorded. */
  | { readonly _tag: "Applied"; readonly connectionId: Ids.ConnectionId; readonly status: Connection.Status }
  /** There is something to be fetched: run a sync. */
  | { readonly _tag: "SyncDue"; readonly connectionId: Ids.ConnectionId }
  /** Nobody has registered the Item yet. It waits in the inbox. */
  | { readonly _tag: "Parked" }
  | { readonly _tag: "Ignored"; readonly reason: Ignored }

export type Ignored =
  /** A type or a code that did not exist when this was written, or that says nothing which is needed here. */
  | "unknown"
  /** Its connection was superseded or disconnected: the Item has nothing to say any more. */
  | "over"

/** Plaid's keys, each fetched once and then kept for a while; that a key does not exist is remembered too. */
export class Keys extends Context.Service<
  Keys,
  {
    /** None where Plaid has no such key. */
    get(kid: string): Effect.Effect<VerificationKey | undefined, PlaidError>
  }
>()("@holdfast/adapters-plaid/PlaidWebhook/Keys") {
  static readonly layer = Layer.effect(
    Keys,
    Effect.gen(function* () {
      const api = yield* PlaidApi
      const cache = yield* Cache.makeWith(
        (kid: string): Effect.Effect<VerificationKey | undefined, PlaidError> =>
          Effect.catch(api.verificationKey(kid), (error) =>
            error.code === noSuchKey ? Effect.undefined : Effect.fail(error),
          ),
        {
          capacity: 1_000,
          // A key that is not used any more says so within the hour.
          timeToLive: (exit) => (Exit.isFailure(exit) ? Duration.zero : Duration.hours(1)),
        },
      )
      return Keys.of({ get: (kid) => Cache.get(cache, kid) })
    }),
  )
}

const noSuchKey = "INVALID_WEBHOOK_VERIFICATION_KEY_ID"

/** Seconds. A report that is older was replayed. */
const maxAge = 300

/** Makes sure that a delivery is Plaid's, and as Plaid sent it. `PlaidError`: the key could not be fetched. */
export const verify = Effect.fn("PlaidWebhook.verify")(function* ({ body, headers }: Delivery) {
  const token = headers["plaid-verification"]
  if (token === undefined) return yield* refuse("unsigned")
  const header = Result.try(() => Jose.decodeProtectedHeader(token))
  if (Result.isFailure(header)) return yield* refuse("wrong-signature")
  const { alg, kid } = header.success
  if (alg !== algorithm) return yield* refuse("wrong-algorithm")
  if (kid === undefined || !/^[\w-]{1,128}$/.test(kid)) return yield* refuse("unknown-key")

  const key = yield* (yield* Keys).get(kid)
  if (key === undefined || key.kid !== kid) return yield* refuse("unknown-key")
  if (key.expired_at !== undefined && key.expired_at !== null) return yield* refuse("expired-key")
  const { payload } = yield* Effect.tryPromise({
    try: async () => {
      const { crv, kty, x, y } = key
      return Jose.compactVerify(token, await Jose.importJWK({ crv, kty, x, y }, algorithm), { algorithms: [algorithm] })
    },
    catch: () => "wrong-signature" as const,
  }).pipe(Effect.catch(refuse))
  const claims = yield* Effect.catch(Effect.fromOption(toClaims(payload)), () => refuse("wrong-signature"))

  const age = Math.floor(DateTime.toEpochMillis(yield* DateTime.now) / 1_000) - claims.iat
  if (age > maxAge) return yield* refuse("too-old")
  if (age < 0) return yield* refuse("from-the-future")
  if (!isEqual(createHash("sha256").update(body).digest("hex"), claims.request_body_sha256)) {
    return yield* refuse("wrong-body")
  }
})

/**
 * Takes a delivery in, for the tenant whose URL it came to. Repeating it changes
 * nothing, whenever that is; an error asks Plaid to come again.
 */
export const receive = Effect.fn("PlaidWebhook.receive")(function* (tenantId: Ids.TenantId, delivery: Delivery) {
  yield* verify(delivery)
  const report = toReport(delivery.body)
  if (Option.isNone(report)) return yield* ignore("unknown")
  const { item_id: authorization } = report.value

  const connectionId = yield* connectionOf(tenantId, authorization)
  if (connectionId !== undefined) {
    // What waited is older than this report.
    yield* collect(tenantId, connectionId, authorization)
    return yield* apply(tenantId, connectionId, report.value)
  }
  yield* (yield* Inbox.Inbox).park({
    tenantId,
    provider: plaid,
    authorization,
    door: "webhook",
    dedupeKey: createHash("sha256").update(delivery.body).digest("hex"),
    kind: report.value.webhook_code,
    body: yield* Effect.orDie(encodeReport(report.value)),
    receivedAt: yield* DateTime.now,
  })
  // It may have been registered while this was parked.
  const registered = yield* connectionOf(tenantId, authorization)
  if (registered !== undefined) yield* collect(tenantId, registered, authorization)
  return { _tag: "Parked" } satisfies Receipt
})

/** Applies what was parked about an Item, now that it is registered. Whether anything is to be fetched is in the receipts. */
export const collect = Effect.fn("PlaidWebhook.collect")(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  authorization: Ids.AuthorizationRef,
) {
  const inbox = yield* Inbox.Inbox
  return yield* Effect.forEach(yield* inbox.claim(tenantId, plaid, authorization), ({ body, id }) =>
    Effect.gen(function* () {
      const report = yield* Effect.orDie(Schema.decodeUnknownEffect(Report)(body))
      const receipt = yield* apply(tenantId, connectionId, report)
      yield* inbox.settle(id, receipt._tag === "Ignored" ? "ignored" : "applied")
      return receipt
    }),
  )
})

/** Applies what still waits though its Item is registered by now: parked just then, or not to be asked about then. For a schedule. */
export const collectAll = Effect.fn("PlaidWebhook.collectAll")(function* () {
  const inbox = yield* Inbox.Inbox
  const waiting = (yield* inbox.waiting).filter(({ provider }) => provider === plaid)
  const receipts = yield* Effect.forEach(waiting, ({ authorization, tenantId }) =>
    Effect.gen(function* () {
      const connectionId = tenantId && (yield* connectionOf(tenantId, authorization))
      return connectionId === undefined || tenantId === undefined
        ? []
        : yield* collect(tenantId, connectionId, authorization)
    }).pipe(
      // One Item that cannot be asked about does not keep the others waiting.
      Effect.catchTag("PlaidError", () => Effect.succeed([])),
    ),
  )
  return receipts.flat()
})

const apply = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  report: Report,
): Effect.fn.Return<Receipt, ApplyError, ApplyServices> {
  const { state } = yield* load(tenantId, connectionId)
  if (!Connection.isLive(state)) return yield* ignore("over")
  switch (report.webhook_code) {
    case "ERROR":
    case "LOGIN_REPAIRED":
    case "PENDING_EXPIRATION":
    case "PENDING_DISCONNECT": {
      const status = yield* PlaidStatus.look(tenantId, connectionId)
      // When the bank cuts the Item off is nowhere but here.
      yield* PlaidStatus.noticeExpiry(tenantId, connectionId, report.disconnect_time)
      return { _tag: "Applied", connectionId, status }
    }
    case "USER_PERMISSION_REVOKED": {
      // What is revoked stays so: there is nothing to be asked.
      const { version } = yield* (yield* Vault.Vault).get(tenantId, connectionId)
      yield* Credentials.reportEnd(tenantId, connectionId, version, "revoked")
      return { _tag: "Applied", connectionId, status: (yield* load(tenantId, connectionId)).state.status }
    }
    case "USER_ACCOUNT_REVOKED":
    case "NEW_ACCOUNTS_AVAILABLE":
    case "SYNC_UPDATES_AVAILABLE":
      return { _tag: "SyncDue", connectionId }
  }
})

type ApplyError =
  | Effect.Error<ReturnType<typeof PlaidStatus.look>>
  | Effect.Error<ReturnType<typeof Credentials.reportEnd>>
type ApplyServices =
  | Effect.Services<ReturnType<typeof PlaidStatus.look>>
  | Effect.Services<ReturnType<typeof Credentials.reportEnd>>

/** What is read of a report. Its `error` is not: the Item is asked, for the report may be late. */
const Report = Schema.Struct({
  webhook_type: Schema.Literals(["ITEM", "TRANSACTIONS"]),
  webhook_code: Schema.Literals([
    "ERROR",
    "LOGIN_REPAIRED",
    "PENDING_EXPIRATION",
    "PENDING_DISCONNECT",
    "USER_PERMISSION_REVOKED",
    "USER_ACCOUNT_REVOKED",
    "NEW_ACCOUNTS_AVAILABLE",
    "SYNC_UPDATES_AVAILABLE",
  ]),
  item_id: Ids.AuthorizationRef,
  /** When the bank ends an Item that is not renewed. */
  disconnect_time: Schema.optionalKey(Schema.NullOr(Schema.DateTimeUtcFromString)),
})
type Report = typeof Report.Type

const encodeReport = Schema.encodeEffect(Report)

const Claims = Schema.Struct({
  /** Seconds since 1970. */
  iat: Schema.Int,
  request_body_sha256: Schema.String,
})

const algorithm = "ES256"

const textOf = (bytes: Uint8Array) =>
  Result.getSuccess(Result.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)))

const toClaims = (payload: Uint8Array) =>
  Option.flatMap(textOf(payload), Schema.decodeUnknownOption(Schema.fromJsonString(Claims)))

const toReport = (body: Uint8Array) =>
  Option.flatMap(textOf(body), Schema.decodeUnknownOption(Schema.fromJsonString(Report)))

const connectionOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, authorization: Ids.AuthorizationRef) {
  const store = yield* EventStore.EventStore
  const holder = yield* store.holderOf(tenantId, Connection.authorizationClaim(plaid, authorization))
  return holder && Connection.idOf(holder)
})

const load = Aggregate.load(Connection)

/** Takes the same time wherever they differ. */
const isEqual = (ours: string, theirs: string) => timingSafeEqual(digest(ours), digest(theirs))

const digest = (text: string) => createHash("sha256").update(text).digest()

const ignore = (reason: Ignored) =>
  Effect.as(Webhooks.count(Webhooks.ignored, { broker: "plaid", reason }), {
    _tag: "Ignored",
    reason,
  } as const)

const refuse = (reason: DeliveryRefused["reason"]) =>
  Effect.andThen(Webhooks.count(Webhooks.refused, { broker: "plaid", reason }), new DeliveryRefused({ reason }))
