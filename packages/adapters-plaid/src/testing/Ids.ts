/** Ids that look like Plaid's and are the same in every run of the same seed. */
import { hash } from "node:crypto"

export class Ids {
  private readonly made = new Map<string, number>()
  private readonly seed: string

  constructor(seed: string) {
    this.seed = seed
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
    return pick("0123456789", length, `${this.seed}/${parts.join("/")}`)
  }

  /** Kinds are counted apart, so that ids of Items do not depend on how many requests were made. */
  private count(kind: string) {
    const count = (this.made.get(kind) ?? 0) + 1
    this.made.set(kind, count)
    return String(count)
  }
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** 37 letters and digits, case sensitive. */
const plaidId = (text: string) => pick(alphabet, 37, text)

const pick = (letters: string, length: number, text: string) => {
  const digest = hash("sha512", text, "buffer")
  let id = ""
  for (let index = 0; index < length; index++) id += letters[(digest[index] ?? 0) % letters.length]
  return id
}

const uuidOf = (text: string) => {
  const hex = hash("sha256", text, "hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
