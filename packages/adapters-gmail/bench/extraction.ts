/**
 * `npm run bench:extraction -- [--mails N] [--seed N] [--hostile SHARE] [--show-wrong N] [--no-speed]`
 *
 * Measures the extractor on generated mail whose truth is known: what it says wrongly by itself, what it finds, how sure it
 * is against how often it is right, and how fast. Every fifth mail is a trick. Exits with 1 where a bar is missed.
 */
import { parseArgs } from "node:util"

import { Effect } from "effect"

import { ReservationMails } from "../src/testing/index.ts"
import { archived, extractor } from "./extraction/Host.ts"
import * as Memory from "./extraction/Memory.ts"
import * as Report from "./extraction/Report.ts"
import * as Speed from "./extraction/Speed.ts"
import * as Tally from "./extraction/Tally.ts"

const { values: options } = parseArgs({
  options: {
    mails: { type: "string", default: "5000" },
    seed: { type: "string", default: "31" },
    hostile: { type: "string", default: "0.2" },
    "show-wrong": { type: "string", default: "0" },
    "no-speed": { type: "boolean", default: false },
  },
})

const everyNth = Number(options.hostile) > 0 ? Math.round(1 / Number(options.hostile)) : Number.MAX_SAFE_INTEGER
const tally = Tally.empty()
let shown = 0

const show = (seed: number, mail: ReservationMails.Generated, mistakes: ReadonlyArray<string>): void => {
  if (mistakes.length === 0 || shown >= Number(options["show-wrong"])) return
  shown++
  const { hostile, language, truth } = mail
  console.log(`${seed} ${truth.platform} ${language} ${truth.kind}${hostile === undefined ? "" : ` [${hostile}]`}`)
  for (const mistake of mistakes) console.log(`    ${mistake}`)
}

for (let index = 0; index < Number(options.mails); index++) {
  const seed = Number(options.seed) * 1_000_000 + index
  const mail = ReservationMails.generate(seed, { hostile: index % everyNth === 0 })
  const item = await Effect.runPromise(archived(mail))
  show(seed, mail, Tally.count(tally, mail, extractor.extract(item)))
}

const speed = options["no-speed"] ? undefined : await Speed.measure()
const memory = options["no-speed"] ? undefined : await Memory.measure()
const bars = [...Tally.bars(tally), ...(speed === undefined ? [] : Speed.bars(speed)), ...(memory ?? [])]
console.log(Report.of(tally))
console.log(Report.barsOf(bars))
process.exitCode = bars.every(({ holds }) => holds) ? 0 : 1
