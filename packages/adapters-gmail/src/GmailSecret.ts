/**
 * What the vault keeps for a mailbox, from the moment somebody is sent to Google
 * until the connection is forgotten: first the consent that is being asked for,
 * then the credentials that it gave. Each takes the place of the one before, so
 * a consent can be used once.
 */
import { Ids, KeyedHash, type Provider } from "@holdfast/domain"
import { Effect, Redacted, Schema } from "effect"

const grant = {
  state: Schema.String,
  session: Schema.String,
  accessToken: Schema.String,
  refreshToken: Schema.String,
  expiresAt: Schema.DateTimeUtcFromString,
  scopes: Schema.Array(Schema.String),
  /** Whose mailbox it is: the keyed hash of Google's `sub`. */
  identity: Ids.IdentityHash,
  /** Google's `sub` itself, by which the same person is found in other tenants. Not there in what was kept long ago. */
  subject: Schema.optionalKey(Schema.String),
  /** Its address when consent was given. */
  address: Schema.String,
}

export const Secret = Schema.TaggedUnion({
  /** A person was sent to Google and has not come back. */
  Asked: {
    /** Comes back with the person, unguessable. */
    state: Schema.String,
    /** The proof that goes with the code (PKCE). */
    verifier: Schema.String,
    /** The browser session that asked, and whose it was; nobody else may answer. */
    session: Schema.String,
    /** The connection that is to be mended. */
    reconnects: Schema.optionalKey(Ids.ConnectionId),
    expiresAt: Schema.DateTimeUtcFromString,
  },
  /** The code is being exchanged, or was by a process that died: it cannot be used again. */
  Exchanging: { state: Schema.String, session: Schema.String },
  /** What the consent gave, of another mailbox than the one to be mended: kept until the person says what is meant. */
  Offered: { ...grant, reconnects: Ids.ConnectionId, until: Schema.DateTimeUtcFromString },
  /** What the consent gave. */
  Granted: {
    ...grant,
    /** The connection that it mends. */
    reconnects: Schema.optionalKey(Ids.ConnectionId),
  },
})
export type Secret = typeof Secret.Type
export type Granted = Extract<Secret, { readonly _tag: "Granted" }>
/** What a consent gave, whatever it is for. */
export type Given = Extract<Secret, { readonly _tag: "Granted" | "Offered" }>

export const isGiven = (secret: Secret): secret is Given => secret._tag === "Granted" || secret._tag === "Offered"

const Json = Schema.fromJsonString(Secret)

export const write = (secret: Secret): Provider.Secret =>
  Redacted.make(Schema.encodeSync(Json)(secret), { label: "gmail" })

/** A secret; none where this version of the adapter did not write it. */
export const decode = (secret: Provider.Secret) => Schema.decodeOption(Json)(Redacted.value(secret))

/** A secret that this adapter did not write is a defect. */
export const read = (secret: Provider.Secret): Secret => Schema.decodeSync(Json)(Redacted.value(secret))

/** Whose mailbox it is in a tenant, by Google's `sub`. */
export const identityOf = (tenantId: Ids.TenantId, subject: string) =>
  Effect.flatMap(KeyedHash.KeyedHash, (hashes) => hashes.hash(tenantId, "gmail.sub", subject))

/** The credentials of a connection that is connected. */
export const granted = (secret: Provider.Secret): Granted => {
  const held = read(secret)
  if (held._tag !== "Granted") throw new Error("The consent of this mailbox is not complete")
  return held
}
