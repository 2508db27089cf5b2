/**
 * What becomes of accounts and banks between one sight and the next.
 */
import { balanceOn, misspelt } from "./Descriptions.ts"
import { type Institution, institutionFor } from "./Institutions.ts"
import * as Random from "./Random.ts"
import { rows } from "./Tape.ts"
import * as Tenants from "./Tenants.ts"

/** The accounts of a login after so many days. */
export const changedAccounts = (
  bank: Tenants.Bank,
  { accounts }: Tenants.Login,
  elapsed: number,
): ReadonlyArray<Tenants.OutsideAccount> => accounts.map((account) => changedAccount(bank, account, elapsed))

/** One more than before: opened since, or there all along and selected for the first time. */
export const openedAccounts = (
  bank: Tenants.Bank,
  accounts: ReadonlyArray<Tenants.OutsideAccount>,
  lastSeen: number,
): ReadonlyArray<Tenants.OutsideAccount> => {
  const { random } = bank
  const like = Random.shuffled(random, accounts)[0]
  if (like === undefined) return []
  return Random.chance(random, 0.5)
    ? [Tenants.marked(Tenants.openAnother(bank, like, -Random.below(random, 1 - lastSeen)), "opened")]
    : [Tenants.marked(Tenants.openAnother(bank, like, -Random.between(random, 800, 4_000)), "newlySelected")]
}

/** By what id and name the institution goes today. */
export const institutionToday = (
  { institutions, parameters, random }: Tenants.Bank,
  institution: Institution,
): { readonly id: string; readonly name: string } => {
  const { institutionMerged, institutionMigrated, institutionRenamed } = parameters.changes
  const { id, name } = institution
  if (Random.chance(random, institutionMigrated)) return { id: `${id}9`, name }
  if (Random.chance(random, institutionRenamed)) return { id, name: `${name.split(" ")[0]} Financial` }
  if (!Random.chance(random, institutionMerged)) return { id, name }
  const other = institutionFor(institutions, institution.region === "EU", random)
  return { id: other.id, name: other.name }
}

const changedAccount = (
  bank: Tenants.Bank,
  account: Tenants.OutsideAccount,
  elapsed: number,
): Tenants.OutsideAccount => {
  const { parameters, random } = bank
  const { changes } = parameters
  if (Random.chance(random, changes.replaced)) return replacement(bank, account, elapsed)
  const within = (perYear: number) => Random.chance(random, Math.min(0.9, (perYear * elapsed) / 365))
  let changed = account
  if (account.type === "credit" && within(changes.cardReplacedPerYear)) {
    const mask = account.mask === undefined ? undefined : Random.digits(random, 4)
    changed = Tenants.marked({ ...changed, mask }, "cardReplaced")
  }
  if (account.type === "depository" && within(changes.renumberedPerYear)) changed = renumbered(bank, changed)
  if (Random.chance(random, changes.renamed)) {
    const name = Random.pick(random, [
      "Holiday fund",
      "Household",
      "Main",
      "Rainy day",
      "Everyday Plus",
      "Flex Account",
    ])
    changed = Tenants.marked({ ...changed, name, officialName: undefined }, "renamed")
  } else if (Random.chance(random, changes.nameNoise)) {
    changed = Tenants.marked({ ...changed, name: misspelt(changed, random) }, "nameNoise")
  }
  if (Random.chance(random, changes.converted)) {
    const subtype = { depository: "money market", credit: "paypal", loan: "consumer" }[account.type] ?? "other"
    changed = Tenants.marked({ ...changed, subtype }, "converted")
  }
  if (Random.chance(random, changes.retyped)) {
    const type = account.type === "loan" ? "credit" : "loan"
    changed = Tenants.marked({ ...changed, type, subtype: "line of credit" }, "retyped")
  }
  return changed
}

const renumbered = (bank: Tenants.Bank, account: Tenants.OutsideAccount): Tenants.OutsideAccount => {
  const { random } = bank
  const country = account.institution.country
  const iban = account.iban === undefined || country === undefined ? undefined : Tenants.ibanOf(country, random)
  const number = iban ?? `${account.institution.routing}:${Random.digits(random, 10)}`
  const { mask } = Tenants.maskOf(bank, number)
  return Tenants.marked({ ...account, iban, number, mask }, "renumbered")
}

/** Closed, and another of the same product opened in its place, perhaps with the balance carried over to the cent. */
const replacement = (bank: Tenants.Bank, account: Tenants.OutsideAccount, elapsed: number): Tenants.OutsideAccount => {
  const { parameters, random } = bank
  const opened = Tenants.marked(Tenants.openAnother(bank, account, -Random.below(random, elapsed + 1)), "replaced")
  if (!Random.chance(random, parameters.changes.carriedOver)) return opened
  // The unkindest way: the old balance and the movements of the new account give the new balance.
  const before = balanceOn(account, -elapsed, rows(account.tape, -elapsed, 0))
  const moved = opened.balance - balanceOn(opened, -elapsed, rows(opened.tape, -elapsed, 0))
  return Tenants.marked({ ...opened, balance: before + moved }, "carriedOver")
}
