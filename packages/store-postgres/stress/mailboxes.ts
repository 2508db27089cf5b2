/**
 * `npm run stress:mailboxes -- [--races 5] [--kills 40] [--workers 3] [--restarts 3] [--seed TEXT]`
 *
 * Processes sync two labels of one mailbox on one PostgreSQL at the same time, against one Google over HTTP. They are
 * killed at random and started again, and the server crashes under them: nothing is lost, nothing is doubled, and the
 * view is what the log says. Exits with 1 where it is not so.
 */
import { parseArgs } from "node:util"

import { Effect, Logger, Redacted } from "effect"

import { google } from "../../adapters-gmail/stress/Google.ts"
import * as Store from "../src/Store.ts"
import { EmbeddedPostgres, TestDatabase } from "../src/testing/index.ts"
import * as MailRace from "./MailRace.ts"

const { values } = parseArgs({
  options: {
    races: { type: "string", default: "5" },
    kills: { type: "string", default: "40" },
    workers: { type: "string", default: "3" },
    restarts: { type: "string", default: "3" },
    seed: { type: "string", default: String(Date.now()) },
  },
})

// The same as the workers'.
const masterKeys = { current: "stress", keys: { stress: Redacted.make(new Uint8Array(32)) } }

const race = Effect.fnUntraced(function* (server: EmbeddedPostgres.Server, number: number) {
  const url = yield* TestDatabase.freshDatabase(server.url)
  const seed = `${values.seed} ${number}`
  const crashed = Effect.andThen(server.stop("immediate"), Effect.orDie(server.restart))
  const began = performance.now()
  const { fetchedAgain, messages, pages, violations } = yield* MailRace.play({
    seed,
    url,
    kills: Number(values.kills),
    workers: Number(values.workers),
    crash: { times: Number(values.restarts), server: crashed },
  }).pipe(
    Effect.provide(google, { local: true }),
    Effect.provide(Store.layerPostgres({ url, masterKeys }), { local: true }),
  )
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${seed}: ${messages} messages in ${pages} pages, ${fetchedAgain} fetched again, ${values.kills} kills, ${values.restarts} crashes of the server, ${seconds} s`,
  )
  for (const violation of violations) console.log(`VIOLATION ${violation}`)
  return violations.length === 0
}, Effect.scoped)

const program = Effect.gen(function* () {
  const server = yield* EmbeddedPostgres.start()
  const numbers = Array.from({ length: Number(values.races) }, (_, index) => index + 1)
  return (yield* Effect.forEach(numbers, (number) => race(server, number))).every(Boolean)
}).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

const isWhole = await Effect.runPromise(program)
console.log(isWhole ? "0 lost, 0 doubled, every view as the log says" : "broken")
process.exit(isWhole ? 0 : 1)
