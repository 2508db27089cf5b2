import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"

import * as AccountCases from "../src/matching/AccountCases.ts"
import * as AccountMatching from "../src/matching/AccountMatching.ts"
import { explain } from "../src/matching/Explanation.ts"
import { canBeOne } from "../src/matching/Observing.ts"
import { recon1 } from "../src/matching/Policy.ts"
import { profileOf } from "../src/matching/Profile.ts"
import * as Population from "../src/testing/population.ts"
import {
  alike,
  bySource,
  decide,
  describe as described,
  heldOf,
  heldTraits,
  incomingOf,
  isLinked,
  likeness,
  questionOf,
  rankOf,
  secretly,
  type Traits,
  traits,
  world,
} from "./AccountMatching.worlds.ts"
import cases from "./cases/accounts.json" with { type: "json" }

describe("an account that comes in is", () => {
  for (const one of cases) {
    it.effect(`decided as it should be: ${one.id}, ${one.t}`, () =>
      Effect.gen(function* () {
        const { decided } = yield* AccountCases.run(recon1, [one])
        assert.deepStrictEqual(
          Object.entries(decided[0]?.isRight ?? {}).filter(([, isRight]) => !isRight),
          [],
          JSON.stringify(decided[0]?.decisions),
        )
        assert.sameMembers(Object.keys(decided[0]?.isRight ?? {}), Object.keys(one.exp))
      }),
    )
  }
})

describe("decisions, whatever the accounts", () => {
  const runs = { arbitrary: { runs: 400 } }

  const keysOf = ({ profile }: Pick<AccountMatching.Incoming, "profile">) =>
    Object.values(AccountMatching.lookupKeys(profile)).flat()

  const knownBy = Schema.Literals(["id", "brand", "both"])
  /** Some providers give an institution's id, some its name. */
  const profileKnown = (traits: Traits, by: typeof knownBy.Type) => {
    const { brand, institutionId, ...profile } = profileOf(described(traits), secretly)
    return {
      ...profile,
      ...(by !== "id" && brand !== undefined && { brand }),
      ...(by !== "brand" && institutionId !== undefined && { institutionId }),
    }
  }

  it.prop(
    "do not depend on the order of either side",
    [world],
    ([world]) => {
      const { held, incoming, ...rest } = questionOf(world)
      const turned = { ...rest, held: held.toReversed(), incoming: incoming.toReversed() }
      assert.strictEqual(JSON.stringify(decide(turned)), JSON.stringify(decide({ ...rest, held, incoming })))
    },
    runs,
  )

  it.prop(
    "link an account to at most one, and at most one to an account",
    [world],
    ([world]) => {
      const targets = decide(questionOf(world))
        .filter(isLinked)
        .map(({ target }) => target)
      assert.strictEqual(new Set(targets).size, targets.length)
    },
    runs,
  )

  it.prop(
    "are the same whatever other tenants have",
    [world, Arbitrary.array(heldTraits, { maxLength: 4 })],
    ([world, others]) => {
      const question = questionOf(world)
      const foreign = others.map((traits, at) => ({ ...heldOf(traits, `foreign${at}`), tenantId: "elsewhere" }))
      const grounds = AccountMatching.observe({ ...question, held: [...foreign, ...question.held] })
      assert.deepStrictEqual(grounds, AccountMatching.observe(question))
    },
    runs,
  )

  it.prop(
    "rest on evidence that adds up to the score, in whole numbers",
    [world],
    ([world]) => {
      for (const { candidates, margin, policy, score } of decide(questionOf(world))) {
        for (const { evidence, score } of candidates) {
          assert.strictEqual(
            evidence.reduce((sum, { milliBits }) => sum + milliBits, 0),
            score,
          )
          assert.isTrue(evidence.every(({ milliBits }) => Number.isSafeInteger(milliBits)))
        }
        assert.strictEqual(candidates[0]?.score ?? 0, score)
        assert.isTrue(Number.isSafeInteger(margin) && margin >= 0)
        assert.strictEqual(policy, recon1.version)
      }
    },
    runs,
  )

  it.prop(
    "are the same when they are made again from what was recorded",
    [world],
    ([world]) => {
      const grounds = AccountMatching.observe(questionOf(world))
      const stored: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(AccountMatching.Grounds)(grounds)))
      const again = Schema.decodeUnknownSync(AccountMatching.Grounds, { onExcessProperty: "error" })(stored)
      assert.strictEqual(
        JSON.stringify(AccountMatching.decide(recon1, again)),
        JSON.stringify(AccountMatching.decide(recon1, grounds)),
      )
    },
    runs,
  )

  it.prop(
    "are recorded without any value that identifies",
    [world],
    ([world]) => {
      const grounds = AccountMatching.observe(questionOf(world))
      const decisions = AccountMatching.decide(recon1, grounds)
      const said = JSON.stringify([grounds, decisions, decisions.map(explain)])
      assert.notInclude(said, "<<")
      assert.notMatch(said, /DE89|LT12|11112222|Checking|checking|Example/)
    },
    runs,
  )

  it.prop(
    "stand once they were applied",
    [world],
    ([world]) => {
      const question = questionOf(world)
      const before = decide(question).filter(isLinked)
      const known = before.flatMap(({ connectionId, source, target }) =>
        target === undefined ? [] : [{ connectionId, source, accountId: target }],
      )
      const after = bySource(decide({ ...question, known }))
      for (const { connectionId, source, target } of before) {
        const again = after.get(`${connectionId} ${source}`)
        assert.isDefined(again)
        assert.isTrue(isLinked(again))
        assert.strictEqual(again.target, target)
        assert.strictEqual(again.level, "exact")
      }
    },
    runs,
  )

  it.prop(
    "never link where an account is held twice, unless it is a fact",
    [world],
    ([world]) => {
      const question = questionOf(world)
      const twice = question.held.map((held) => ({ ...held, accountId: `${held.accountId}-again` }))
      for (const { candidates } of decide({ ...question, held: [...question.held, ...twice] }).filter(isLinked)) {
        assert.isTrue(candidates[0]?.evidence.some(({ label }) => label === "externalId.same"))
      }
    },
    runs,
  )

  it.prop(
    "never put two accounts together whose permanent ids or currencies differ",
    [world],
    ([world]) => {
      const question = questionOf(world)
      for (const { action, candidates, connectionId, source } of decide(question)) {
        if (action === "reject") continue
        const incoming = question.incoming.find((one) => one.source === source && one.connectionId === connectionId)
        for (const { accountId } of candidates) {
          const held = question.held.find((one) => one.accountId === accountId)
          for (const field of ["persistentId", "currency"] as const) {
            const [one, other] = [incoming?.profile[field], held?.profile[field]]
            assert.isTrue(one === undefined || other === undefined || one === other)
          }
        }
      }
    },
    runs,
  )

  it.prop(
    "never link against an identifier, two other owners or another type",
    [world],
    ([world]) => {
      for (const { candidates } of decide(questionOf(world)).filter(isLinked)) {
        const labels = candidates[0]?.evidence.map(({ label }) => label) ?? []
        for (const label of ["iban.differs", "number.differs", "holders.disjoint", "kind.typeDiffers"]) {
          assert.notInclude(labels, label)
        }
      }
    },
    runs,
  )

  it.prop(
    "count a value that several carry for two bits at most",
    [world],
    ([world]) => {
      for (const { candidates } of decide(questionOf(world))) {
        for (const { count = 0, label, milliBits } of candidates.flatMap(({ evidence }) => evidence)) {
          const isIdentifier = /^(externalId\.again|persistentId|iban|number|mask)/.test(label)
          if (isIdentifier && count > 1) assert.isAtMost(milliBits, 2000)
        }
      }
    },
    runs,
  )

  it.prop(
    "do not look at tokenized numbers",
    [world, traits],
    ([world, other]) => {
      const tokenized = { ...world, incoming: world.incoming.map((one) => ({ ...one, isTokenized: true, number: 1 })) }
      const others = {
        ...world,
        incoming: world.incoming.map((one) => ({ ...one, isTokenized: true, number: Math.max(1, other.number) })),
      }
      assert.deepStrictEqual(decide(questionOf(others)), decide(questionOf(tokenized)))
    },
    runs,
  )

  it.prop(
    "do not depend on how a value is written",
    [world],
    ([world]) => {
      const question = questionOf(world)
      const rewritten = {
        ...question,
        incoming: world.incoming.map((traits, at) => {
          const { iban, institution, mask, name, number, ...rest } = described(traits)
          const profile = profileOf(
            {
              ...rest,
              institution: institution && {
                id: institution.id?.toUpperCase(),
                name: `  ${institution.name ?? ""}® AG `,
              },
              iban: iban && `IBAN: ${iban.toLowerCase().replace(/(.{4})/g, "$1\u00A0")}\u200B`,
              mask: mask && `••${mask}`,
              name: name && ` ${name.toUpperCase().normalize("NFD")}™ `,
              number: number && { ...number, value: number.value.replace(":", " : 000").replace("2222", "22-22 ") },
            },
            secretly,
          )
          return { ...incomingOf(traits, `x${at}`), profile }
        }),
      }
      assert.deepStrictEqual(decide(rewritten), decide(question))
    },
    runs,
  )

  it.prop(
    "concern only pairs that an index would have found",
    [world],
    ([world]) => {
      const question = questionOf(world)
      for (const { action, candidates, connectionId, source } of decide(question)) {
        const incoming = question.incoming.find((one) => one.source === source && one.connectionId === connectionId)
        assert.isDefined(incoming)
        const keys = new Set(keysOf(incoming))
        for (const { accountId } of action === "reject" ? [] : candidates) {
          const held = question.held.find((one) => one.accountId === accountId)
          assert.isTrue(held !== undefined && AccountMatching.blockingKeys(held.profile).some((key) => keys.has(key)))
        }
      }
    },
    runs,
  )

  it.prop(
    "are the same from the accounts that an index finds",
    [world],
    ([world]) => {
      const question = questionOf({ ...world, isReconnecting: false })
      const keys = new Set(question.incoming.flatMap(keysOf))
      const found = question.held.filter(({ profile }) =>
        AccountMatching.blockingKeys(profile).some((key) => keys.has(key)),
      )
      const links = (decisions: ReturnType<typeof decide>) =>
        decisions.filter(isLinked).map(({ source, target }) => [source, target])
      const indexed = decide({ ...question, held: found, population: question.held.length })
      assert.deepStrictEqual(links(indexed), links(decide(question)))
    },
    runs,
  )

  it.prop(
    "are no more certain where a crowd was counted and not looked up",
    [world],
    ([world]) => {
      const question = questionOf({ ...world, incoming: world.incoming.slice(0, 1), isReconnecting: false })
      const narrow = new Set(question.incoming.flatMap(({ profile }) => AccountMatching.lookupKeys(profile).narrow))
      const crowds = new Map<string, number>()
      for (const key of question.held.flatMap(({ profile }) => AccountMatching.lookupKeys(profile).broad)) {
        crowds.set(key, (crowds.get(key) ?? 0) + 1)
      }
      const held = question.held.filter(({ profile }) =>
        AccountMatching.blockingKeys(profile).some((key) => narrow.has(key)),
      )
      const population = question.held.length
      const whole = bySource(decide({ ...question, held, population }))
      for (const decision of decide({ ...question, held, population, crowds }).filter(isLinked)) {
        const before = whole.get(`${decision.connectionId} ${decision.source}`)
        assert.isDefined(before)
        assert.isTrue(isLinked(before))
        assert.strictEqual(before.target, decision.target)
        assert.isAtMost(decision.score, before.score)
      }
    },
    runs,
  )

  it.prop(
    "are about the accounts that are found by a key, and no others",
    [traits, traits, knownBy, knownBy],
    ([one, other, by, otherBy]) => {
      const [profile, otherProfile] = [profileKnown(one, by), profileKnown(other, otherBy)]
      const keys = new Set(keysOf({ profile }))
      const isFound = AccountMatching.blockingKeys(otherProfile).some((key) => keys.has(key))
      assert.strictEqual(canBeOne(profile, otherProfile), isFound)
    },
    { arbitrary: { runs: 2000 } },
  )

  it.prop(
    "are never more certain because another account is held, whatever it shares with those that are",
    [world, likeness],
    ([world, likeness]) => {
      const question = questionOf({ ...world, incoming: world.incoming.slice(0, 1), isReconnecting: false })
      const another = heldOf(alike(world, likeness), "another")
      const [before] = decide(question)
      const [after] = decide({ ...question, held: [...question.held, another] })
      if (after === undefined || before === undefined || !isLinked(after) || after.target === "another") return
      assert.isTrue(isLinked(before))
      assert.strictEqual(before.target, after.target)
      assert.isAtLeast(rankOf(before), rankOf(after))
    },
    { arbitrary: { runs: 1000 } },
  )

  it.prop(
    "are no less certain because an account is gone that nobody wanted",
    [world],
    ([world]) => {
      const question = questionOf({ ...world, incoming: world.incoming.slice(0, 1), isReconnecting: false })
      const before = decide(question)
      const wanted = new Set(
        before.flatMap(({ candidates, target }) => [target, ...candidates.map(({ accountId }) => accountId)]),
      )
      const after = bySource(
        decide({ ...question, held: question.held.filter(({ accountId }) => wanted.has(accountId)) }),
      )
      for (const decision of before.filter(isLinked)) {
        const again = after.get(`${decision.connectionId} ${decision.source}`)
        assert.isTrue(again !== undefined && isLinked(again) && again.target === decision.target)
      }
    },
    runs,
  )

  it.prop(
    "are no less certain with an identifier that agrees and nobody else has",
    [world],
    ([world]) => {
      const question = questionOf({ ...world, isReconnecting: false })
      for (const decision of decide(question).filter(isLinked)) {
        const agree = <A extends AccountMatching.Held | AccountMatching.Incoming>(side: A): A => ({
          ...side,
          profile: { ...side.profile, iban: "fresh", currency: "EUR" },
        })
        const isIt = ({ connectionId, source }: AccountMatching.Incoming) =>
          source === decision.source && connectionId === decision.connectionId
        const incoming = question.incoming.find(isIt)
        const held = question.held.find(({ accountId }) => accountId === decision.target)
        const isEuro = [incoming, held].every((side) => side?.profile.currency === "EUR")
        if (!isEuro) continue
        const after = decide({
          ...question,
          incoming: question.incoming.map((one) => (isIt(one) ? agree(one) : one)),
          held: question.held.map((one) => (one === held ? agree(one) : one)),
        }).find(({ connectionId, source }) => source === decision.source && connectionId === decision.connectionId)
        assert.isDefined(after)
        assert.isTrue(isLinked(after) && after.target === decision.target)
        assert.isAtLeast(rankOf(after), rankOf(decision))
      }
    },
    runs,
  )

  it.prop(
    "are no more certain with an identifier that contradicts",
    [heldTraits, traits],
    ([held, incoming]) => {
      const question = (one: typeof incoming) => ({
        tenantId: "here",
        held: [heldOf({ ...held, iban: 1 }, "a")],
        incoming: [incomingOf(one, "x")],
      })
      const [without] = decide(question({ ...incoming, iban: 0 }))
      const [against] = decide(question({ ...incoming, iban: 2 }))
      assert.isTrue(without !== undefined && against !== undefined && rankOf(against) <= rankOf(without))
    },
    runs,
  )

  it.prop(
    "are never more where more is asked for",
    [world],
    ([world]) => {
      const question = questionOf(world)
      const { high } = recon1.thresholds
      const strict = {
        ...recon1,
        thresholds: { ...recon1.thresholds, high: { score: high.score + 5000, margin: high.margin + 5000 } },
      }
      const loose = decide(question)
        .filter(isLinked)
        .map(({ source }) => source)
      assert.includeMembers(
        loose,
        decide(question, strict)
          .filter(isLinked)
          .map(({ source }) => source),
      )
    },
    runs,
  )
})

describe("what is not known", () => {
  it("never links an account to another than its own", () => {
    const fields = [
      "iban",
      "number",
      "mask",
      "name",
      "officialName",
      "type",
      "subtype",
      "currency",
      "holders",
      "balance",
      "bookings",
    ] as const
    const shared = Population.sharedValues(
      Population.reconnections(Population.defaults, { seed: 3, from: 1_000_000, tenants: 500 }),
    )
    const seen = (description: Population.Held["description"]) => ({
      profile: profileOf(description, secretly),
      bookings: description.bookings,
      balance: description.balance,
    })
    let links = 0
    for (const { held, incoming, truth } of Population.reconnections(Population.defaults, { seed: 3, tenants: 110 })) {
      const recorded = held.map((one) => Object.assign(seen(one.description), one))
      const known = fields.filter((field) => incoming.some(({ description }) => description[field] !== undefined))
      for (const field of known) {
        const decisions = decide({
          held: recorded,
          incoming: incoming.map((one) => Object.assign(seen({ ...one.description, [field]: undefined }), one)),
          shared,
        })
        for (const { source, target } of decisions.filter(isLinked)) {
          links++
          assert.include(truth.get(source) ?? [], target)
        }
      }
    }
    assert.isAbove(links, 1500)
  })
})

describe("what becomes of a connection", () => {
  const outcomesOf = (id: string) =>
    Effect.map(AccountCases.decode(cases.filter((one) => one.id === id)), (found) =>
      found.flatMap((one) => AccountCases.decide(recon1, one).outcomes),
    )

  for (const [id, becomes, supersedes, beside] of [
    ["A01", "reauthorized", [], []],
    ["A13", "reconnected", ["c1"], []],
    ["A49", "reconnected", ["c1"], []],
    ["A23", "shared", [], ["c1"]],
    ["A11", "parallel", [], []],
    ["A55", "rejected", [], []],
  ] as const) {
    it.effect(`is told: ${becomes} in ${id}`, () =>
      Effect.gen(function* () {
        const [outcome] = yield* outcomesOf(id)
        assert.deepInclude(outcome, { becomes, supersedes, beside, isPending: false })
      }),
    )
  }

  it.effect("waits for an answer where one of its accounts does", () =>
    Effect.gen(function* () {
      const [outcome] = yield* outcomesOf("A14")
      assert.deepInclude(outcome, { becomes: "reconnected", supersedes: ["c1"], isPending: true })
    }),
  )
})
