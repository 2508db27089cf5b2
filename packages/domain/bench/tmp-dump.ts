import * as Transactions from "../src/matching/Transactions.ts"
import { hazards, statement } from "../src/testing/statements.ts"
const world = process.argv[3] ?? "usual"
for (const seed of process.argv[2]!.split(",").map(Number)) {
  const one = statement(seed, (hazards as any)[world])
  const r = Transactions.reconcile(one.request)
  console.log("=== seed", seed, JSON.stringify(r.balance), JSON.stringify(one.request.coverage))
  const held = new Map(one.request.held.map((h) => [h.id, h])), del = new Map(one.request.delivered.map((d) => [d.id, d]))
  const heldOf = new Map(one.request.held.map((h) => [one.truth.get(h.id), h]))
  const show = (x: any) => x && `${x.id} ${x.date} ${x.authorized ?? ""} ${x.amount} "${x.description}" ${x.merchant ?? ""}${x.pending ? " PENDING" : ""}`
  for (const d of r.decisions) {
    const row = del.get(d.row)!, p = one.truth.get(d.row), own = heldOf.get(p)
    const wrong = d.action === "merge" ? one.truth.get(d.into) !== p : d.action === "insert" ? own !== undefined : false
    if (wrong && !(d.action==="insert" && own?.pending && own.amount!==row.amount)) {
      const into = d.action === "merge" ? held.get(d.into) : undefined
      // drop harmless swaps of the same shop
      console.log(" ", d.action, (d as any).weight ?? "", (d as any).where ?? "", show(row), "| into", show(into), into ? "(its own delivered: " + ([...del.values()].some((x) => one.truth.get(x.id) === one.truth.get(into.id)) ? "yes" : "LOST") + ")" : "", "| own held", show(own) ?? "NONE")
    }
  }
}
