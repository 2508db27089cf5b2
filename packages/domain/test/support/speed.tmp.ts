import { Effect } from "effect"
import { Memory } from "../../src/index.ts"
import { consent, item, link, newAccount, newTenant, on, statement } from "./Bank.ts"
const make = (prefix: string, n: number, pageSize: number, b: any, source: string) => {
  for (let from = 0; from < n; from += pageSize) {
    b.says(source, { items: Array.from({ length: Math.min(pageSize, n - from) }, (_, i) => {
      const k = from + i
      const day = new Date(Date.UTC(2026, 7, 10) - Math.floor(k * 720 / n) * 86400000).toISOString().slice(0, 10)
      return item(`${prefix}-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-${k}`, day, 100 + (k * 7919) % 5000, `MERCHANT ${k % 300}`, { })
    }) })
  }
  b.says(source, { coversFrom: "2024-08-20" })
}
const program = Effect.gen(function* () {
  const tenantId = newTenant()
  const accountId = yield* newAccount()
  const N = Number(process.argv[2] ?? 100000)
  const ada = yield* consent(tenantId)
  make("a", N, 500, ada.bank, "c")
  yield* link(ada, "c", accountId)
  let t = performance.now()
  const r = yield* ada.sync.pipe(on("2026-08-10"))
  console.log("single", r, Math.round(N / ((performance.now() - t) / 1000)), "items/s", Math.round(process.memoryUsage().rss/1e6),"MB")
  const M = Number(process.argv[3] ?? 5000)
  const bob = yield* consent(tenantId)
  // the most recent M of the same
  for (let from = 0; from < M; from += 500) bob.bank.says("d", { items: Array.from({ length: 500 }, (_, i) => { const k = from + i
      const day = new Date(Date.UTC(2026, 7, 10) - Math.floor(k * 720 / N) * 86400000).toISOString().slice(0, 10)
      return item(`b-${k}`, day, 100 + (k * 7919) % 5000, `MERCHANT ${k % 300}`) }) })
  yield* link(bob, "d", accountId, "2026-05-01")
  t = performance.now()
  const r2 = yield* bob.sync.pipe(on("2026-08-10"))
  console.log("resume", r2, Math.round(performance.now() - t), "ms", Math.round(process.memoryUsage().rss/1e6),"MB")
  t = performance.now()
  if (process.argv[4]) { console.log((yield* statement(tenantId, accountId)).length, Math.round(performance.now() - t), "ms view") }
})
Effect.runPromise(Effect.provide(program, Memory.layer) as any).catch(console.error)
