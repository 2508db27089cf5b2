import * as Transactions from "../src/matching/Transactions.ts"
import { hazards, measure, statement, total } from "../src/testing/statements.ts"
const [from, to, world = "usual", verbose] = process.argv.slice(2)
const t0 = performance.now()
const all = [], before = []
for (let seed = Number(from); seed < Number(to); seed++) {
  const one = statement(seed, (hazards as any)[world])
  const r = Transactions.reconcile(one.request)
  const { balances: _, ...bare } = one.request
  if (verbose !== "fast") before.push(measure(one, () => Transactions.reconcile(bare as any).decisions))
  const m = measure(one, () => r.decisions)
  all.push(m)
  if (m.undetected > 0) console.log("seed", seed, r.balance, m.undetected)
}
const show = (name: string, ms: any) => { const t: any = total(ms); const p = (n: number) => ((n * 1000) / t.payments).toFixed(3)
console.log(name, world, t.statements, "dup", p(t.duplicated), "van", p(t.vanished), "undet", t.undetected, p(t.undetected), "asked", p(t.asked), "exact", (t.exact / t.statements * 100).toFixed(1)) }
if (before.length) show("before", before)
show("after ", all)
console.log(((performance.now() - t0) / 1000).toFixed(1), "s")
