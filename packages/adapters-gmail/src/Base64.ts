/**
 * Base64 decoded as it arrives, bytes to bytes: the strings that `Buffer` wants for it would be as long as the mail, and
 * outgrow it before they are collected.
 */

export interface Decoder {
  /** Decodes what comes next into the beginning of `target`, which is no shorter, and says how many bytes that gave. */
  readonly decode: (source: Uint8Array, target: Uint8Array) => number
  /** Decodes what is left of a group that is not complete: at most two bytes. */
  readonly end: (target: Uint8Array) => number
  /** Characters that are not of the alphabet, which were passed over. */
  readonly foreign: () => number
  /** Characters of the group that is not complete. One alone is no byte. */
  readonly left: () => number
}

/** Six bits by character code. */
export type Alphabet = Uint8Array

/** Where a character is not of the alphabet. */
export const outside = 64

const alphabetOf = (...sixtyThirdAndLast: ReadonlyArray<string>): Alphabet => {
  const table = new Uint8Array(256).fill(outside)
  for (const pair of sixtyThirdAndLast) {
    const characters = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${pair}`
    for (let value = 0; value < outside; value++) table[characters.charCodeAt(value)] = value
  }
  return table
}

/** As mails are written. */
export const ofMail = alphabetOf("+/")

/** As Google writes, or others in its place. */
export const ofAnswers = alphabetOf("-_", "+/")

export const decoder = (alphabet: Alphabet): Decoder => {
  let bits = 0
  let left = 0
  let foreign = 0
  return {
    decode: (source, target) => {
      let size = 0
      for (let at = 0; at < source.length;) {
        if (left === 0) {
          // Mostly whole groups, one after the other.
          for (; at + 3 < source.length; at += 4) {
            const a = alphabet[source[at] ?? 0] ?? outside
            const b = alphabet[source[at + 1] ?? 0] ?? outside
            const c = alphabet[source[at + 2] ?? 0] ?? outside
            const d = alphabet[source[at + 3] ?? 0] ?? outside
            if ((a | b | c | d) >= outside) break
            target[size++] = (a << 2) | (b >> 4)
            target[size++] = (b << 4) | (c >> 2)
            target[size++] = (c << 6) | d
          }
          if (at >= source.length) break
        }
        const value = alphabet[source[at++] ?? 0] ?? outside
        if (value === outside) {
          foreign++
          continue
        }
        bits = (bits << 6) | value
        if (++left < 4) continue
        target[size++] = bits >> 16
        target[size++] = bits >> 8
        target[size++] = bits
        left = bits = 0
      }
      return size
    },
    end: (target) => {
      if (left < 2) return 0
      const whole = bits << (6 * (4 - left))
      target[0] = whole >> 16
      if (left === 3) target[1] = whole >> 8
      return left - 1
    },
    foreign: () => foreign,
    left: () => left,
  }
}
