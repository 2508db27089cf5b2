/**
 * A decision in words for somebody who has to answer for it: what was decided,
 * what speaks for and against it and how much, who else it could have been, and
 * what would have settled it. No values, only words.
 */
import type * as Decision from "./Decision.ts"

/** A few lines; the bars of the evidence add up to the score. */
export const explain = (decision: Decision.Decision): ReadonlyArray<string> => {
  const [first, ...rivals] = decision.candidates
  return [
    headline(decision),
    ...(first?.evidence ?? [])
      .filter(({ milliBits }) => milliBits !== 0)
      .toSorted((one, other) => Math.abs(other.milliBits) - Math.abs(one.milliBits))
      .map((evidence) => `  ${bits(evidence.milliBits)}  ${said(evidence)}`),
    ...(first === undefined ? [] : [`  ${bits(first.score)}  in all; ${lead(decision)}`]),
    ...(first?.obstacles ?? []).map((obstacle) => `Held back: ${obstacles[obstacle] ?? words[obstacle] ?? obstacle}.`),
    ...rivals.map(({ accountId, score }) => `Also possible: ${accountId}, with ${bits(score).trim()} bits.`),
    ...(decision.missing.length > 0
      ? [`The provider can still be asked for ${listed(decision.missing.map((what) => missing[what]))}.`]
      : []),
    ...(decision.wouldBeHighIf.length > 0
      ? [
          `It would have been certain enough with ${listed(
            decision.wouldBeHighIf.map((what) => lifts[what]),
            "or",
          )}.`,
        ]
      : []),
  ]
}

const headline = ({ action, candidates, level, policy, target }: Decision.Decision) => {
  const made = `(${level}, policy ${policy})`
  switch (action) {
    case "auto":
      return `Linked to ${target ?? "a known account"} ${made}`
    case "shared":
      return `Linked to ${target ?? "a known account"}, beside the link that another owner has ${made}`
    case "review":
      return `To be decided by somebody: ${listed(
        candidates.map(({ accountId }) => accountId),
        "or",
      )}, or a new account ${made}`
    case "create":
      return `A new account: nothing held is like it ${made}`
    case "reject":
      return `Refused: this is not ${target ?? "what"} that was to be reconnected ${made}`
  }
}

const said = ({ count = 1, label }: Decision.Evidence) => {
  if (label === "prior")
    return count > 1 ? `before anything is known, one of ${count} it could be` : "before anything is known"
  if (label === "bookings") return count === 0 ? "bookings in common: none" : `bookings in common: ${count} amounts`
  return `${words[label] ?? label}${count > 1 ? ` (on ${count} accounts)` : ""}`
}

const lead = ({ margin }: Decision.Decision) =>
  margin > 0 ? `${bits(margin).trim()} bits ahead of any other explanation` : "other explanations are as good"

const bits = (milliBits: number) => {
  const tenths = Math.round(Math.abs(milliBits) / 100)
  return `${milliBits < 0 ? "−" : "+"}${Math.floor(tenths / 10)}.${tenths % 10}`.padStart(6)
}

const listed = (items: ReadonlyArray<string>, last: "and" | "or" = "and") =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1) ?? ""}`

const words: Readonly<Record<string, string>> = {
  "account.closed": "the account held was closed",
  "balance.broken": "the balance does not follow from the one held",
  "balance.rolls": "the balance held and what moved since give the balance now",
  "balance.unmoved": "the balance is the same to the cent",
  "currency.differs": "the currencies differ",
  "currency.unknown": "a currency is not known",
  "email.same": "the address is the same",
  "externalId.again": "the provider's id is the same in another connection",
  "externalId.changed": "the provider's id is another in the same connection",
  "externalId.same": "the provider's id in this connection is the same",
  "holders.disjoint": "the account holders are other people",
  "holders.overlap": "the account holders are the same",
  "iban.differs": "the IBANs differ",
  "iban.same": "the IBAN and the currency are the same, and nobody shares them",
  "iban.shared": "the IBAN is the same, and shared",
  "iban.unproven": "the IBAN is the same, but not proven to be one account's",
  "institution.brand": "the institution has the same name and another id",
  "institution.differs": "the institutions differ",
  "institution.same": "the institution is the same",
  "kind.same": "the kind of account is the same",
  "kind.subtypeDiffers": "the kinds of account differ somewhat",
  "kind.type": "the type of account is the same",
  "kind.typeDiffers": "the types of account differ",
  "mask.differs": "the last digits differ",
  "mask.differsOnCard": "the last digits differ, as those of a replaced card do",
  "mask.four": "the last four digits are the same",
  "mask.placeholder": "the last digits are the same, and perhaps not the account's own",
  "mask.shared": "the last digits are the same, and shared",
  "mask.three": "the last three digits are the same",
  "mask.two": "the last two digits are the same",
  "name.differs": "the names differ",
  "name.same": "the names are the same",
  "name.similar": "the names are alike",
  "number.differs": "the account numbers differ",
  "number.same": "the account number is the same, and nobody shares it",
  "number.shared": "the account number is the same, and shared",
  "number.unproven": "the account number is the same, but not proven to be one account's",
  "owner.differs": "another owner connected it",
  "owner.same": "the same owner connected it",
  "persistentId.differs": "the provider's permanent ids differ",
  "persistentId.same": "the provider's permanent id is the same",
  "persistentId.shared": "the provider's permanent id is the same, and on several accounts",
  "source.selfAsserted": "it was said by a person, not by a bank",
}

const obstacles: Readonly<Record<string, string>> = {
  "bookings.disagree": "the histories do not go together",
  connection: "another account of the same connection contradicts what is held",
  mismatch: "nothing of this connection is what was to be reconnected",
  rival: "there is another explanation that is nearly as good",
  taken: "the account is linked to another one of this connection, and may have been replaced",
  uncorroborated: "no second kind of evidence agrees",
  weak: "the evidence is not strong enough",
}

const missing = { history: "older bookings", identity: "the account holders", numbers: "account numbers" }

const lifts = {
  balance: "a balance that follows from the one held",
  history: "bookings that both have",
  name: "the same name",
  numbers: "the same account number",
}
