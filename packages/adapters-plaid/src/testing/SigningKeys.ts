/** The keys that webhooks are signed with, as real as Plaid's: ES256, told apart by `kid`, rotated and ended. */
import { createHash, createPrivateKey, generateKeyPairSync } from "node:crypto"

import { Schema } from "effect"
import { SignJWT } from "jose"

import type { Ids } from "./Ids.ts"

/** Whole, with its private part: it signs nothing but what is simulated. */
export const SigningKey = Schema.Struct({
  kid: Schema.String,
  x: Schema.String,
  y: Schema.String,
  d: Schema.String,
  /** Unix seconds. */
  createdAt: Schema.Int,
  expiredAt: Schema.NullOr(Schema.Int),
})
export type SigningKey = typeof SigningKey.Type

/** How a signature is made to be wrong. */
export interface Forgery {
  /** `none` leaves the signature empty; `HS256` signs with the public key's text. */
  readonly alg?: "none" | "HS256"
  /** A key that Plaid never had: the token is signed, but with a stranger's key. */
  readonly kid?: string
  /** Unix seconds. */
  readonly issuedAt?: number
  /** Signed for another body than the one that is sent. */
  readonly signedBody?: string
}

export class SigningKeys {
  private readonly ids: Ids
  private keys: ReadonlyArray<SigningKey>

  constructor(ids: Ids, now: number, keys: ReadonlyArray<SigningKey> = []) {
    this.ids = ids
    this.keys = keys
    if (keys.length === 0) this.rotate(now)
  }

  get all(): ReadonlyArray<SigningKey> {
    return this.keys
  }

  get kids(): ReadonlyArray<string> {
    return this.keys.map(({ kid }) => kid)
  }

  /** A new key signs from now on; the old ones stay good until they are expired. */
  rotate(now: number) {
    const { d = "", x = "", y = "" } = strangersKey().export({ format: "jwk" })
    const key: SigningKey = {
      kid: this.ids.nextUuid("kid"),
      x,
      y,
      d,
      createdAt: Math.floor(now / 1000),
      expiredAt: null,
    }
    this.keys = [...this.keys, key]
    return key.kid
  }

  expire(kid: string, now: number) {
    if (!this.kids.includes(kid)) return false
    this.keys = this.keys.map((key) => (key.kid === kid ? { ...key, expiredAt: Math.floor(now / 1000) } : key))
    return true
  }

  jwk(kid: string) {
    const key = this.keys.find((candidate) => candidate.kid === kid)
    if (key === undefined) return undefined
    const { createdAt, expiredAt, x, y } = key
    return {
      alg: "ES256",
      crv: "P-256",
      kid,
      kty: "EC",
      use: "sig",
      x,
      y,
      created_at: createdAt,
      expired_at: expiredAt,
    }
  }

  /** The `Plaid-Verification` header of a body. */
  async sign(body: string, now: number, forgery: Forgery = {}): Promise<string> {
    const { issuedAt = Math.floor(now / 1000), signedBody = body } = forgery
    const key = this.keys.at(-1)
    if (key === undefined) throw new Error("There is no key to sign with")
    const claims = { iat: issuedAt, request_body_sha256: createHash("sha256").update(signedBody).digest("hex") }
    const kid = forgery.kid ?? key.kid
    if (forgery.alg === "none") return `${part({ alg: "none", kid, typ: "JWT" })}.${part(claims)}.`
    if (forgery.alg === "HS256") {
      return new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid, typ: "JWT" })
        .sign(new TextEncoder().encode(`${key.x}${key.y}`))
    }
    const signer =
      forgery.kid === undefined || this.kids.includes(forgery.kid)
        ? privateKeyOf(this.keys.find((candidate) => candidate.kid === kid) ?? key)
        : strangersKey()
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid, typ: "JWT" }).sign(signer)
  }
}

const strangersKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey

const privateKeyOf = ({ d, x, y }: SigningKey) =>
  createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y, d } })

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
