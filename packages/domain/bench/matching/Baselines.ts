/**
 * What others do, each in its own words and as well as it can be done: nobody is made to fail.
 * All of them look up ids that were recorded under the same connection first, because everybody does.
 */
import { type Description } from "../../src/matching/Profile.ts"
import { type Held, type Incoming, type Reconnection } from "../../src/testing/population.ts"

export type Verdict =
  | { readonly action: "auto"; readonly to: string; readonly bits?: number | undefined }
  | { readonly action: "review"; readonly candidates: ReadonlyArray<string>; readonly bits?: number | undefined }
  | { readonly action: "create" }

/** One verdict for every incoming account, in their order. */
export type Rule = (
  reconnection: Pick<Reconnection, "held" | "incoming" | "intent" | "connectionId">,
) => ReadonlyArray<Verdict>

/** The ladder of an application's reconnection service: external id, institution and number, IBAN; then names. */
export const fourTiers =
  (options: { readonly maskForNumber: boolean }): Rule =>
  ({ held, incoming }) =>
    inOrder(held, incoming, (one, free) => {
      const { description } = one
      const number = (other: Held) =>
        sameInstitutionId(description, other.description) &&
        sameNumber(description, other.description, options.maskForNumber)
      const iban = (other: Held) => isEqual(description.iban, other.description.iban)
      const found = free.find((other) => sameId(one, other)) ?? free.find(number) ?? free.find(iban)
      if (found !== undefined) return { action: "auto", to: found.accountId }
      const named = free.filter((other) => sameInstitutionName(description, other.description))
      const alike = named.filter((other) => isEqual(description.type, other.description.type))
      const others = named.filter((other) => !alike.includes(other))
      return asked([...alike, ...others])
    })

/** Plaid's written rule for duplicate Items: institution id, account name and mask are equal. */
export const plaidsRule: Rule = ({ held, incoming }) =>
  inOrder(held, incoming, (one, free) => {
    const { description } = one
    const found =
      free.find((other) => sameId(one, other)) ??
      free.find(
        (other) =>
          sameInstitutionId(description, other.description) &&
          isEqual(description.name, other.description.name) &&
          isEqual(description.mask, other.description.mask),
      )
    return found === undefined ? { action: "create" } : { action: "auto", to: found.accountId }
  })

/** Common practice in open source: reference (id or mask), IBAN, then currency and type with the name as tie-break. */
export const tiered: Rule = ({ held, incoming, intent }) =>
  inOrder(held, incoming, (one, free) => {
    const { description } = one
    const within = free.filter((other) =>
      intent === undefined
        ? sameInstitutionId(description, other.description) || sameInstitutionName(description, other.description)
        : other.connectionId === intent.reconnect,
    )
    const alike = within.filter(
      (other) =>
        isEqual(description.currency, other.description.currency) && isEqual(description.type, other.description.type),
    )
    const found =
      within.find((other) => sameId(one, other) || isEqual(description.mask, other.description.mask)) ??
      within.find((other) => isEqual(description.iban, other.description.iban)) ??
      alike.find((other) => isEqual(description.name, other.description.name)) ??
      alike[0]
    return found === undefined ? { action: "create" } : { action: "auto", to: found.accountId }
  })

/** First come, first served: a held account that was given away is gone. */
const inOrder = (
  held: ReadonlyArray<Held>,
  incoming: ReadonlyArray<Incoming>,
  judge: (one: Incoming, free: ReadonlyArray<Held>) => Verdict,
): ReadonlyArray<Verdict> => {
  let free = held
  return incoming.map((one) => {
    const verdict = judge(one, free)
    if (verdict.action === "auto") free = free.filter(({ accountId }) => accountId !== verdict.to)
    return verdict
  })
}

const asked = (candidates: ReadonlyArray<Held>): Verdict =>
  candidates.length === 0
    ? { action: "create" }
    : { action: "review", candidates: candidates.map(({ accountId }) => accountId) }

const isEqual = (one: string | undefined, other: string | undefined): boolean => one !== undefined && one === other

const sameId = (one: Incoming, other: Held): boolean =>
  one.provider === other.provider && one.description.externalId === other.description.externalId

const sameInstitutionId = (one: Description, other: Description): boolean =>
  isEqual(one.institution?.id, other.institution?.id)

const sameInstitutionName = (one: Description, other: Description): boolean =>
  isEqual(one.institution?.name, other.institution?.name)

const sameNumber = (one: Description, other: Description, maskForNumber: boolean): boolean =>
  one.number === undefined && other.number === undefined
    ? maskForNumber && isEqual(one.mask, other.mask)
    : isEqual(one.number?.value, other.number?.value)
