import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { ours } from "../bench/matching/Ours.ts"
import * as Tally from "../bench/matching/Tally.ts"
import * as Canonical from "../src/matching/Canonical.ts"
import { recon1 } from "../src/matching/Policy.ts"
import { type Bookings } from "../src/matching/Profile.ts"
import * as Population from "../src/testing/population.ts"

const populations = {
  defaults: Population.defaults,
  conservative: Population.conservative,
  propertyManagers: Population.propertyManagers,
  noOverlap: Population.noOverlap,
  stress: Population.stress,
}

const seeds = Schema.Natural.check(Schema.isLessThan(1_000_000))
const tenantNumbers = Schema.Natural.check(Schema.isLessThan(20))
const names = Schema.Literals(["defaults", "conservative", "propertyManagers", "noOverlap", "stress"])

describe("a population", () => {
  it.prop(
    "is the same for the same seed, whole or in parts",
    [seeds, tenantNumbers],
    ([seed, from]) => {
      const whole = [...Population.reconnections(Population.stress, { seed, tenants: from + 2 })].slice(from)
      const part = [...Population.reconnections(Population.stress, { seed, from, tenants: 2 })]
      assert.deepStrictEqual(plain(part), plain(whole))
    },
    { arbitrary: { runs: 20 } },
  )

  it("is another one for another seed", () => {
    const [one, other] = [1, 2].map((seed) =>
      plain([...Population.reconnections(Population.defaults, { seed, tenants: 3 })]),
    )
    assert.notDeepEqual(one, other)
  })

  it("stays as it is: figures of yesterday and of today can be compared", () => {
    let digest = 0
    for (const reconnection of Population.reconnections(Population.defaults, { seed: 31, tenants: 200 })) {
      const text = JSON.stringify(plain([reconnection]))
      for (let at = 0; at < text.length; at++) digest = (Math.imul(digest, 31) + text.charCodeAt(at)) | 0
    }
    assert.strictEqual(digest, 1_930_792_223)
  })

  it.prop(
    "tells the truth one to one, except where the store holds an account twice",
    [seeds, names],
    ([seed, name]) => {
      for (const { held, incoming, truth } of Population.reconnections(populations[name], { seed, tenants: 40 })) {
        const accountIds = held.map(({ accountId }) => accountId)
        const linked = [...truth.values()].flat()
        assert.strictEqual(new Set(accountIds).size, accountIds.length)
        assert.strictEqual(new Set(incoming.map(({ source }) => source)).size, incoming.length)
        assert.strictEqual(new Set(linked).size, linked.length)
        for (const accountId of linked) assert.include(accountIds, accountId)
        for (const [source, accounts] of truth) {
          assert.isTrue(incoming.some((one) => one.source === source))
          const isTwice = held.some((one) => accounts.includes(one.accountId) && one.hazards.includes("duplicated"))
          assert.strictEqual(accounts.length, isTwice ? 2 : 1)
        }
        for (const one of incoming) {
          const isNew = one.hazards.some(
            (hazard) => hazard === "opened" || hazard === "newlySelected" || hazard === "replaced",
          )
          if (isNew) assert.isFalse(truth.has(one.source))
        }
      }
    },
    { arbitrary: { runs: 20 } },
  )

  it.prop(
    "lets fetched evidence add, and change nothing that was said",
    [seeds, names],
    ([seed, name]) => {
      for (const reconnection of Population.reconnections(populations[name], { seed, tenants: 20 })) {
        const fetched = reconnection.fetched()
        for (const [index, { description, source }] of reconnection.incoming.entries()) {
          const more = fetched.incoming[index]
          assert.strictEqual(more?.source, source)
          if (more === undefined) continue
          const { bookings, holders, iban, number, ...said } = description
          const {
            bookings: allBookings,
            holders: allHolders,
            iban: anIban,
            number: aNumber,
            ...saidAgain
          } = more.description
          assert.deepStrictEqual(saidAgain, said)
          if (holders !== undefined) assert.deepStrictEqual(allHolders, holders)
          if (iban !== undefined) assert.strictEqual(anIban, iban)
          if (number !== undefined) assert.deepStrictEqual(aNumber, number)
          assert.isTrue(contains(allBookings, bookings))
        }
        for (const [index, { accountId, description }] of reconnection.held.entries()) {
          const more = fetched.held[index]
          assert.strictEqual(more?.accountId, accountId)
          assert.deepStrictEqual({ ...more?.description, bookings: undefined }, { ...description, bookings: undefined })
          assert.isTrue(contains(more?.description.bookings, description.bookings))
        }
      }
    },
    { arbitrary: { runs: 10 } },
  )

  it.prop(
    "books inside the window that it covers",
    [seeds, names],
    ([seed, name]) => {
      for (const { held, incoming } of Population.reconnections(populations[name], { seed, tenants: 20 })) {
        for (const { description } of [...held, ...incoming]) {
          const { from, rows, to } = description.bookings ?? { from: "", to: "", rows: [] }
          assert.isTrue(from <= to && rows.every(({ on }) => from <= on && on <= to))
        }
      }
    },
    { arbitrary: { runs: 10 } },
  )

  it("has IBANs that are valid, each of its own account unless the bank shares it", () => {
    const seen = new Set<string>()
    for (const { held, tenantId } of Population.reconnections(Population.euOnly, { seed: 7, tenants: 300 })) {
      const carriers = new Map<string, number>()
      for (const { description, hazards } of held) {
        if (description.iban === undefined || hazards.includes("duplicated")) continue
        assert.strictEqual(Canonical.iban(description.iban), description.iban)
        assert.isFalse(seen.has(description.iban), `${tenantId} has another tenant's IBAN`)
        carriers.set(description.iban, (carriers.get(description.iban) ?? 0) + 1)
      }
      for (const { description, hazards } of held) {
        const isShared = (carriers.get(description.iban ?? "") ?? 0) > 1
        const isBeside = hazards.includes("pocket") || hazards.includes("pot") || hazards.includes("settlementIban")
        if (isBeside && description.iban !== undefined) assert.isTrue(isShared)
      }
      for (const iban of carriers.keys()) seen.add(iban)
    }
  })
})

const tenants = 8_000
const sample = once(() => sampleOf(Population.defaults, tenants))

describe("the rates of a population are those of its parameters:", () => {
  const { changes, happenings, identifiers, store } = Population.defaults

  it("what happens", () => {
    for (const happening of ["relink", "update", "spouse", "fresh", "providerChange"] as const) {
      assertRate(sample().happenings.get(happening) ?? 0, tenants, happenings[happening])
    }
  })

  it("what changes from one sight to the next", () => {
    const { relinked, updated } = sample()
    assertRate(relinked.count("renamed"), relinked.known, changes.renamed)
    assertRate(relinked.count("nameNoise"), relinked.known, (1 - changes.renamed) * changes.nameNoise)
    assertRate(relinked.count("converted"), relinked.known, changes.converted)
    assertRate(relinked.count("retyped"), relinked.known, changes.retyped)
    assertRate(updated.count("churned"), updated.incoming, changes.churned)
    assertRate(sample().withOpened, tenants, changes.opened)
  })

  it("what a replaced account brings with it", () => {
    assertRate(sample().all.count("carriedOver"), sample().all.count("replaced"), changes.carriedOver)
  })

  it("what masks tell", () => {
    const { maskGeneric, maskMissing, maskShort } = identifiers
    assertRate(sample().held.count("noMask"), sample().held.count("any"), maskMissing)
    assertRate(sample().held.count("genericMask"), sample().held.count("any"), (1 - maskMissing) * maskGeneric)
    assertRate(
      sample().held.count("shortMask"),
      sample().held.count("any"),
      (1 - maskMissing) * (1 - maskGeneric) * maskShort,
    )
  })

  it("what is held twice", () => {
    assertRate(sample().held.count("duplicated"), sample().held.count("any"), store.duplicated)
  })

  it("how long a connection is broken", () => {
    const mean = sample().gaps.reduce((sum, days) => sum + days, 0) / sample().gaps.length
    const deviation = Population.defaults.gapDays / Math.sqrt(sample().gaps.length)
    assert.closeTo(mean, Population.defaults.gapDays + 1, 4 * deviation)
  })

  it("and four accounts of five are held", () => {
    assert.closeTo(sample().known / sample().incoming, 0.81, 0.02)
  })
})

describe("every hazard occurs", () => {
  const hazards: ReadonlyArray<Population.Hazard> = [
    "joint",
    "tokenized",
    "memberMask",
    "memberNumber",
    "pocket",
    "pot",
    "settlementIban",
    "parentStatement",
    "childStatement",
    "dormant",
    "noMask",
    "shortMask",
    "genericMask",
    "renamed",
    "nameNoise",
    "converted",
    "retyped",
    "cardReplaced",
    "renumbered",
    "institutionMigrated",
    "institutionRenamed",
    "institutionMerged",
    "churned",
    "opened",
    "newlySelected",
    "replaced",
    "carriedOver",
    "otherOwner",
  ]

  it.each(hazards)("%s", (hazard) => {
    assert.isAbove(sample().all.count(hazard), 0)
  })

  it("accounts that repeat another's bookings, where the population is to have them", () => {
    assert.isAbove(sampleOf(Population.stress, 300).all.count("clonedBookings"), 0)
  })
})

describe("our policy, on thirteen thousand accounts", { timeout: 240_000 }, () => {
  const defaults = once(() => measured(Population.defaults, 3_000))
  const stress = once(() => measured(Population.stress, 1_000))

  it("links none wrongly, with the evidence at hand and with what can be fetched", () => {
    for (const { wrong, wrongFetched } of [defaults(), stress()]) assert.strictEqual(wrong + wrongFetched, 0)
  })

  it("links by itself what it can", () => {
    assertAtLeast(defaults().right, defaults().known, 0.85)
    assertAtLeast(defaults().rightFetched, defaults().known, 0.93)
  })

  it("asks little, and offers the right account first", () => {
    assertAtLeast(defaults().incoming - defaults().review, defaults().incoming, 0.87)
    assertAtLeast(defaults().rightFirst, defaults().reviewKnown, 0.97)
  })

  it("seldom takes a known account for a new one", () => {
    assertAtLeast(defaults().known - defaults().missed, defaults().known, 0.998)
  })

  it("errs no more often than its margins say", () => {
    for (const [bits, { chosen, wrong }] of defaults().margins) {
      if (bits >= 10) assertAtLeast(chosen - wrong, chosen, 1 - 2 ** -bits)
    }
  })
})

function measured(parameters: Population.Parameters, tenants: number): Tally.Tally {
  const others = Population.reconnections(parameters, { seed: 32, from: 1_000_000, tenants: 1_000 })
  const decide = ours(recon1, Population.sharedValues(others))
  const tally = Tally.empty()
  for (const reconnection of Population.reconnections(parameters, { seed: 32, tenants })) {
    const verdicts = decide(reconnection)
    const isSettled = verdicts.every(({ action }) => action === "auto")
    const fetched = isSettled ? verdicts : decide({ ...reconnection, ...reconnection.fetched() })
    Tally.count(tally, reconnection, verdicts, fetched)
  }
  return tally
}

/** Within three standard errors. */
function assertAtLeast(events: number, trials: number, rate: number): void {
  const error = 3 * Math.sqrt(rate * (1 - rate) * trials)
  assert.isAtLeast(events, rate * trials - error, `${events} of ${trials}`)
}

/** A window that reaches at least as far back, with every booking of the other as often. */
function contains(longer: Bookings | undefined, shorter: Bookings | undefined): boolean {
  if (longer === undefined || shorter === undefined) return longer === shorter
  const left = new Map<string, number>()
  for (const { amount, on } of longer.rows) left.set(`${on} ${amount}`, (left.get(`${on} ${amount}`) ?? 0) + 1)
  return (
    longer.from <= shorter.from &&
    longer.to === shorter.to &&
    shorter.rows.every(({ amount, on }) => {
      const count = left.get(`${on} ${amount}`) ?? 0
      left.set(`${on} ${amount}`, count - 1)
      return count > 0
    })
  )
}

/** Four standard errors: one run of sixteen thousand would be outside, and the seed is fixed. */
function assertRate(events: number, trials: number, rate: number): void {
  const error = Math.sqrt((rate * (1 - rate)) / trials)
  assert.closeTo(events / trials, rate, 4 * error)
}

function sampleOf(parameters: Population.Parameters, tenants: number) {
  const happenings = new Map<Population.Happening, number>()
  const [all, held, relinked, updated] = [counter(), counter(), counter(), counter()]
  const gaps: Array<number> = []
  let [incoming, known, withOpened] = [0, 0, 0]
  for (const one of Population.reconnections(parameters, { seed: 31, tenants })) {
    happenings.set(one.happening, (happenings.get(one.happening) ?? 0) + 1)
    incoming += one.incoming.length
    known += one.truth.size
    const isOpened = ({ hazards }: Population.Incoming) =>
      hazards.includes("opened") || hazards.includes("newlySelected")
    if (one.incoming.some(isOpened)) withOpened++
    for (const { hazards, source } of one.incoming) {
      all.add(hazards, one.truth.has(source))
      if (one.happening === "relink" || one.happening === "update") relinked.add(hazards, one.truth.has(source))
      if (one.happening === "update") updated.add(hazards, one.truth.has(source))
    }
    for (const { hazards } of one.held) {
      held.add(hazards.includes("duplicated") ? ["duplicated"] : [...hazards, "any"], true)
    }
    if (one.happening !== "spouse" && one.happening !== "fresh") gaps.push(gapOf(one))
  }
  return {
    all,
    gaps: gaps.filter((days) => days > 0),
    happenings,
    held,
    incoming,
    known,
    relinked,
    updated,
    withOpened,
  }
}

/** Days since the connection that is made again was last seen: that of the accounts that are known again. */
function gapOf({ held, truth }: Population.Reconnection): number {
  const [accounts] = truth.values()
  return held.find(({ accountId }) => accountId === accounts?.[0])?.dormantDays ?? 0
}

function counter() {
  const seen = new Map<string, number>()
  const counts = {
    incoming: 0,
    known: 0,
    add: (hazards: ReadonlyArray<string>, isKnown: boolean) => {
      counts.incoming++
      if (isKnown) counts.known++
      for (const hazard of new Set(hazards)) seen.set(hazard, (seen.get(hazard) ?? 0) + 1)
    },
    count: (hazard: string) => seen.get(hazard) ?? 0,
  }
  return counts
}

/** All that a reconnection says, what is fetched included. */
function plain(reconnections: ReadonlyArray<Population.Reconnection>) {
  return reconnections.map(({ fetched, truth, ...rest }) => ({ ...rest, truth: [...truth], fetched: fetched() }))
}

/** Made when the first test asks, and kept for the others. */
function once<A>(make: () => A): () => A {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
