/**
 * The names by which things are known.
 *
 * Every identifier is checked where it enters and branded from there on, so that
 * an owner is never taken for a tenant.
 */
import { Schema } from "effect"

const name = Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{1,200}$/u, { expected: "1 to 200 printable characters" }))

/** The security boundary: a workspace of the host. Nothing crosses it. */
export const TenantId = name.pipe(Schema.brand("TenantId"))
export type TenantId = typeof TenantId.Type

/** The person in a tenant who consented, by the host's own id: an opaque key, never a name or an address. */
export const OwnerId = name.pipe(Schema.brand("OwnerId"))
export type OwnerId = typeof OwnerId.Type

/** One adapter: `gmail`, `plaid`, … */
export const ProviderId = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,62}$/, { expected: "a lower-case name" }),
).pipe(Schema.brand("ProviderId"))
export type ProviderId = typeof ProviderId.Type

const uuid = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, { expected: "a lower-case UUID" }),
)

/** One authorization at one provider. */
export const ConnectionId = uuid.pipe(Schema.brand("ConnectionId"))
export type ConnectionId = typeof ConnectionId.Type

/** What one connection delivers for one outside account. */
export const FeedId = uuid.pipe(Schema.brand("FeedId"))
export type FeedId = typeof FeedId.Type

/** The permanent thing that feeds are linked to; it outlives every connection. */
export const AccountId = uuid.pipe(Schema.brand("AccountId"))
export type AccountId = typeof AccountId.Type

/** One question to a person. */
export const ReviewId = uuid.pipe(Schema.brand("ReviewId"))
export type ReviewId = typeof ReviewId.Type

/** One event, wherever it is copied to. */
export const EventId = uuid.pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

/**
 * What a provider or broker calls the authorization itself: the reference that all three doors share
 * (a broker's connection id, the id of our own consent request). Case sensitive.
 */
export const AuthorizationRef = name.pipe(Schema.brand("AuthorizationRef"))
export type AuthorizationRef = typeof AuthorizationRef.Type

/** A keyed hash of a provider's own, stable identifier of an account (Google's `sub`). Never the identifier itself. */
export const IdentityHash = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hexadecimal digits" }),
).pipe(Schema.brand("IdentityHash"))
export type IdentityHash = typeof IdentityHash.Type

/** Who caused something: a kind, and for people and programs the host's own id of them. */
export const Actor = Schema.Struct({
  kind: Schema.Literals(["owner", "operator", "broker", "provider", "system"]),
  id: Schema.optionalKey(name),
})
export type Actor = typeof Actor.Type

export const system: Actor = { kind: "system" }
