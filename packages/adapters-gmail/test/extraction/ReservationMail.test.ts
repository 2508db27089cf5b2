import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"

import { archived } from "../../bench/extraction/Host.ts"
import * as ReservationMail from "../../src/extraction/ReservationMail.ts"
import { Mails } from "../../src/testing/index.ts"

const receivedAt = DateTime.makeUnsafe("2026-11-20T10:00:00Z")

/** A mail of Airbnb's about an alteration, of which only the template says what became of it. */
const alteration = (template: string) =>
  archived({
    receivedAt,
    raw: Mails.mailOf({
      from: "Airbnb <automated@airbnb.com>",
      subject: "About your reservation",
      text: "Reservation HMTEST0001\r\n",
      date: new Date("2026-11-19T08:00:00Z"),
      headers: {
        "Authentication-Results": "mx.google.com; dkim=pass header.d=airbnb.com",
        "X-Template": template,
      },
    }),
  })

describe("A message as the views read it", () => {
  it.effect("was received when Google says, not when it was dated or recorded", () =>
    Effect.gen(function* () {
      const item = yield* alteration("reservation/host_alteration_accepted")
      assert.deepStrictEqual(ReservationMail.extractor.receivedAt?.(item), receivedAt)
    }),
  )

  for (const template of ["reservation/host_alteration_accepted", "alteration/accepted", "Alteration-Accepted"]) {
    it.effect(`is what its template says, however that is written: ${template}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(ReservationMail.extractor.extract(yield* alteration(template)).kind, "alteration_accepted")
      }),
    )
  }
})
