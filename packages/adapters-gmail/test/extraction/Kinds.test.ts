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

describe("A subject that speaks of a new booking", () => {
  const isBelieved = (subject: string) => {
    const phrase = Kinds.phraseOf(subject)
    return phrase?.kind === "confirmed" && !phrase.isQualified
  }

  it("is not believed where what follows makes it another thing, or one that does not stand yet", () => {
    for (const subject of [
      "New booking tips",
      "New bookings this week",
      "New booking widget available",
      "New Booking Opportunities",
      "New booking - waitlisted",
      "New booking: no payment received",
      "Neue Buchungen diese Woche",
      "Neue Buchung – Zahlung ausstehend",
      "Nueva reserva pendiente de aprobación",
      "Nuova prenotazione da confermare",
      "Nova reserva a aguardar confirmação",
      "Nieuwe boeking wacht op goedkeuring",
      "Nowa rezerwacja oczekuje na potwierdzenie",
    ]) {
      assert.isFalse(isBelieved(subject), subject)
    }
  })

  it("is believed where what follows leads to the guest, the home, the number or the day", () => {
    for (const subject of [
      "New booking from Ada Testwell",
      "New booking received via Airbnb",
      "New booking: villa rosa",
      "New booking, 5 Dec 2026",
      "New Booking - Option House",
      "Booking confirmation no. 12345",
      "Neue Buchung von Bruno Beispiel",
      "Neue Buchung eingegangen",
      "Nouvelle réservation de Zoë",
      "Nueva reserva en Casa Sol",
      "Nuova prenotazione da Ada",
      "Nova reserva de Ada",
      "Nieuwe boeking van Ada",
    ]) {
      assert.isTrue(isBelieved(subject), subject)
    }
  })
})
