/**
 * What is true at the banks, whoever connects: persons' logins, the accounts they show, and what happens in them.
 *
 * Nothing here has an id of Plaid's. A login may show an account that another login shows too: a joint one.
 */
import { Schema } from "effect"

import { Institution, isEuropean } from "./Institutions.ts"

const Text = Schema.NullOr(Schema.String)
const texts = Schema.optionalKey(Schema.Array(Schema.String))

export const AccountType = Schema.Literals(["depository", "credit", "loan", "investment"])
export type AccountType = typeof AccountType.Type

const Numbers = Schema.Struct({
  ach: Schema.optionalKey(
    Schema.Struct({ account: Schema.String, routing: Schema.String, wireRouting: Schema.optionalKey(Text) }),
  ),
  eft: Schema.optionalKey(Schema.Struct({ account: Schema.String, institution: Schema.String, branch: Schema.String })),
  international: Schema.optionalKey(Schema.Struct({ iban: Schema.String, bic: Schema.String })),
  bacs: Schema.optionalKey(Schema.Struct({ account: Schema.String, sortCode: Schema.String })),
})
export type Numbers = typeof Numbers.Type

const Owner = Schema.Struct({ name: Schema.String, emails: texts, phoneNumbers: texts })
export type Owner = typeof Owner.Type

/** In major units, as Plaid gives it. */
const Balance = Schema.Struct({
  current: Schema.NullOr(Schema.Finite),
  available: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
  limit: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
})
export type Balance = typeof Balance.Type

/** An account as a bank opens it. */
export interface NewAccount {
  readonly name: string
  readonly officialName?: string | null
  readonly mask?: string | null
  readonly type?: AccountType
  readonly subtype?: string
  /** ISO 4217; `USD`, `CAD`, `GBP` or `EUR` by the bank's country if absent. */
  readonly currency?: string
  readonly balance?: Balance
  /** Made up after the habits of the country if absent. */
  readonly numbers?: Numbers
  readonly owners?: ReadonlyArray<Owner>
  readonly holder?: "personal" | "business"
}

const RealAccount = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  officialName: Text,
  mask: Text,
  type: AccountType,
  subtype: Schema.String,
  currency: Schema.String,
  balance: Balance,
  numbers: Numbers,
  owners: Schema.Array(Owner),
  holder: Schema.Literals(["personal", "business"]),
  isOpen: Schema.Boolean,
  /** How often it changed so much that Plaid took it for another one. */
  churns: Schema.Natural,
})
export type RealAccount = typeof RealAccount.Type

const Login = Schema.Struct({
  id: Schema.String,
  institutionId: Schema.String,
  accounts: Schema.Array(Schema.String),
})
export type Login = typeof Login.Type

/** A transaction as a bank books it. */
export interface NewTransaction {
  /** In major units; positive when money leaves, as Plaid has it. */
  readonly amount: number
  /** Posted, or made while it is pending; `YYYY-MM-DD`. */
  readonly date: string
  /** When the person paid, where the bank tells. */
  readonly authorizedDate?: string | null
  readonly name: string
  readonly merchantName?: string | null
  readonly originalDescription?: string | null
  readonly pending?: boolean
  readonly channel?: "online" | "in store" | "other"
  readonly checkNumber?: string | null
  readonly currency?: string
}

const RealTransaction = Schema.Struct({
  id: Schema.String,
  account: Schema.String,
  amount: Schema.Finite,
  date: Schema.String,
  authorizedDate: Text,
  name: Schema.String,
  merchantName: Text,
  originalDescription: Text,
  pending: Schema.Boolean,
  channel: Schema.Literals(["online", "in store", "other"]),
  checkNumber: Text,
  currency: Schema.String,
  /** The pending one that this one posts, where the bank tells. */
  posts: Text,
})
export type RealTransaction = typeof RealTransaction.Type

export const BankChange = Schema.Struct({
  kind: Schema.Literals(["added", "modified", "removed"]),
  transaction: RealTransaction,
})
export type BankChange = typeof BankChange.Type

/** All but what happened in the accounts, which only grows: `changes` tells how much there is of it. */
export const Outline = Schema.Struct({
  institutions: Schema.Array(Institution),
  logins: Schema.Array(Login),
  accounts: Schema.Array(RealAccount),
  booked: Schema.Natural,
  changes: Schema.Natural,
})
export type Outline = typeof Outline.Type

/** What happened, by the account's id. */
export type Changes = Readonly<Record<string, ReadonlyArray<BankChange>>>

export interface Posting {
  readonly amount?: number
  readonly name?: string
  readonly date?: string
  /** Whether the bank tells which pending transaction this one was; it does if absent. */
  readonly tellsPending?: boolean
}

export class Bank {
  private readonly institutionsById: Map<string, Institution>
  private readonly logins = new Map<string, Login>()
  private readonly accounts = new Map<string, RealAccount>()
  private readonly transactions = new Map<string, RealTransaction>()
  private readonly changes = new Map<string, Array<BankChange>>()
  private booked = 0
  private recorded = 0

  constructor(institutions: ReadonlyArray<Institution>) {
    this.institutionsById = new Map(institutions.map((institution) => [institution.id, institution]))
  }

  /** As it was; throws where the parts do not fit. Institutions that it did not know yet are added to it. */
  static restore(
    { accounts, booked, changes: count, institutions, logins }: Outline,
    changes: Changes,
    further: ReadonlyArray<Institution>,
  ) {
    const bank = new Bank([...further, ...institutions])
    for (const login of logins) bank.logins.set(login.id, login)
    for (const account of accounts) {
      bank.accounts.set(account.id, account)
      bank.changes.set(account.id, [])
    }
    for (const { kind, transaction } of Object.values(changes).flat()) bank.record(kind, transaction)
    if (bank.recorded !== count) throw new Error("changes of accounts are missing, or there are too many")
    bank.booked = booked
    return bank
  }

  get outline(): Outline {
    return {
      institutions: this.institutions,
      logins: this.allLogins,
      accounts: [...this.accounts.values()],
      booked: this.booked,
      changes: this.recorded,
    }
  }

  get allChanges(): Changes {
    return Object.fromEntries(this.changes)
  }

  get institutions(): ReadonlyArray<Institution> {
    return [...this.institutionsById.values()]
  }

  get allLogins(): ReadonlyArray<Login> {
    return [...this.logins.values()]
  }

  addInstitution(institution: Institution) {
    this.institutionsById.set(institution.id, institution)
  }

  institution(id: string) {
    return this.institutionsById.get(id)
  }

  login(id: string) {
    return this.logins.get(id)
  }

  account(id: string) {
    return this.accounts.get(id)
  }

  /** While it is on the books. */
  transaction(id: string) {
    return this.transactions.get(id)
  }

  addLogin(id: string, institutionId: string) {
    const login: Login = { id, institutionId, accounts: [] }
    this.logins.set(id, login)
    return login
  }

  moveLogin(login: Login, institutionId: string) {
    this.logins.set(login.id, { ...login, institutionId })
  }

  open(login: Login, account: NewAccount): RealAccount {
    const id = `account-${this.accounts.size + 1}`
    const country = this.institution(login.institutionId)?.country ?? "US"
    const balance = { available: account.balance?.current ?? 0, limit: null, current: 0, ...account.balance }
    const opened: RealAccount = {
      officialName: null,
      type: "depository",
      subtype: "checking",
      currency: currencyOf(country),
      numbers: numbersOf(country, this.accounts.size + 1),
      owners: [{ name: "Alberta Bobbeth Charleson", emails: ["accountholder0@example.com"] }],
      holder: "personal",
      mask: String(this.accounts.size + 1).padStart(4, "0"),
      ...account,
      balance,
      id,
      isOpen: true,
      churns: 0,
    }
    this.accounts.set(id, opened)
    this.changes.set(id, [])
    this.share(login, opened)
    return opened
  }

  /** The login shows an account that is there already, as another owner's does. */
  share(login: Login, { id }: RealAccount) {
    const { accounts } = this.logins.get(login.id) ?? login
    this.logins.set(login.id, { ...login, accounts: [...accounts.filter((other) => other !== id), id] })
  }

  change(account: RealAccount, change: Partial<Omit<RealAccount, "id">>) {
    const changed = { ...account, ...change }
    this.accounts.set(account.id, changed)
    return changed
  }

  /** All that happened in an account, in order. */
  history(account: string): ReadonlyArray<BankChange> {
    return this.changes.get(account) ?? []
  }

  add({ currency, id: account }: RealAccount, transaction: NewTransaction, posts: string | null = null) {
    this.booked += 1
    const added: RealTransaction = {
      authorizedDate: null,
      merchantName: null,
      originalDescription: transaction.name,
      pending: false,
      channel: "other",
      checkNumber: null,
      currency,
      ...transaction,
      id: `transaction-${this.booked}`,
      account,
      posts,
    }
    this.record("added", added)
    return added
  }

  modify(transaction: RealTransaction, change: Partial<NewTransaction>) {
    const modified = { ...transaction, ...change }
    this.record("modified", modified)
    return modified
  }

  remove(transaction: RealTransaction) {
    this.record("removed", transaction)
  }

  /** The pending transaction goes, and a posted one comes. */
  post(pending: RealTransaction, { tellsPending = true, ...posted }: Posting, today: string) {
    this.remove(pending)
    const { account, id, ...rest } = pending
    const holder = this.accounts.get(account)
    if (holder === undefined) return undefined
    return this.add(
      holder,
      { ...rest, authorizedDate: pending.authorizedDate ?? pending.date, date: today, ...posted, pending: false },
      tellsPending ? id : null,
    )
  }

  private record(kind: BankChange["kind"], transaction: RealTransaction) {
    if (kind === "removed") this.transactions.delete(transaction.id)
    else this.transactions.set(transaction.id, transaction)
    this.changes.get(transaction.account)?.push({ kind, transaction })
    this.recorded += 1
  }
}

const currencyOf = (country: string) =>
  ({ US: "USD", CA: "CAD", GB: "GBP" })[country] ?? (isEuropean({ country }) ? "EUR" : "USD")

const numbersOf = (country: string, ordinal: number): Numbers => {
  const account = String(1_111_222_233_330_000 + ordinal)
  if (country === "CA") return { eft: { account: account.slice(-7), institution: "021", branch: "01140" } }
  const bacs = { account: account.slice(-8), sortCode: "601613" }
  if (country === "GB")
    return { bacs, international: { iban: ibanOf("GB", `NWBK601613${bacs.account}`), bic: "NWBKGB21" } }
  if (isEuropean({ country })) {
    return { international: { iban: ibanOf(country, `50010517${account.slice(-10)}`), bic: "INGDDEFFXXX" } }
  }
  return { ach: { account, routing: "011401533", wireRouting: "021000021" } }
}

/** With check digits that are right. */
const ibanOf = (country: string, basic: string) => {
  const digits = [...`${basic}${country}00`].map((letter) => Number.parseInt(letter, 36)).join("")
  return `${country}${String(98n - (BigInt(digits) % 97n)).padStart(2, "0")}${basic}`
}
