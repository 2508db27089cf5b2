/**
 * What the vault keeps for a bank, from the moment somebody is asked to log in
 * there until the Item is removed: first the consent that is being asked for,
 * then the exchange as it is about to be made, then the key to the Item. Each
 * takes the place of the one before, so a consent can be used once.
 */
import { Connection, Ids, type Provider } from "@holdfast/domain"
import { Redacted, Schema } from "effect"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** What Link tells the frontend about a consent (`onSuccess`), before anything is exchanged. Said by a browser. */
export const Metadata = Schema.Struct({
  institution: optional(Schema.Struct({ institution_id: optional(Schema.String), name: optional(Schema.String) })),
  accounts: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      name: optional(Schema.String),
      mask: optional(Schema.String),
      type: optional(Schema.String),
      subtype: optional(Schema.String),
    }),
  ),
  /** Names the person's visit, for Plaid's support. */
  link_session_id: optional(Schema.String),
})
export type Metadata = typeof Metadata.Type

const consent = {
  /** The browser session that asked, and whose it was; nobody else may answer. */
  session: Schema.String,
  /** The connection that is to be mended by a new Item. */
  reconnects: Schema.optionalKey(Ids.ConnectionId),
  /** Until when the person may answer. */
  expiresAt: Schema.DateTimeUtcFromString,
}

const answered = {
  ...consent,
  metadata: Metadata,
  /** SHA-256 of the public token: the same answer, given again, is recognised by it. */
  answer: Schema.String,
}

export const Secret = Schema.TaggedUnion({
  /** A person was asked to log in and has not come back. */
  Asked: consent,
  /**
   * The public token is being exchanged, or was by a process that died. It can be exchanged once: whoever finds this
   * tries again, and learns whether it was.
   */
  Exchanging: { ...answered, publicToken: Schema.String },
  /** The exchange may have been made, and its answer is lost: Plaid may have an Item that nobody has the key to. */
  Lost: answered,
  /** The key to the Item. */
  Granted: {
    ...answered,
    accessToken: Schema.String,
    itemId: Schema.String,
    /** The first day that Plaid reads the history of, settled with the exchange. */
    historyFrom: Connection.Day,
  },
})
export type Secret = typeof Secret.Type
export type Asked = Extract<Secret, { readonly _tag: "Asked" }>
export type Exchanging = Extract<Secret, { readonly _tag: "Exchanging" }>
export type Granted = Extract<Secret, { readonly _tag: "Granted" }>

const Json = Schema.fromJsonString(Secret)

export const write = (secret: Secret): Provider.Secret =>
  Redacted.make(Schema.encodeSync(Json)(secret), { label: "plaid" })

/** A secret; none where this version of the adapter did not write it. */
export const decode = (secret: Provider.Secret) => Schema.decodeOption(Json)(Redacted.value(secret))

/** A secret that this adapter did not write is a defect. */
export const read = (secret: Provider.Secret): Secret => Schema.decodeSync(Json)(Redacted.value(secret))

/** The credentials of a connection that is connected. */
export const granted = (secret: Provider.Secret): Granted => {
  const held = read(secret)
  if (held._tag !== "Granted") throw new Error("The consent of this bank is not complete")
  return held
}

/** What opens the Item. */
export const access = ({ accessToken, itemId }: Granted) => ({ itemId, accessToken: Redacted.make(accessToken) })
