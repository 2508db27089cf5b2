import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { assert, describe, it } from "@effect/vitest"
import {
  Account,
  Connection,
  Controls,
  EnrichedBooking,
  EnrichmentReview,
  EnrichmentRuns,
  Feed,
} from "@holdfast/domain"

const catalogue = readFileSync(fileURLToPath(new URL("../events.md", import.meta.url)), "utf8")

/** The rows of a section: each type with its fields, in order. */
const rowsOf = (section: string) =>
  [
    ...(catalogue.split(`## ${section}\n`)[1]?.split("\n## ")[0] ?? "").matchAll(/^\| `(\w+)` +\|[^|]+\| (.+?) +\|$/gm),
  ].map(([, type, fields = ""]) => [type, fields.replaceAll("`", "").split(", ")] as const)

describe("The catalogue of events", () => {
  for (const { Event, name } of [
    Connection,
    Feed,
    Account,
    EnrichedBooking,
    EnrichmentReview,
    EnrichmentRuns,
    Controls,
  ]) {
    it(`lists every type of the ${name}, every field, and nothing else`, () => {
      const recorded = Object.entries(Event.cases).map(
        ([type, { fields }]) => [type, Object.keys(fields).filter((field) => field !== "_tag")] as const,
      )
      assert.deepStrictEqual(rowsOf(name), recorded)
    })
  }
})
