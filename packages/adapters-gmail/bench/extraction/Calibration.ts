/**
 * How far confidence is from the truth: the expected calibration error, by the levels of confidence themselves.
 *
 * A claim is one value that the extractor said, with the confidence that it said it with. What it left null is no claim. A
 * claim is right if the mail's truth is that value; where the truth is that the mail says nothing to believe, it is wrong.
 * Where the generator tossed a coin between two truths for the very same mail, the claim counts for each of them by half:
 * the expectation is known, and the coin would only add noise.
 *
 * The error is the mean, over all claims, of the distance between a level of confidence and the share of it that is right.
 * The levels are few, so each is a bin of its own, and what is too sure cannot hide what is not sure enough beside it.
 */
import * as Random from "@holdfast/domain/testing/population/Random"

export interface Claim {
  /** Of which mail: the claims of one are wrong together. */
  readonly mail: number
  readonly confidence: number
  /** 0, 1, or the chance that it is. */
  readonly right: number
  /** What it is one of: `field checkIn`, `reason NO_TEXT`. */
  readonly groups: ReadonlyArray<string>
}

export interface Level {
  readonly confidence: number
  readonly said: number
  readonly right: number
}

export interface Calibration {
  readonly said: number
  readonly error: number
  /** The part of the error that comes of levels that are right less often than they say. */
  readonly tooSure: number
}

/** By confidence, the lowest first. */
export const levels = (claims: ReadonlyArray<Claim>): ReadonlyArray<Level> =>
  [...Map.groupBy(claims, ({ confidence }) => confidence)]
    .map(([confidence, all]) => ({
      confidence,
      said: all.length,
      right: all.reduce((sum, { right }) => sum + right, 0),
    }))
    .toSorted((a, b) => a.confidence - b.confidence)

export const of = (claims: ReadonlyArray<Claim>): Calibration => ofLevels(levels(claims))

/** The same of each group that has at least so many claims. */
export const byGroup = (
  claims: ReadonlyArray<Claim>,
  least: number,
): ReadonlyArray<readonly [group: string, claims: ReadonlyArray<Claim>]> =>
  [
    ...Map.groupBy(
      claims.flatMap((claim) => claim.groups.map((group) => ({ claim, group }))),
      ({ group }) => group,
    ),
  ]
    .map(([group, all]) => [group, all.map(({ claim }) => claim)] as const)
    .filter(([, all]) => all.length >= least)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Between which errors 95 of 100 drawings of as many mails from these lie. Mails are drawn, not claims: those of one mail hang together. */
export const interval = (claims: ReadonlyArray<Claim>): readonly [low: number, high: number] => {
  const random = Random.make(0xca11, claims.length)
  const mails = [...Map.groupBy(claims, ({ mail }) => mail).values()].map(levels)
  const errors = Array.from({ length: drawings }, () => {
    const drawn = mails.map(() => mails[Random.below(random, mails.length)] ?? [])
    return ofLevels(merged(drawn)).error
  }).toSorted((a, b) => a - b)
  return [errors[Math.floor(drawings * 0.025)] ?? 0, errors[Math.floor(drawings * 0.975)] ?? 0]
}

const drawings = 400

const merged = (mails: ReadonlyArray<ReadonlyArray<Level>>): ReadonlyArray<Level> => {
  const sums = new Map<number, { confidence: number; said: number; right: number }>()
  for (const mail of mails) {
    for (const { confidence, right, said } of mail) {
      const sum = sums.get(confidence)
      if (sum === undefined) sums.set(confidence, { confidence, said, right })
      else {
        sum.said += said
        sum.right += right
      }
    }
  }
  return [...sums.values()]
}

const ofLevels = (all: ReadonlyArray<Level>): Calibration => {
  const said = all.reduce((sum, level) => sum + level.said, 0)
  const per = (distance: (gap: number) => number) =>
    all.reduce((sum, level) => sum + distance(level.confidence * level.said - level.right), 0) / Math.max(1, said)
  return { said, error: per(Math.abs), tooSure: per((gap) => Math.max(0, gap)) }
}
