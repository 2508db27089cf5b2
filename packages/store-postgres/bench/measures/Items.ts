/**
 * Items that are delivered again, matched with those that are held: time, memory, and how both grow.
 */
import { Effect, Schema } from "effect"

import * as Child from "../Child.ts"
import { median } from "../Contest.ts"
import { type Measure } from "../Measure.ts"
import { type Finding } from "../Report.ts"

export const items: Measure = {
  number: 11,
  title: "item matching",
  run: Effect.fn("Items")(function* ({ quick }) {
    const scale = quick ? 100 : 1
    const findings: Array<Finding> = []
    for (const [shape, amounts] of [
      ["various amounts", 9_973],
      ["forty amounts", 40],
      ["one amount", 1],
    ] as const) {
      const whole = yield* matched(5_000 / scale, 50_000 / scale, amounts)
      const double = yield* matched(10_000 / scale, 100_000 / scale, amounts)
      const what = `items ${(5_000 / scale).toLocaleString("en")} × ${(50_000 / scale).toLocaleString("en")}, ${shape}`
      const growth = median(double.cpu) / median(whole.cpu)
      findings.push(
        {
          measure: 11,
          what,
          unit: "ms",
          samples: whole.millis,
          cpu: whole.cpu,
          bar: { atMost: 1_000 },
          note: `${whole.merged.toLocaleString("en")} recognised; of twice as many: ${growth.toFixed(1)}×`,
        },
        { measure: 11, what: `${what}, peak memory`, unit: "MB", samples: [whole.megabytes], bar: { atMost: 200 } },
      )
    }
    return findings
  }),
}

const Answer = Schema.fromJsonString(
  Schema.Struct({
    millis: Schema.Array(Schema.Number),
    cpu: Schema.Array(Schema.Number),
    merged: Schema.Number,
    megabytes: Schema.Number,
  }),
)

const matched = (delivered: number, held: number, amounts: number) =>
  Effect.map(
    Child.answer("ItemsChild.ts", [`${delivered}`, `${held}`, `${amounts}`], ["--expose-gc"]),
    Schema.decodeUnknownSync(Answer),
  )
