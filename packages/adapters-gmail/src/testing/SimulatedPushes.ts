/**
 * Google's side of pushes: which mailboxes are watched, and what Pub/Sub sends when one of them changes, signed as a
 * push subscription signs. When and how often it is sent is the caller's business: Pub/Sub repeats and reorders.
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto"

import { Option, Schema } from "effect"

import { invalidArgument, ok, type Reply } from "./GoogleReply.ts"

/** What somebody asked Gmail to announce. */
export interface Watch {
  readonly mailbox: string
  readonly topic: string
  readonly labelIds: ReadonlyArray<string>
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** Who the push is for and how it is signed: as the subscription says, or in one of the ways in which others try. */
export interface Subscription {
  readonly audience: string
  readonly serviceAccount: string
  /** Where the mailbox stood when it changed; where it stands now if absent. */
  readonly historyId?: string
  /** Instead of what Gmail says. */
  readonly data?: string
  readonly issuer?: string
  /** Seconds that the token is old; it is good for an hour. */
  readonly age?: number
  /** By a key that is not Google's. */
  readonly isForged?: boolean
  /** The key that it is said to be signed by. */
  readonly keyId?: string
}

/** What arrives at the subscription's address. */
export interface SignedPush {
  readonly authorization: string
  readonly body: Uint8Array<ArrayBuffer>
}

export class SimulatedPushes {
  private readonly byMailbox = new Map<string, Watch>()
  private readonly keys = new Map<string, ReturnType<typeof newKeys>>()
  private sent = 0

  get watches(): ReadonlyArray<Watch> {
    return [...this.byMailbox.values()]
  }

  /** By key id, in the form of public keys where Google gives certificates. */
  get certificates(): Readonly<Record<string, string>> {
    return { [keyId]: this.keysOf("google").publicKey.export({ type: "spki", format: "pem" }).toString() }
  }

  watch(mailbox: string, historyId: string, body: string, now: number): Reply {
    const asked = decodeWatch(body)
    if (Option.isNone(asked)) return invalidArgument("Invalid topicName does not match projects/*/topics/*")
    const { labelIds = [], topicName } = asked.value
    const expiresAt = now + 7 * 24 * 3_600_000
    this.byMailbox.set(mailbox, { mailbox, topic: topicName, labelIds, expiresAt })
    return ok({ historyId, expiration: String(expiresAt) })
  }

  stop(mailbox: string): Reply {
    this.byMailbox.delete(mailbox)
    return { status: 204, body: "" }
  }

  push(mailbox: string, subscription: Subscription & { readonly historyId: string }, now: number): SignedPush {
    const { age = 0, audience, historyId, isForged, issuer, serviceAccount } = subscription
    const data = subscription.data ?? base64(JSON.stringify({ emailAddress: mailbox, historyId }))
    const messageId = String(++this.sent)
    const issuedAt = Math.floor(now / 1_000) - age
    const claims = {
      iss: issuer ?? "https://accounts.google.com",
      aud: audience,
      azp: "117000000000000000001",
      sub: "117000000000000000001",
      email: serviceAccount,
      email_verified: true,
      iat: issuedAt,
      exp: issuedAt + 3_600,
    }
    const signed = [{ alg: "RS256", kid: subscription.keyId ?? keyId, typ: "JWT" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".")
    const { privateKey } = this.keysOf(isForged === true ? "somebody" : "google")
    const signature = sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")
    return {
      authorization: `Bearer ${signed}.${signature}`,
      body: new TextEncoder().encode(
        JSON.stringify({
          message: { data, messageId, message_id: messageId, publishTime: new Date(now).toISOString() },
          subscription: "projects/simulated/subscriptions/gmail",
        }),
      ),
    }
  }

  private keysOf(owner: string) {
    const keys = this.keys.get(owner) ?? newKeys()
    this.keys.set(owner, keys)
    return keys
  }
}

const keyId = "simulated-key"

const newKeys = (): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =>
  generateKeyPairSync("rsa", { modulusLength: 2_048 })

const base64 = (text: string) => Buffer.from(text).toString("base64")

const decodeWatch = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      topicName: Schema.String.check(Schema.isPattern(/^projects\/[^/]+\/topics\/[^/]+$/)),
      labelIds: Schema.optionalKey(Schema.Array(Schema.String)),
    }),
  ),
)
