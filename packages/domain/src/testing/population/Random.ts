/**
 * Random numbers that are the same everywhere: 32-bit integers only, no floating-point function whose last bit depends
 * on the engine.
 *
 * The generator is `sfc32` by Chris Doty-Humphrey (PractRand, public domain): 128 bits of state, of which one word is a
 * counter, so that no stream is shorter than 2^32.
 *
 * @see https://pracrand.sourceforge.net/RNG_engines.txt
 */

/** Draws a whole number from 0 to 2^32 − 1. */
export type Random = () => number

/** The stream of a key: equal keys give equal streams, others are independent for all that a simulation can see. */
export const make = (...key: ReadonlyArray<number>): Random => {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  for (const part of key) {
    a = mixed(a ^ part)
    b = mixed(b + a)
    c = mixed(c ^ b)
  }
  const random = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 8; round++) random()
  return random
}

/** A whole number from 0 to `limit` − 1. The limit is far below 2^21, where the bias of the product would show. */
export const below = (random: Random, limit: number): number => Math.floor((random() * limit) / 0x1_0000_0000)

/** Both ends included. */
export const between = (random: Random, least: number, most: number): number => least + below(random, most - least + 1)

export const chance = (random: Random, probability: number): boolean => random() < probability * 0x1_0000_0000

export const pick = <A>(random: Random, items: readonly [A, ...Array<A>]): A =>
  items[below(random, items.length)] ?? items[0]

/** A name, each as often as its weight has it. */
export const weighted = <K extends string>(random: Random, weights: Readonly<Record<K, number>>): K => {
  let total = 0
  for (const name in weights) total += weights[name]
  let left = (random() / 0x1_0000_0000) * total
  let last: K | undefined
  for (const name in weights) {
    if (weights[name] <= 0) continue
    last = name
    left -= weights[name]
    if (left < 0) return name
  }
  if (last === undefined) throw new RangeError("nothing has a weight")
  return last
}

/** Days until something that happens on any day alike: geometric, the exponential in whole days. */
export const days = (random: Random, mean: number): number => {
  let days = 0
  while (!chance(random, 1 / (mean + 1))) days++
  return days
}

/** That many decimal digits. */
export const digits = (random: Random, count: number): string => {
  let digits = ""
  for (let place = 0; place < count; place++) digits += below(random, 10)
  return digits
}

export const shuffled = <A>(random: Random, items: ReadonlyArray<A>): Array<A> => {
  const shuffled = [...items]
  for (let left = shuffled.length; left > 1; left--) shuffled.push(...shuffled.splice(below(random, left), 1))
  return shuffled
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain). */
const mixed = (word: number): number => {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
