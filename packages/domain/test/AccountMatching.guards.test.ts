/** What each guard is for: with it a question or a new account, without it a wrong link. */
import { assert, describe, it } from "@effect/vitest"

import type * as AccountMatching from "../src/matching/AccountMatching.ts"
import type { SharedValues } from "../src/matching/Evidence.ts"
import { type Policy, recon1 } from "../src/matching/Policy.ts"
import { type Description, profileOf } from "../src/matching/Profile.ts"
import { decide, isLinked, secretly } from "./AccountMatching.worlds.ts"

const account: Description = {
  externalId: "ext",
  institution: { id: "ins_1", name: "First Bank" },
  mask: "4321",
  name: "Everyday",
  type: "depository",
  subtype: "checking",
  currency: "USD",
}

const held = (accountId: string, description: Partial<Description> = {}): AccountMatching.Held => ({
  ...sideOf(accountId, description),
  accountId,
  tenantId: "here",
  connectionId: "old",
  isLive: false,
})

const incoming = (source: string, description: Partial<Description> = {}): AccountMatching.Incoming => ({
  ...sideOf(source, description),
  source,
  connectionId: "new",
})

const sideOf = (id: string, more: Partial<Description>) => {
  const { balance, bookings, ...description } = { ...account, externalId: id, ...more }
  return {
    ownerId: "u1",
    provider: "plaid",
    profile: profileOf(description, secretly),
    bookings,
    balance,
  }
}

const links = (question: AccountMatching.Question, policy?: Policy) =>
  decide(question, policy)
    .filter(isLinked)
    .map(({ source, target }) => `${source} is ${target ?? ""}`)

const iban = "DE89370400440532013000"

const rows = Array.from({ length: 8 }, (_, at) => ({ on: `2026-01-${10 + at}`, amount: 1_111 + at * 137 }))
const bookings = { from: "2026-01-01", to: "2026-01-31", rows }

const sharing = (mask: { readonly pairs: number; readonly equal: number }, iban = mask) =>
  new Map<string, SharedValues>([["ins_1", { mask, iban, number: { pairs: 0, equal: 0 } }]])

describe("without its guards, matching links", () => {
  it("an account of another tenant: the tenant", () => {
    const question = { held: [{ ...held("a", { iban }), tenantId: "elsewhere" }], incoming: [incoming("x", { iban })] }
    assert.deepStrictEqual(links({ ...question, tenantId: "here" }), [])
    assert.deepStrictEqual(links(question), ["x is a"])
  })

  it("accounts whose permanent ids differ: the veto", () => {
    const question = {
      held: [held("a", { persistentId: "p1" })],
      incoming: [incoming("x", { persistentId: "p2" })],
    }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, vetoes: [] }), ["x is a"])
  })

  it("accounts of two currencies: the veto", () => {
    const question = { held: [held("a", { currency: "CAD" })], incoming: [incoming("x")] }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, vetoes: ["persistentId.differs"] }), ["x is a"])
  })

  it("what an identifier contradicts: the caps", () => {
    const question = {
      held: [held("a", { iban, bookings })],
      incoming: [incoming("x", { iban: "LT121000011101001000", bookings })],
    }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, caps: [] }), ["x is a"])
  })

  it("a new account with a mask that others have as well: exclusivity in the tenant", () => {
    const question = {
      held: [held("a"), held("b", { mask: undefined, name: "Rainy day", persistentId: "p1" })],
      incoming: [incoming("x"), incoming("y", { name: "Rainy day", persistentId: "p1" })],
    }
    const weights = { ...recon1.weights, "mask.shared": { ...recon1.weights["mask.shared"], u: 1, milliBits: 15_000 } }
    assert.deepStrictEqual(links(question), ["y is b"])
    assert.deepStrictEqual(links(question, { ...recon1, weights }), ["x is a", "y is b"])
  })

  it("a member's new account with the member's mask: exclusivity per institution", () => {
    const question = { held: [held("a")], incoming: [incoming("x")] }
    assert.deepStrictEqual(links({ ...question, shared: sharing({ pairs: 900, equal: 800 }) }), [])
    assert.deepStrictEqual(links({ ...question, shared: sharing({ pairs: 900, equal: 0 }) }), ["x is a"])
    assert.deepStrictEqual(links(question), ["x is a"])
  })

  it("a new pot with the IBAN of the account that it is in: exclusivity per institution", () => {
    const question = {
      held: [held("a", { iban, mask: undefined })],
      incoming: [incoming("x", { iban, mask: undefined, name: "Holiday" })],
      shared: sharing({ pairs: 900, equal: 90 }),
    }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, exclusive: 1_000_000 }), ["x is a"])
    assert.deepStrictEqual(links({ ...question, shared: undefined }), ["x is a"])
  })

  it("on a mask alone: corroboration", () => {
    const question = {
      held: [held("a", { name: undefined })],
      incoming: [incoming("x", { name: undefined })],
      shared: sharing({ pairs: 1_000_000, equal: 0 }),
    }
    const corroboration = { ...recon1.corroboration, families: 0 }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, corroboration }), ["x is a"])
  })

  it("one of two that it could be as well: the margin", () => {
    const question = {
      held: [held("a"), held("b", { mask: undefined, bookings })],
      incoming: [incoming("x", { bookings })],
    }
    const { high } = recon1.thresholds
    const thresholds = { ...recon1.thresholds, high: { ...high, margin: 0 } }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, thresholds }), ["x is b"])
  })

  it("what seems without a rival, because a third account shares the rival's number: the rival's claim", () => {
    const rival = { mask: undefined, iban, name: "Other" }
    const question = {
      held: [held("a", { mask: undefined, bookings }), held("b", rival)],
      incoming: [incoming("x", { mask: undefined, iban, bookings })],
    }
    const shared = { ...question, held: [...question.held, held("c", { ...rival, name: "Third" })] }
    assert.deepStrictEqual(links({ ...question, held: question.held.slice(0, 1) }), ["x is a"])
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(shared), [])
  })

  it("a new card that shows what a bank prints for digits: the placeholder", () => {
    const card = { type: "credit", subtype: "credit card", mask: "0000" }
    const question = { held: [held("a", card)], incoming: [incoming("x", card)] }
    const [decision] = decide(question)
    assert.include(decision?.candidates[0]?.evidence.map(({ label }) => label) ?? [], "mask.placeholder")
    assert.deepStrictEqual(links(question), [])
    const placeholder = recon1.weights["mask.four"]
    assert.deepStrictEqual(
      links(question, { ...recon1, weights: { ...recon1.weights, "mask.placeholder": placeholder } }),
      ["x is a"],
    )
    const real = { ...card, mask: "4321" }
    assert.deepStrictEqual(links({ held: [held("a", real)], incoming: [incoming("x", real)] }), ["x is a"])
  })

  it("on two digits and a common name: the threshold", () => {
    const question = { held: [held("a")], incoming: [incoming("x", { mask: "21" })] }
    const thresholds = { ...recon1.thresholds, high: { score: 5000, margin: 5000 } }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, thresholds }), ["x is a"])
  })

  it("an identifier on another kind of account: the doubts", () => {
    const question = {
      held: [held("a", { iban, mask: undefined, name: "Main" })],
      incoming: [incoming("x", { iban, mask: undefined, name: "Holiday", subtype: "savings" })],
    }
    const [decision] = decide(question)
    assert.notStrictEqual(decision?.level, "exact")
    assert.strictEqual(decide(question, { ...recon1, doubts: [] })[0]?.level, "exact")
  })

  it("a connection of which one account has other holders: the whole is asked about", () => {
    const question = {
      held: [held("a", { holders: ["Ada Example"], bookings }), held("b", { mask: "9876", name: "Savings" })],
      incoming: [
        incoming("x", { holders: ["Bob Example"], bookings }),
        incoming("y", { mask: "9876", name: "Savings" }),
      ],
    }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links({ ...question, incoming: question.incoming.slice(1) }), ["y is b"])
  })
})

describe("a statement that covers another account", () => {
  it("is not taken for it by its bookings where it is another owner's and the balance does not follow", () => {
    const more = { ...bookings, rows: [...rows, { on: "2026-01-25", amount: 777 }] }
    const question = {
      held: [held("a", { mask: undefined, bookings, balance: { amount: 100, on: "2026-01-20" } })],
      incoming: [{ ...incoming("x", { bookings: more, balance: { amount: 9_999, on: "2026-01-31" } }), ownerId: "u2" }],
    }
    const corroboration = { ...recon1.corroboration, bookingsUnless: [] }
    assert.deepStrictEqual(links(question), [])
    assert.deepStrictEqual(links(question, { ...recon1, corroboration }), ["x is a"])
  })
})

describe("a self-asserted account", () => {
  it("is never linked by itself, whatever it says", () => {
    const asserted = { iban, persistentId: "p1", bookings, selfAsserted: true }
    const [decision] = decide({ held: [held("a", asserted)], incoming: [incoming("x", asserted)] })
    assert.deepInclude(decision, { action: "review", level: "medium" })
  })
})
