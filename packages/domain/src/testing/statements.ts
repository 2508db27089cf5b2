/**
 * Bank statements as two generations of one account tell them, with the truth beside them: what they disagree about
 * is drawn at rates that are assumed, not observed. A rule is measured by what it does to the books.
 *
 * Ninety days of habits (coffees, fares: equal amounts again and again, some twice a day), purchases at price points
 * that collide between merchants, subscriptions, pay, refunds; rows that one generation misses, dates that move,
 * descriptions that drift, rows still pending where the old generation ends, tips added as they post.
 */
import * as Transactions from "../matching/Transactions.ts"

/** Rates in thousandths. */
export interface Hazards {
  readonly days: number
  /** Rows that the old, and that the new generation misses. */
  readonly lost: number
  /** Rows whose date the new generation moves. */
  readonly moved: number
  /** Rows whose description drifts. */
  readonly drifted: number
  /** Rows whose new description has nothing in common with the old one. */
  readonly unlike: number
  /** Restaurant bills that post with a tip. */
  readonly tipped: number
  /** Purchases that are refunded. */
  readonly refunded: number
  /** Purchases a day beside the habits. */
  readonly purchases: number
}

export const hazards = {
  usual: {
    days: 90,
    lost: 10,
    moved: 100,
    drifted: 450,
    unlike: 5,
    tipped: 600,
    refunded: 30,
    purchases: 2,
  },
  /** Nothing but equal amounts, day after day. */
  habits: { days: 90, lost: 10, moved: 100, drifted: 450, unlike: 0, tipped: 0, refunded: 0, purchases: 0 },
  /** Another aggregator: other texts, other dates, more rows missed. */
  providerChange: {
    days: 90,
    lost: 30,
    moved: 250,
    drifted: 900,
    unlike: 10,
    tipped: 600,
    refunded: 30,
    purchases: 2,
  },
} satisfies Record<string, Hazards>

export interface Statement {
  readonly request: Transactions.Request & Required<Pick<Transactions.Request, "balances">>
  /** The payment that a row, held or delivered, is of. */
  readonly truth: ReadonlyMap<string, number>
  /** Equal payments are interchangeable: of one shop, of one amount in minor units. */
  readonly purpose: (payment: number | undefined) => Purpose
  /** The payments that at least one generation saw posted. */
  readonly payments: ReadonlySet<number>
}

export interface Purpose {
  readonly name: string
  readonly amount: number
  /** The day that it posts. */
  readonly day: number
}

/** The same seed, the same statement. */
export const statement = (seed: number, rates: Hazards = hazards.usual): Statement => {
  const dice = diceOf(seed)
  const end = 70 + dice.below(16)
  const start = 5 + dice.below(11)
  const givesAuthorized = dice.chance(300)
  const payments = paymentsOf(dice, rates)
  const held: Array<Transactions.Held> = []
  const delivered: Array<Transactions.Row> = []
  const truth = new Map<string, number>()
  const seen = new Set<number>()

  for (const [number, payment] of payments.entries()) {
    const posted = payment.day + payment.lag
    if (posted >= rates.days) continue
    const text = payment.shop.text
    const isKnown = !dice.chance(rates.lost)
    if (isKnown && posted <= end) {
      held.push({ ...row(`h${number}`, posted, payment.amount, text), ...untouched })
      truth.set(`h${number}`, number)
      seen.add(number)
    } else if (isKnown && payment.day <= end && dice.chance(800)) {
      held.push({ ...row(`h${number}`, payment.day, payment.bill, text), ...untouched, pending: true })
      truth.set(`h${number}`, number)
    }
    const date = posted + (dice.chance(rates.moved) ? (moves[dice.below(moves.length)] ?? 0) : 0)
    if (dice.chance(rates.lost) || date < start || date >= rates.days) continue
    const id = `d${number}`
    delivered.push({
      ...row(id, date, payment.amount, drift(dice, rates, payment.shop, date)),
      ...(dice.chance(200) && { merchant: payment.shop.name }),
      ...(givesAuthorized && { authorized: dateOf(payment.day) }),
    })
    truth.set(id, number)
    seen.add(number)
  }

  // A payment that neither saw is in no row: what the balance says of it is not a matter of matching.
  const out = payments.reduce((sum, { amount }, number) => (seen.has(number) ? sum + amount : sum), 0)
  const opening = 1_000_000
  return {
    request: {
      held: dice.shuffled(held),
      delivered: dice.shuffled(delivered),
      coverage: {
        held: { from: dateOf(0), to: dateOf(end) },
        delivered: { from: dateOf(start), to: dateOf(rates.days - 1) },
      },
      sameGeneration: false,
      unstableReferences: false,
      balances: {
        currency: "EUR",
        opening: { date: dateOf(-10), amount: opening },
        closing: { date: dateOf(rates.days + 10), amount: opening - out },
      },
    },
    truth,
    purpose: (number) => {
      const payment = number === undefined ? undefined : payments[number]
      if (payment === undefined) return { name: "", amount: 0, day: 0 }
      const { amount, day, lag, shop } = payment
      return { name: `${shop.text} ${amount}`, amount, day: Transactions.dayOf(dateOf(day + lag)) }
    },
    payments: seen,
  }
}

/** What one rule did to the books, summed over statements. */
export interface Measured {
  readonly payments: number
  /** Payments that stand in the books more than once, counted by the rows too many. */
  readonly duplicated: number
  /** Payments that stand in the books under another payment's row, or not at all. */
  readonly vanished: number
  /**
   * Rows too many and payments too few, where equal ones are interchangeable: rows and payments of one shop and amount
   * are counted one to one, at most `reach` days apart, and what is left over is wrong. Which of two equal coffees a row
   * is, nobody can tell; `duplicated` and `vanished` count that too.
   */
  readonly wrong: number
  /**
   * What is wrong in the finished books and no balance shows. In books that add up nothing is shown. In books that do
   * not, a row too many and a payment too few of one amount still hide each other.
   */
  readonly undetected: number
  /** Delivered rows that a person was asked about. */
  readonly asked: number
  readonly statements: number
  /** Statements without an error. */
  readonly exact: number
}

export type Rule = (request: Transactions.Request) => ReadonlyArray<Transactions.Decision>

/**
 * The books after a rule decided a statement and a person answered what it asked. The person sees the books and knows
 * how many payments of a shop and amount there were about a day: which row stands for which of them makes no difference.
 */
export const measure = (one: Statement, rule: Rule): Measured => {
  const { payments, request } = one
  const decisions = rule(request)
  const books = booksOf(one, decisions)
  const { duplicated, vanished } = errorsIn(
    books.map(({ standsFor }) => standsFor),
    payments,
  )
  const asked = decisions.filter(({ action }) => action === "review").length
  const { undetected, wrong } = leftIn(books, one)
  const exact = duplicated + vanished === 0 ? 1 : 0
  return { payments: payments.size, duplicated, vanished, wrong, undetected, asked, statements: 1, exact }
}

/** A row of the books, and the payments that it takes the place of: its own first. */
interface BookRow {
  readonly date: string
  readonly standsFor: Set<number>
}

const booksOf = (
  { payments, purpose, request, truth }: Statement,
  decisions: ReadonlyArray<Transactions.Decision>,
): ReadonlyArray<BookRow> => {
  const books = new Map<string, BookRow>()
  const held = new Map(request.held.map((row) => [row.id, row]))
  const dates = new Map([...request.held, ...request.delivered].map(({ date, id }) => [id, date]))
  const stand = (row: string, of: string) => {
    const found = books.get(row) ?? { date: dates.get(of) ?? "", standsFor: new Set() }
    const payment = truth.get(of)
    if (payment !== undefined && payments.has(payment)) found.standsFor.add(payment)
    books.set(row, found)
  }
  const join = (into: string, row: string) => {
    if (held.get(into)?.pending) stand(into, row)
    stand(into, into)
    stand(into, row)
  }
  const taken = new Set(decisions.flatMap((decision) => (decision.action === "merge" ? [decision.into] : [])))
  for (const { id, pending } of request.held) if (!pending) stand(id, id)
  for (const decision of decisions) {
    const { row } = decision
    if (decision.action === "insert") stand(row, row)
    if (decision.action === "merge") join(decision.into, row)
  }
  const due = Map.groupBy([...payments].map(purpose), ({ name }) => name)
  const pairsOf = (name: string) => {
    const present = [...books.values()].flatMap(({ date, standsFor: [first] }) =>
      first !== undefined && purpose(first).name === name ? [Transactions.dayOf(date)] : [],
    )
    return pairsWithin(reach, sorted(present), daysOf(due.get(name) ?? []))
  }
  const reviews = decisions.flatMap((decision) => (decision.action === "review" ? [decision] : []))
  for (const { row } of reviews) stand(row, row)
  for (const { candidates, row } of reviews) {
    const { day, name } = purpose(truth.get(row))
    const entry = books.get(row)
    const before = pairsOf(name)
    books.delete(row)
    const isTooMany = pairsOf(name) === before
    const isOwn = (id: string) => truth.get(id) === truth.get(row)
    const isEqual = (id: string) => isTooMany && !taken.has(id) && purpose(truth.get(id)).name === name
    const isNear = (id: string) => Math.abs(purpose(truth.get(id)).day - day) <= reach
    const into =
      candidates.find((id) => isOwn(id) && (isTooMany || held.get(id)?.pending === true)) ??
      candidates.find((id) => isEqual(id) && isNear(id)) ??
      candidates.find(isEqual)
    if (into === undefined) {
      if (entry !== undefined) books.set(row, entry)
    } else {
      taken.add(into)
      join(into, row)
    }
  }
  return [...books.values()]
}

export const total = (all: ReadonlyArray<Measured>): Measured =>
  all.reduce((sum, one) => ({
    payments: sum.payments + one.payments,
    duplicated: sum.duplicated + one.duplicated,
    vanished: sum.vanished + one.vanished,
    wrong: sum.wrong + one.wrong,
    undetected: sum.undetected + one.undetected,
    asked: sum.asked + one.asked,
    statements: sum.statements + one.statements,
    exact: sum.exact + one.exact,
  }))

/**
 * Rows and payments that belong together, one row to one payment: among rows that stand for each other's payments
 * the order is free, the number is not.
 */
const errorsIn = (rows: ReadonlyArray<ReadonlySet<number>>, payments: ReadonlySet<number>) => {
  const parent = new Map<number, number>()
  const rootOf = (payment: number): number => {
    const up = parent.get(payment) ?? payment
    return up === payment ? payment : rootOf(up)
  }
  for (const [first = -1, ...others] of rows) {
    parent.set(rootOf(first), rootOf(first))
    for (const other of others) parent.set(rootOf(other), rootOf(first))
  }
  const groups = new Map<number, { rows: number; payments: number }>()
  const group = (payment: number) => {
    const found = groups.get(rootOf(payment)) ?? { rows: 0, payments: 0 }
    groups.set(rootOf(payment), found)
    return found
  }
  for (const payment of parent.keys()) group(payment).payments += 1
  for (const [first = -1] of rows) group(first).rows += 1
  let [duplicated, vanished] = [0, payments.size - parent.size]
  for (const { payments, rows } of groups.values()) {
    duplicated += Math.max(0, rows - payments)
    vanished += Math.max(0, payments - rows)
  }
  return { duplicated, vanished }
}

/** No date moves further than this. */
const reach = 5

const leftIn = (books: ReadonlyArray<BookRow>, { payments, purpose }: Statement) => {
  const found = books.flatMap(({ date, standsFor: [first] }) =>
    first === undefined ? [] : [{ ...purpose(first), day: Transactions.dayOf(date) }],
  )
  const due = Map.groupBy([...payments].map(purpose), ({ name }) => name)
  const rows = Map.groupBy(found, ({ name }) => name)
  const byAmount = new Map<number, { surplus: number; missing: number }>()
  let imbalance = 0
  for (const name of new Set([...due.keys(), ...rows.keys()])) {
    const [ofRows, ofPayments] = [rows.get(name) ?? [], due.get(name) ?? []]
    const amount = (ofRows[0] ?? ofPayments[0])?.amount ?? 0
    const paired = pairsWithin(reach, daysOf(ofRows), daysOf(ofPayments))
    const errors = byAmount.get(amount) ?? { surplus: 0, missing: 0 }
    errors.surplus += ofRows.length - paired
    errors.missing += ofPayments.length - paired
    byAmount.set(amount, errors)
    imbalance += (ofRows.length - ofPayments.length) * amount
  }
  let [undetected, wrong] = [0, 0]
  for (const { missing, surplus } of byAmount.values()) {
    wrong += missing + surplus
    undetected += imbalance === 0 ? missing + surplus : 2 * Math.min(missing, surplus)
  }
  return { undetected, wrong }
}

const daysOf = (all: ReadonlyArray<Purpose>) => sorted(all.map(({ day }) => day))

const sorted = (days: ReadonlyArray<number>) => days.toSorted((a, b) => a - b)

/** As many pairs as there can be. Both sides in order. */
const pairsWithin = (days: number, a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  let [pairs, i, j] = [0, 0, 0]
  while (i < a.length && j < b.length) {
    const apart = (a[i] ?? 0) - (b[j] ?? 0)
    if (Math.abs(apart) <= days) pairs += 1
    if (apart <= days) i += 1
    if (apart >= -days) j += 1
  }
  return pairs
}

interface Shop {
  readonly text: string
  readonly name: string
  readonly prices: ReadonlyArray<number>
  readonly isRestaurant: boolean
}

interface Payment {
  readonly day: number
  /** Days until it posts. */
  readonly lag: number
  /** As posted. */
  readonly amount: number
  /** As it was while pending. */
  readonly bill: number
  readonly shop: Shop
}

const paymentsOf = (dice: Dice, rates: Hazards): ReadonlyArray<Payment> => {
  const all: Array<Payment> = []
  const pay = (day: number, shop: Shop, bill: number) => {
    const isTipped = shop.isRestaurant && dice.chance(rates.tipped)
    const amount = isTipped ? bill + Math.trunc((bill * (10 + dice.below(15))) / 100) : bill
    all.push({ day, lag: [0, 0, 1, 1, 1, 2, 3][dice.below(7)] ?? 0, amount, bill, shop })
    if (!shop.isRestaurant && dice.chance(rates.refunded)) {
      all.push({ day: day + 1 + dice.below(10), lag: 1, amount: -bill, bill: -bill, shop })
    }
  }
  const price = (shop: Shop) => shop.prices[dice.below(shop.prices.length)] ?? 100
  for (let day = 0; day < rates.days; day++) {
    for (const habit of habitual) {
      if (dice.chance(650)) pay(day, habit, price(habit))
      if (dice.chance(150)) pay(day, habit, price(habit))
    }
    for (let count = dice.below(2 * rates.purchases + 1); count > 0; count--) {
      const shop = shops[dice.below(shops.length)]
      if (shop === undefined) continue
      const isPricePoint = dice.chance(500)
      pay(day, shop, isPricePoint ? price(shop) : 500 + dice.below(9_000))
    }
    if (rates.purchases > 0) for (const [due, shop, amount] of monthly) if (day % 30 === due) pay(day, shop, amount)
  }
  return all
}

const shop = (text: string, name: string, prices: ReadonlyArray<number>, isRestaurant = false): Shop => ({
  text,
  name,
  prices,
  isRestaurant,
})

const habitual = [
  shop("HARBOUR COFFEE 123", "Harbour Coffee", [450]),
  shop("CITY TRANSIT FARE", "City Transit", [290]),
  shop("CORNER BAKERY 7", "Corner Bakery", [320, 450]),
]

const pricePoints = [999, 1_000, 1_499, 1_999, 2_000, 2_500, 4_999]

const shops = [
  shop("NORTHSIDE MARKET #10", "Northside Market", pricePoints),
  shop("OLDTOWN HARDWARE 4411", "Oldtown Hardware", pricePoints),
  shop("BLUE HERON BOOKS", "Blue Heron Books", pricePoints),
  shop("PETROLA STATION 77", "Petrola", [2_000, 3_000, 5_000]),
  shop("GREEN LEAF PHARMACY", "Green Leaf Pharmacy", pricePoints),
  shop("KINO LUMEN", "Kino Lumen", [999, 1_299]),
  shop("ZEPHYR RIDES TRIP", "Zephyr Rides", pricePoints),
  shop("WILLOW GARDEN CENTRE", "Willow Garden", pricePoints),
  shop("CHEZ MARGOT", "Chez Margot", [2_800, 4_000, 5_000], true),
  shop("NOODLE LANTERN", "Noodle Lantern", [1_250, 1_450, 2_150], true),
  shop("TRATTORIA SESTO", "Trattoria Sesto", [3_200, 4_700], true),
]

const monthly: ReadonlyArray<readonly [day: number, shop: Shop, amount: number]> = [
  [1, shop("RENT FLAT 3", "Rent", []), 95_000],
  [4, shop("STREAMBOX MONTHLY", "Streambox", []), 1_599],
  [9, shop("IRON GYM MEMBER", "Iron Gym", []), 1_999],
  [14, shop("MERIDIAN PAYROLL", "Meridian", []), -210_000],
  [27, shop("CITYPOWER UTILITIES", "Citypower", []), 8_420],
]

const moves = [1, 1, 1, 1, 1, 1, -1, -1, 2, 2, -2, 3]

/** The text that the new generation gives. */
const drift = (dice: Dice, rates: Hazards, { name, text }: Shop, date: number): string => {
  if (dice.chance(rates.unlike)) return `TRANSFER ${letters(dice)} ${letters(dice)}`
  if (!dice.chance(rates.drifted)) return text
  const [year, month, day] = dateOf(date).split("-")
  const drifts = [
    () => `SQ *${text}`,
    () => `${day}.${month} ${text}`,
    () => `${text} ${month}/${day}/${year}`,
    () => name,
    () => text.toLowerCase(),
    () => `${text} ${100_000 + dice.below(900_000)}`,
    () => `CARD PURCHASE ${text}`,
    () => text.replaceAll(/(?<=\w)[AEIOU]/g, ""),
    () => text.slice(0, 12),
    () => `${text}  AMSTERDAM NL`,
  ]
  return drifts[dice.below(drifts.length)]?.() ?? text
}

const letters = (dice: Dice) => Array.from({ length: 6 }, () => String.fromCharCode(65 + dice.below(26))).join("")

const row = (id: string, day: number, amount: number, description: string): Transactions.Row => ({
  id,
  date: dateOf(day),
  authorized: null,
  amount,
  currency: "EUR",
  description,
  merchant: null,
  pending: false,
  transactionId: id,
  pendingId: null,
  counterparty: null,
  check: null,
  references: [],
  owner: null,
  status: null,
})

const untouched = { aliases: [], edited: false, deleted: false, lapsed: false }

const dateOf = (day: number) => Transactions.dateOf(20_454 + day)

interface Dice {
  /** A whole number from 0. */
  readonly below: (bound: number) => number
  readonly chance: (permille: number) => boolean
  readonly shuffled: <A>(all: ReadonlyArray<A>) => ReadonlyArray<A>
}

/** Integers alone, the same on every engine. */
const diceOf = (seed: number): Dice => {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  const below = (bound: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
  const shuffled = <A>(all: ReadonlyArray<A>) =>
    all
      .map((one) => ({ one, place: below(2 ** 31) }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ one }) => one)
  return { below, chance: (permille) => below(1_000) < permille, shuffled }
}
