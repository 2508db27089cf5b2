/**
 * Deciding which account is which, without a database: the largest decision that is made, and a usual one against a
 * tenant who has much.
 */
import { AccountMatching, Policy, Profile } from "@holdfast/domain"
import { Effect } from "effect"

import { accountOf, connectionOf, held, incoming, plainly, renewed, scattered } from "../BankAccounts.ts"
import { quantile } from "../Contest.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"

export const deciding: Measure = {
  number: 8,
  title: "deciding which account is which",
  run: Effect.fn("Deciding")(function* ({ quick }) {
    const repetitions = quick ? 20 : 200
    const apart = times(repetitions, (seed) => sixty(seed, (index) => `Account Number ${index}`, 0))
    const alike = times(repetitions, (seed) => sixty(seed, () => "Business Checking", 0))
    const booked = times(repetitions, (seed) => sixty(seed, () => "Business Checking", 60))

    const logins = 100
    const many = yield* Effect.forEach(Array.from({ length: logins * 10 }).keys(), (account) => held(account, plainly))
    const fresh = yield* Effect.forEach(Array.from({ length: logins }).keys(), (login) => incoming(login, plainly))
    const usual = times(repetitions, (seed) => ({ held: many, incoming: fresh[seed % logins] ?? [] }))

    return [
      found("a decision of 60 × 60 accounts, names apart", apart, 20, 0.99),
      found("a decision of 60 × 60 accounts, names alike", alike, 20, 0.99),
      found("a decision of 60 × 60 accounts, names alike, 60 bookings each", booked, 20, 0.99),
      found("10 accounts against a tenant's 1,000, in memory", usual, 5, 0.5),
    ]
  }),
}

interface Timed {
  readonly millis: ReadonlyArray<number>
  readonly cpu: ReadonlyArray<number>
  /** How many of the accounts that came in, in percent. */
  readonly linked: number
  readonly asked: number
}

/** How long each decision takes, with the look at what it is made on. The questions are made before: they leave more behind. */
const times = (repetitions: number, questionOf: (seed: number) => AccountMatching.Question): Timed => {
  const millis: Array<number> = []
  const cpu: Array<number> = []
  const actions: Array<string> = []
  const questions = Array.from({ length: Math.min(repetitions, 20) }, (_, seed) => questionOf(seed))
  globalThis.gc?.()
  for (let seed = -Math.ceil(repetitions / 5); seed < repetitions; seed++) {
    const question = questions[Math.abs(seed) % questions.length]
    if (question === undefined) continue
    const [start, before] = [performance.now(), process.cpuUsage()]
    const decisions = AccountMatching.decide(Policy.recon1, AccountMatching.observe(question))
    const [end, { system, user }] = [performance.now(), process.cpuUsage(before)]
    if (seed < 0) continue
    millis.push(end - start)
    cpu.push((system + user) / 1_000)
    actions.push(...decisions.map(({ action }) => action))
  }
  const share = (...some: ReadonlyArray<string>) =>
    Math.round((100 * actions.filter((action) => some.includes(action)).length) / actions.length)
  return { millis, cpu, linked: share("auto", "shared"), asked: share("review") }
}

const found = (what: string, { asked, cpu, linked, millis }: Timed, atMost: number, part: number): Finding => ({
  measure: 8,
  what: `${what}, p${part * 100}`,
  unit: "ms",
  samples: [quantile(millis, part)],
  cpu: [quantile(cpu, part)],
  bar: { atMost },
  note: `p50 ${quantile(millis, 0.5).toFixed(1)} ms; ${linked} % linked, ${asked} % asked about`,
})

/** One login at one bank with sixty accounts of one kind, held and delivered again. Masks have two digits: they repeat. */
const sixty = (seed: number, nameOf: (index: number) => string, booked: number): AccountMatching.Question => {
  const seen = (index: number, connection: string, shift: number) => ({
    profile: Profile.profileOf(
      {
        externalId: `${connection}.${index}`,
        institution: { id: "ins_1", name: "Bank Number 1" },
        mask: `${scattered(seed * 60 + index, 100)}`.padStart(2, "0"),
        name: nameOf(index),
        type: "depository",
        subtype: "checking",
        currency: "USD",
      },
      (kind, canonical) => `${kind} ${canonical}`,
    ),
    bookings: booked === 0 ? undefined : bookings(seed, index, shift, booked),
  })
  const indexes = Array.from({ length: 60 }, (_, index) => index)
  return {
    held: indexes.map((index) => {
      const [accountId, connectionId] = [accountOf(index), connectionOf(0)]
      const { bookings, profile } = seen(index, connectionId, 0)
      return { accountId, connectionId, ownerId: "owner", provider: "plaid", isLive: false, profile, bookings }
    }),
    incoming: indexes.map((index) => {
      const { bookings, profile } = seen(index, renewed, 1)
      return {
        source: `source-${index}`,
        connectionId: renewed,
        ownerId: "owner",
        provider: "plaid",
        profile,
        bookings,
      }
    }),
  }
}

/** Ninety days of bookings, a day later where they are shifted. A third of the amounts are ones that many accounts have. */
const bookings = (seed: number, index: number, shift: number, count: number): Profile.Bookings => ({
  from: dayOf(0),
  to: dayOf(92),
  rows: Array.from({ length: count }, (_, row) => ({
    on: dayOf(Math.floor((row * 90) / count) + ((row + shift) % 2)),
    amount: row % 3 === 0 ? 1_000 * (1 + (row % 7)) : 100 + scattered((seed * 60 + index) * 60 + row, 50_000),
  })),
})

const dayOf = (day: number) => new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10)
