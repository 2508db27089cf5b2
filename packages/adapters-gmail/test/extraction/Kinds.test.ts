import { assert, describe, it } from "@effect/vitest"

import * as Kinds from "../../src/extraction/Kinds.ts"
import { type Phrases, phrases, turns } from "../../src/extraction/SubjectPhrases.ts"

const whole = (kinds: Phrases, ...names: ReadonlyArray<keyof Phrases>) =>
  names.flatMap((name) => kinds[name] ?? []).filter((phrase) => !phrase.includes("…"))

describe("A subject that confirms", () => {
  for (const [language, kinds] of Object.entries(phrases)) {
    const confirmations = whole(kinds, "confirmed")
    if (confirmations.length === 0) continue

    it(`is believed where nothing follows but who comes (${language})`, () => {
      for (const confirmation of confirmations) {
        const phrase = Kinds.phraseOf(`${confirmation}: Ada Testwell`)
        assert.strictEqual(phrase?.kind, "confirmed", confirmation)
        assert.isFalse(phrase?.isQualified, confirmation)
      }
    })

    it(`is not believed where what follows takes it back (${language})`, () => {
      assert.property(turns, language)
      for (const confirmation of confirmations) {
        for (const end of whole(kinds, "cancelled", "alteration_declined")) {
          const phrase = Kinds.phraseOf(`${confirmation}: Ada Testwell ${end}`)
          assert.isTrue(phrase?.kind !== "confirmed" || phrase.isQualified, `${confirmation} ${end}`)
        }
      }
    })
  }
})
