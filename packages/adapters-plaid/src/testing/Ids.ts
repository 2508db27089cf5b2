/** Ids that look like Plaid's and are the same in every run of the same seed. */
import { hash } from "node:crypto"

import { Schema } from "effect"

export const Outline = Schema.Struct({
  seed: Schema.String,
  /** How many of each kind there are. */
  made: Schema.Record(Schema.String, Schema.Natural),
})
export type Outline = typeof Outline.Type

export class Ids {
  private readonly made: Map<string, number>
  private readonly seed: string

  constructor({ made, seed }: Outline) {
    this.made = new Map(Object.entries(made))
    this.seed = seed
  }

  get outline(): Outline {
    return { seed: this.seed, made: Object.fromEntries(this.made) }
  }

  /** Another one of this kind at every call. */
  next(kind: string) {
    return this.of(kind, this.count(kind))
  }

  nextUuid(kind: string) {
    return uuidOf(`${this.seed}/${kind}/${this.count(kind)}`)
  }

  /** The same one for the same parts. */
  of(...parts: ReadonlyArray<string>) {
    return plaidId(`${this.seed}/${parts.join("/")}`)
  }

  digitsOf(length: number, ...parts: ReadonlyArray<string>) {
    return pick(digits, length, `${this.seed}/${parts.join("/")}`)
  }

  /** Kinds are counted apart, so that ids of Items do not depend on how many requests were made. */
  private count(kind: string) {
    const count = (this.made.get(kind) ?? 0) + 1
    this.made.set(kind, count)
    return String(count)
  }
}

const digits = Buffer.from("0123456789")
const digitsAndLetters = Buffer.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

/** 37 letters and digits, case sensitive. */
const plaidId = (text: string) => pick(digitsAndLetters, 37, text)

/** In place: an id put together letter by letter would keep a kilobyte of its parts alive. */
const pick = (letters: Buffer, length: number, text: string) => {
  const digest = hash("sha512", text, "buffer")
  for (let index = 0; index < length; index++) digest[index] = letters[(digest[index] ?? 0) % letters.length] ?? 0
  return digest.toString("latin1", 0, length)
}

const uuidOf = (text: string) => {
  const hex = hash("sha256", text, "hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
