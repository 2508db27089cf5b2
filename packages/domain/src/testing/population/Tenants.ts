/**
 * Who banks where: tenants, the logins of their owners and the outside accounts behind each login. This is the truth; what
 * a provider says of it is another matter (`Descriptions.ts`).
 */
import { type Institution, ibanDigits, institutionFor, type Institutions } from "./Institutions.ts"
import { type Parameters } from "./Parameters.ts"
import * as Random from "./Random.ts"
import { type Flow, type Tape } from "./Tape.ts"

export type TenantKind = keyof Parameters["tenants"]

export interface Owner {
  readonly id: string
  readonly name: string
}

/** One set of credentials at one institution. */
export interface Login {
  readonly owner: Owner
  readonly institution: Institution
  readonly accounts: ReadonlyArray<OutsideAccount>
}

/** A bank account as it is. */
export interface OutsideAccount {
  /** Tells the accounts of a tenant apart: two with one key are the same account. */
  readonly key: number
  readonly institution: Institution
  readonly type: string
  readonly subtype: string
  readonly currency: string
  readonly name: string
  readonly officialName: string | undefined
  readonly number: string
  readonly iban: string | undefined
  readonly mask: string | undefined
  readonly persistentId: string | undefined
  readonly holders: ReadonlyArray<string>
  /** Booked balance of today, minor units; what is owed on a card or loan is positive. */
  readonly balance: number
  readonly tape: Tape
  readonly hazards: ReadonlyArray<Hazard>
}

export type Hazard =
  | "joint"
  | "tokenized"
  | "memberMask"
  | "memberNumber"
  | "pocket"
  | "pot"
  | "settlementIban"
  | "parentStatement"
  | "childStatement"
  | "clonedBookings"
  | "dormant"
  | "noMask"
  | "shortMask"
  | "genericMask"
  | "renamed"
  | "nameNoise"
  | "converted"
  | "retyped"
  | "cardReplaced"
  | "renumbered"
  | "institutionMigrated"
  | "institutionRenamed"
  | "institutionMerged"
  | "churned"
  | "opened"
  | "newlySelected"
  | "replaced"
  | "carriedOver"
  | "otherOwner"
  | "duplicated"

/** Opens the accounts of one tenant: gives each its key and its seed. */
export interface Bank {
  readonly parameters: Parameters
  readonly institutions: Institutions
  readonly kind: TenantKind
  readonly random: Random.Random
  /** Seed of the population and number of the tenant. */
  readonly seed: readonly [number, number]
  readonly nextKey: () => number
  readonly common: readonly [number, ...Array<number>]
  readonly company: string
}

export const bankOf = (
  parameters: Parameters,
  institutions: Institutions,
  seed: readonly [number, number],
  random: Random.Random,
): Bank => {
  let key = 0
  const kind = Random.weighted(random, parameters.tenants)
  const amount = () => Random.between(random, 4, 60) * 2_500
  return {
    parameters,
    institutions,
    kind,
    random,
    seed,
    nextKey: () => key++,
    common: [amount(), amount(), amount(), amount()],
    company: `${Random.pick(random, surnames)} ${Random.pick(random, ["Ltd", "LLC", "GmbH", "& Sons", "Partners"])}`,
  }
}

export const openOwners = ({ kind, random }: Bank): readonly [Owner, Owner] => {
  const surname = Random.pick(random, surnames)
  const other = kind === "household" && Random.chance(random, 0.7) ? surname : Random.pick(random, surnames)
  return [
    { id: "owner-1", name: `${Random.pick(random, forenames)} ${surname}` },
    { id: "owner-2", name: `${Random.pick(random, forenames)} ${other}` },
  ]
}

/** The logins of a tenant before anything happens: private ones, and those of the business if there is one. */
export const openLogins = (bank: Bank, [first, second]: readonly [Owner, Owner]): readonly [Login, ...Array<Login>] => {
  const { kind, parameters, random } = bank
  const logins: Array<Login> = []
  const main = openLogin(bank, first, anyInstitution(bank), kind === "household" ? "private" : kind)
  const others = kind === "household" ? Random.below(random, 3) : Random.between(random, 1, 2)
  for (let n = 0; n < others; n++) {
    // Business and private logins at one bank are common, and so are two people of one household.
    const institution = Random.chance(random, 0.35) ? main.institution : anyInstitution(bank)
    const isSecond = Random.chance(random, 0.4)
    const sharesJoint = isSecond && institution === main.institution && kind === "household"
    const login = openLogin(bank, isSecond ? second : first, institution, purposeOf(kind, random))
    logins.push(
      sharesJoint && Random.chance(random, parameters.likeness.joint)
        ? withJoint(bank, main, login, [first, second])
        : login,
    )
  }
  return [main, ...logins]
}

/** The login of a second user at the same bank, who sees some of the same accounts. */
export const openPartnerLogin = (bank: Bank, of: Login, owner: Owner): Login => {
  const { kind, parameters, random } = bank
  if (kind === "household") {
    const own = openLogin(bank, owner, of.institution, "private")
    return Random.chance(random, parameters.likeness.joint) ? withJoint(bank, of, own, [of.owner, owner]) : own
  }
  const shared = of.accounts.filter(() => Random.chance(random, 0.6))
  return { owner, institution: of.institution, accounts: shared.map((account) => marked(account, "joint")) }
}

export const openFreshLogin = (bank: Bank, owner: Owner, beside: Login): Login =>
  openLogin(
    bank,
    owner,
    Random.chance(bank.random, 0.3) ? beside.institution : anyInstitution(bank),
    purposeOf(bank.kind, bank.random),
  )

/** Another account of the same product, with everything that identifies it its own. */
export const openAnother = (bank: Bank, like: OutsideAccount, openedOn: number): OutsideAccount => {
  const account = openAccount(bank, like.institution, {
    type: like.type,
    subtype: like.subtype,
    name: like.name,
    flow: like.tape.flow,
    density: like.tape.density,
    holders: like.holders,
    currency: like.currency,
  })
  const { memberMask, memberNumber } = like.institution
  return {
    ...account,
    mask: memberMask ? like.mask : account.mask,
    number: memberNumber ? like.number : account.number,
    officialName: like.officialName,
    tape: { ...account.tape, openedOn },
  }
}

/** The mask that the bank shows for a number. */
export const maskOf = ({ parameters, random }: Bank, number: string): Pick<OutsideAccount, "mask" | "hazards"> => {
  const { maskGeneric, maskMissing, maskShort } = parameters.identifiers
  if (Random.chance(random, maskMissing)) return { mask: undefined, hazards: ["noMask"] }
  if (Random.chance(random, maskGeneric))
    return { mask: Random.pick(random, ["0000", "XXXX", "1234"]), hazards: ["genericMask"] }
  if (Random.chance(random, maskShort))
    return { mask: number.slice(-Random.between(random, 2, 3)), hazards: ["shortMask"] }
  return { mask: number.slice(-4), hazards: [] }
}

export const marked = (account: OutsideAccount, ...hazards: ReadonlyArray<Hazard>): OutsideAccount => ({
  ...account,
  hazards: [...account.hazards, ...hazards],
})

/** A valid IBAN: the check digits make the number, read with its country behind it, 1 modulo 97. */
export const ibanOf = (country: string, random: Random.Random): string => {
  const bban = Random.digits(random, ibanDigits[country] ?? 18)
  const countryDigits = [...country].map((letter) => letter.charCodeAt(0) - 55).join("")
  const check = 98 - modulo97(`${bban}${countryDigits}00`)
  return `${country}${check < 10 ? "0" : ""}${check}${bban}`
}

interface Product {
  readonly type: string
  readonly subtype: string
  readonly name: string
  readonly flow: Flow
  readonly density: number
  readonly holders: ReadonlyArray<string>
  readonly currency?: string
}

const openLogin = (
  bank: Bank,
  owner: Owner,
  institution: Institution,
  purpose: "private" | "business" | "propertyManager",
): Login => {
  const opened = productsOf(bank, owner, institution, purpose).map((product) => openAccount(bank, institution, product))
  const accounts = [withMemberNumbers, withSharedIban, withCardProgramme, withClones].reduce<
    ReadonlyArray<OutsideAccount>
  >((accounts, step) => step(bank, accounts, purpose), opened)
  return { owner, institution, accounts }
}

const productsOf = (
  { company, kind, random }: Bank,
  { name: person }: Owner,
  institution: Institution,
  purpose: "private" | "business" | "propertyManager",
): ReadonlyArray<Product> => {
  const brand = institution.name.split(" ")[0] ?? institution.name
  const holders = [purpose === "private" ? person : company]
  const checking = { type: "depository", subtype: "checking", flow: "everyday", density: 10, holders } as const
  const savings = { type: "depository", subtype: "savings", flow: "savings", density: 3, holders } as const
  const card = { type: "credit", subtype: "credit card", flow: "everyday", density: 9, holders } as const
  const loan = { type: "loan", flow: "instalments", density: 1, holders } as const
  const european = institution.region === "EU"

  if (purpose === "propertyManager") {
    const count = 2 + Random.below(random, 8) + Random.below(random, 9)
    const street = Random.pick(random, ["Oak", "Mill", "Harbour", "Station", "Park"])
    const templated = Random.chance(random, 0.6)
    return Array.from({ length: count }, (_, n) => ({
      ...(n % 4 === 3 ? savings : checking),
      flow: "rents" as const,
      density: 6,
      name: templated ? `Trust ${n + 1} ${street} St` : n % 4 === 3 ? `${brand} Deposits` : `${brand} Client Trust`,
    }))
  }
  if (purpose === "business") {
    return [
      { ...checking, name: `Business ${european ? "Konto" : "Checking"}`, density: 14 },
      ...some(random, 0.5, { ...checking, name: `Business ${european ? "Konto" : "Checking"}`, density: 8 }),
      ...some(random, 0.5, { ...savings, name: "Business Savings" }),
      ...some(random, 0.5, { ...card, name: `${brand} Business Card`, density: 12 }),
      ...some(random, 0.2, { ...loan, subtype: "business", name: "Term Loan" }),
    ]
  }
  const plain = Random.pick(
    random,
    european ? ["Girokonto", "Privat Konto"] : [`${brand} Checking`, "Everyday Checking"],
  )
  return [
    { ...checking, name: plain },
    ...some(random, 0.25, { ...checking, name: plain, density: 6 }),
    ...some(random, 0.6, { ...savings, name: european ? "Sparkonto" : "Way2Save Savings" }),
    ...some(random, 0.2, { ...savings, name: european ? "Sparkonto" : "Way2Save Savings" }),
    ...some(random, 0.45, { ...card, name: `${brand} Rewards Card` }),
    ...some(random, 0.12, { ...card, name: `${brand} Rewards Card` }),
    ...some(random, kind === "household" ? 0.15 : 0.05, { ...loan, subtype: "mortgage", name: "Mortgage" }),
    ...some(random, 0.1, {
      type: "investment",
      subtype: "brokerage",
      name: "Brokerage",
      flow: "savings",
      density: 2,
      holders,
    }),
  ]
}

const some = (random: Random.Random, probability: number, product: Product): ReadonlyArray<Product> =>
  Random.chance(random, probability) ? [product] : []

const openAccount = (bank: Bank, institution: Institution, product: Product): OutsideAccount => {
  const { common, parameters, random, seed } = bank
  const key = bank.nextKey()
  const iban =
    institution.country !== undefined && product.type === "depository" ? ibanOf(institution.country, random) : undefined
  const number = iban ?? `${institution.routing}:${Random.digits(random, 10)}`
  const { hazards, mask } = maskOf(bank, product.type === "credit" ? Random.digits(random, 16) : number)
  const isDormant = Random.chance(random, parameters.likeness.dormant)
  const usual = () => Random.between(random, 500, 250_000)
  return {
    key,
    institution,
    type: product.type,
    subtype: product.subtype,
    currency: product.currency ?? institution.currency,
    name: institution.namesShowMask ? `${product.name.toUpperCase()} (${mask ?? "----"})` : product.name,
    officialName: Random.chance(random, 0.6) ? `${institution.name} ${product.name} Account` : undefined,
    number,
    iban,
    mask,
    persistentId: institution.tokenizes && product.type === "depository" ? `pid-${random()}-${random()}` : undefined,
    holders: product.holders,
    balance: Random.chance(random, isDormant ? 0.5 : 0.04) ? 0 : Random.between(random, 100, 2_000_000),
    tape: {
      seed: [...seed, key],
      flow: product.flow,
      density: isDormant ? 0 : product.density,
      usual: [usual(), usual(), usual()],
      common,
      openedOn: -Random.between(random, 800, 4_000),
      repeats: [],
    },
    hazards: [
      ...hazards,
      ...(isDormant ? (["dormant"] as const) : []),
      ...(institution.tokenizes && product.type === "depository" ? (["tokenized"] as const) : []),
    ],
  }
}

type Step = (
  bank: Bank,
  accounts: ReadonlyArray<OutsideAccount>,
  purpose: "private" | "business" | "propertyManager",
) => ReadonlyArray<OutsideAccount>

/** At some credit unions, the member number is what shows of every account of a member, or is its number. */
const withMemberNumbers: Step = (_bank, accounts) => {
  const [first] = accounts
  if (first === undefined) return accounts
  const { memberMask, memberNumber } = first.institution
  if (memberNumber) {
    return accounts.map((account) => marked({ ...account, number: first.number, mask: first.mask }, "memberNumber"))
  }
  return memberMask ? accounts.map((account) => marked({ ...account, mask: first.mask }, "memberMask")) : accounts
}

/** Pockets in other currencies, pots, and cards that report the account they are settled from: all under one IBAN. */
const withSharedIban: Step = (bank, accounts) => {
  const { parameters, random } = bank
  const main = accounts.find((account) => account.iban !== undefined)
  if (main === undefined || !main.institution.sharedIban) return accounts
  const beside = (hazard: Hazard, product: Omit<Product, "holders">): OutsideAccount => {
    const account = openAccount(bank, main.institution, { ...product, holders: main.holders })
    const mask = main.institution.sharedIbanMask
      ? main.mask
      : account.mask === undefined
        ? undefined
        : Random.digits(random, 4)
    return marked({ ...account, iban: main.iban, number: main.number, mask }, hazard)
  }
  const pocket = { type: "depository", subtype: "checking", flow: "everyday", density: 3 } as const
  const pot = { type: "depository", subtype: "savings", flow: "savings", density: 2 } as const
  const { pockets, pots, settledCard } = parameters.likeness
  return [
    ...accounts.map((account) =>
      account.type === "credit" && Random.chance(random, settledCard)
        ? marked({ ...account, iban: main.iban }, "settlementIban")
        : account,
    ),
    ...(Random.chance(random, pockets)
      ? [
          beside("pocket", { ...pocket, name: main.name, currency: "USD" }),
          beside("pocket", { ...pocket, name: main.name, currency: "GBP" }),
        ]
      : []),
    ...(Random.chance(random, pots)
      ? [
          beside("pot", { ...pot, name: "Pot" }),
          ...(Random.chance(random, 0.5) ? [beside("pot", { ...pot, name: "Pot" })] : []),
        ]
      : []),
  ]
}

/** A parent account whose statement repeats its children's bookings. */
const withCardProgramme: Step = (bank, accounts, purpose) => {
  const { company, parameters, random } = bank
  const [first] = accounts
  if (first === undefined || purpose === "private" || !Random.chance(random, parameters.likeness.cardProgramme))
    return accounts
  const card = { type: "credit", subtype: "credit card", flow: "everyday", holders: [company] } as const
  const open = (density: number) => openAccount(bank, first.institution, { ...card, density, name: "Corporate Card" })
  const children = Array.from({ length: Random.between(random, 1, 3) }, () => open(8))
  const parent = open(1)
  const repeats = children.map(({ tape }) => ({ tape, share: 1 }))
  return [
    ...accounts,
    marked({ ...parent, tape: { ...parent.tape, repeats } }, "parentStatement"),
    ...children.map((child) => marked(child, "childStatement")),
  ]
}

const withClones: Step = ({ parameters, random }, accounts) =>
  accounts.map((account, index) => {
    const sibling = accounts[index - 1]
    if (sibling === undefined || !Random.chance(random, parameters.likeness.clonedBookings)) return account
    const repeats = [...account.tape.repeats, { tape: sibling.tape, share: Random.between(random, 3, 9) / 10 }]
    return marked({ ...account, tape: { ...account.tape, repeats } }, "clonedBookings")
  })

/** One or two accounts of a login belong to both, and are in the other login as well. */
const withJoint = ({ random }: Bank, of: Login, login: Login, owners: readonly [Owner, Owner]): Login => {
  const joint = of.accounts
    .slice(0, Random.between(random, 1, 2))
    .map((account) => marked({ ...account, holders: owners.map(({ name }) => name) }, "joint"))
  return { ...login, accounts: [...joint, ...login.accounts.slice(0, 3)] }
}

const anyInstitution = ({ institutions, parameters, random }: Bank): Institution =>
  institutionFor(institutions, Random.chance(random, parameters.european), random)

const purposeOf = (kind: TenantKind, random: Random.Random): "private" | "business" | "propertyManager" =>
  kind === "household" || Random.chance(random, 0.4) ? "private" : kind

const modulo97 = (digits: string): number => {
  let rest = 0
  for (let at = 0; at < digits.length; at++) rest = (rest * 10 + digits.charCodeAt(at) - 48) % 97
  return rest
}

const forenames = ["Ada", "Bo", "Cyril", "Dana", "Emil", "Fay", "Gus", "Hana", "Ilja", "June", "Kurt", "Lena"] as const
const surnames = [
  "Archer",
  "Baker",
  "Cooper",
  "Dyer",
  "Fletcher",
  "Gardner",
  "Mason",
  "Potter",
  "Sawyer",
  "Turner",
] as const
