/** Sends the webhooks that are due, one after another, and lets happen what time brings. */
import { Effect, Queue } from "effect"

import type { Webhook } from "./Outbox.ts"
import type { World } from "./PlaidRoutes.ts"

/** Never ends. Sleeps by the program's clock until something is due, or until it is woken. */
export const deliver = Effect.fnUntraced(function* (world: World, wake: Queue.Dequeue<void>) {
  const { plaid } = world
  while (true) {
    yield* sendDue(world)
    const now = yield* world.now
    const next = [plaid.nextAt(), plaid.outbox.nextAt].filter((at) => at !== null)
    const woken = Queue.take(wake)
    if (next.length === 0) yield* woken
    else yield* Effect.raceFirst(woken, Effect.sleep(Math.min(longestSleep, Math.max(1, Math.min(...next) - now))))
    plaid.settle(yield* world.now)
    world.keep()
  }
})

/** Timers of more than 24 days would go off at once. */
const longestSleep = 3_600_000

const sendDue = Effect.fnUntraced(function* (world: World) {
  const { outbox } = world.plaid
  while (true) {
    const webhook = outbox.take(yield* world.now)
    if (webhook === undefined) return
    yield* world.saved
    const status = yield* send(world, webhook)
    outbox.answered(webhook, status, yield* world.now)
    world.keep()
  }
})

/** The status of the answer; 0 if none came within ten seconds. Signed anew with every attempt, as its time is. */
const send = Effect.fnUntraced(function* ({ now, plaid }: World, { body, url }: Webhook) {
  const at = yield* now
  const verification = yield* Effect.promise(() => plaid.keys.sign(body, at))
  return yield* Effect.promise((signal) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "plaid-verification": verification },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).then(
      async (response) => {
        await response.body?.cancel()
        return response.status
      },
      () => 0,
    ),
  )
})
