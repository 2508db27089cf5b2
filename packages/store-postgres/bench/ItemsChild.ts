/**
 * Items matched in a process of its own, so that its memory can be told from ours.
 *
 * `ItemsChild.ts <delivered> <held> <amounts>` prints one line of JSON: milliseconds of each repetition, and the most
 * memory the process ever had.
 */
import { type TransactionRow, Transactions } from "@holdfast/domain"

const [delivered = 0, held = 0, amounts = 1] = process.argv.slice(2).map(Number)

/** Two years of banking; an account that was delivered to its last day, and delivers the last part of it again. */
const row = (place: number, prefix: string): TransactionRow.Held => ({
  id: `${prefix}${place}`,
  date: Transactions.dateOf(19_000 + Math.floor((place * 730) / held)),
  authorized: null,
  amount: 100 + ((place * 7_919) % amounts),
  currency: "EUR",
  description: `SHOP ${place % 97} NUMBER ${place % 13}`,
  merchant: null,
  pending: false,
  transactionId: `${prefix}${place}`,
  pendingId: null,
  counterparty: null,
  check: null,
  references: [],
  owner: null,
  status: null,
  aliases: [],
  edited: false,
  deleted: false,
  lapsed: false,
})

const request: Transactions.Request = {
  held: Array.from({ length: held }, (_, place) => row(place, "h")),
  delivered: Array.from({ length: delivered }, (_, index) => row(held - delivered + index, "d")),
  coverage: { held: { from: "2020-01-01", to: "2030-01-01" } },
  sameGeneration: false,
  unstableReferences: false,
}

const millis: Array<number> = []
const cpu: Array<number> = []
let merged = 0
for (let repetition = 0; repetition < 3; repetition++) {
  // What came before is not part of what a reconciliation needs.
  globalThis.gc?.()
  const [start, before] = [performance.now(), process.cpuUsage()]
  const { decisions } = Transactions.reconcile(request)
  millis.push(performance.now() - start)
  const { system, user } = process.cpuUsage(before)
  cpu.push((system + user) / 1_000)
  merged = decisions.filter(({ action }) => action === "merge").length
}
console.log(JSON.stringify({ millis, cpu, merged, megabytes: process.resourceUsage().maxRSS / 1_024 }))
