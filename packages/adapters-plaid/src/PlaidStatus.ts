/**
 * What Plaid says of an Item now, and what that means for its connection.
 *
 * Webhooks come late, twice and in any order, or not at all. So whatever they say
 * of an Item's health is a reason to ask, and the answer is what counts. A
 * schedule that looks at every connection makes up for those that were lost.
 */
import { Aggregate, Connection, Credentials, type Ids, Vault } from "@holdfast/domain"
import { DateTime, Effect } from "effect"

import { type ItemStatus, PlaidApi } from "./PlaidApi.ts"
import { PlaidError, reasonOf } from "./PlaidError.ts"
import * as PlaidSecret from "./PlaidSecret.ts"

/** Who asserts what is recorded here. */
export const actor: Ids.Actor = { kind: "provider", id: "plaid" }

/**
 * Asks how the Item of a live connection is, and records what is news: that the
 * owner has to log in, that it works again, when the consent ends. Of a connection
 * that is over nothing is asked. An Item that cannot be asked about fails with
 * `PlaidError`, and nothing is recorded.
 */
export const look = Effect.fn("PlaidStatus.look")(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const { state } = yield* load(tenantId, connectionId)
  if (!Connection.isLive(state)) return state.status
  const held = yield* (yield* Vault.Vault).get(tenantId, connectionId)
  const item = (yield* PlaidApi).item(PlaidSecret.access(PlaidSecret.granted(held.secret)))
  const failure = yield* Effect.matchEffect(item.get, {
    onSuccess: (status) =>
      Effect.as(noticeExpiry(tenantId, connectionId, status.consent_expiration_time), failureOf(status)),
    onFailure: (error) => (error.retryable ? Effect.fail(error) : Effect.succeed(error.reason)),
  })
  if (failure === undefined && state.status === "needs_reauth") yield* heal(tenantId, connectionId, held)
  if (failure?._tag === "AuthorizationEnded") {
    yield* Credentials.reportEnd(tenantId, connectionId, held.version, failure.reason)
  }
  if (failure?._tag === "UnexpectedAnswer") {
    return yield* new PlaidError({ endpoint: "item/get", code: failure.problem, reason: failure })
  }
  return (yield* load(tenantId, connectionId)).state.status
})

/** Records when the consent or the access ends, if Plaid says so. */
export const noticeExpiry = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  expiresAt: DateTime.Utc | null | undefined,
) {
  if (expiresAt === undefined || expiresAt === null) return
  const command = Connection.Command.make({ _tag: "NoticeExpiry", at: yield* DateTime.now, expiresAt })
  yield* handle(tenantId, connectionId, command, { metadata: { actor } })
})

/**
 * The same key opens the Item again, so it is stored as a new version: what was
 * learnt with the old one, and is reported late, is told from what is true now.
 */
export const heal = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  held: Vault.Credentials,
) {
  const vault = yield* Vault.Vault
  yield* vault
    .put(tenantId, connectionId, held.secret, { replaces: held.version })
    .pipe(Effect.catchTag("CredentialsConflict", () => Effect.void))
  yield* Credentials.recordVersion(tenantId, connectionId)
})

/** What keeps the Item from being used; a bank that is down is no such thing. */
const failureOf = ({ error }: ItemStatus) => {
  if (error === undefined || error === null) return undefined
  const reason = reasonOf(400, error)
  return reason._tag === "AuthorizationEnded" ? reason : undefined
}

const load = Aggregate.load(Connection)
const handle = Aggregate.handle(Connection)
