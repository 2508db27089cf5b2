/**
 * Everything that can happen to a tenant's bookings, in any order: mails, imports, people's edits and answers, crashes,
 * two runs at once, operators who take back. A model of the calendars and of the people says what must be true after each.
 */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { type Booking } from "../reservations/Bookings.ts"
import * as Enrichment from "../reservations/Enrichment.ts"
import { crashing, Drawn, DrawnStay, fixed, mailOf, stayOf } from "./enrichmentWorlds.ts"
import { caughtUp, hosting, type Mail } from "./hosting.ts"

const which = Schema.Literals([0, 1, 2])

const Happening = Schema.Union([
  Schema.Struct({
    what: Schema.Literal("mails"),
    drawn: Schema.Array(Drawn).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  }),
  Schema.Struct({ what: Schema.Literal("import"), id: which, stay: DrawnStay }),
  Schema.Struct({
    what: Schema.Literal("edit"),
    id: which,
    guestName: Schema.NullOr(Schema.Literals(["Ada", "Corrected"])),
  }),
  Schema.Struct({ what: Schema.Literal("run"), crash: Schema.Literals([0, 0, 1, 2, 3, 5]) }),
  Schema.Struct({ what: Schema.Literal("run twice at once") }),
  Schema.Struct({ what: Schema.Literal("answer"), id: which }),
  Schema.Struct({ what: Schema.Literal("undo") }),
  Schema.Struct({ what: Schema.Literal("reconsider") }),
])

export const Happenings = Schema.Array(Happening).check(Schema.isMaxLength(12))

const fields = ["guestName", "guestCount", "code"] as const

/** A stay as its calendar has it, with what people wrote over it. */
interface Own {
  readonly stay: Booking
  readonly edits: Partial<Pick<Booking, (typeof fields)[number]>>
}

/** What a host's import makes of a stay: what the calendar has not, it does not take away. */
const imported = (own: Own, now: Booking | undefined): Booking => ({
  ...own.stay,
  guestName: own.stay.guestName ?? now?.guestName ?? null,
  guestCount: own.stay.guestCount ?? now?.guestCount ?? null,
  code: own.stay.code ?? now?.code ?? null,
  ...own.edits,
})

export const weather = Effect.fnUntraced(function* (happenings: ReadonlyArray<typeof Happening.Type>) {
  const world = yield* hosting
  const own = new Map<string, Own>()
  const mails: Array<Mail> = []
  const answered = new Set<string>()
  let count = 0

  const happen = Effect.fnUntraced(function* (one: typeof Happening.Type) {
    switch (one.what) {
      case "mails": {
        const some = one.drawn.map((drawn) => mailOf(drawn, count++))
        mails.push(...some)
        return yield* world.deliver(...some)
      }
      case "import": {
        const id = `b${one.id}`
        const now = (yield* world.bookings).find((booking) => booking.id === id)
        const known = own.get(id)
        const { confidence: _, ...drawn } = stayOf({ ...one.stay, edited: false }, one.id)
        const stay: Booking = {
          ...drawn,
          editedByPerson: now?.editedByPerson ?? [],
          guestName: drawn.guestName ?? known?.stay.guestName ?? null,
          code: drawn.code ?? known?.stay.code ?? null,
        }
        const next = { stay, edits: known?.edits ?? {} }
        own.set(id, next)
        return yield* world.feed(imported(next, now))
      }
      case "edit": {
        const id = `b${one.id}`
        const known = own.get(id)
        if (known === undefined) return
        const stay: Booking = { ...known.stay, editedByPerson: ["guestName"] }
        own.set(id, { stay, edits: { guestName: one.guestName } })
        return yield* world.edit(id, { guestName: one.guestName })
      }
      case "run":
        return yield* crashing(one.crash === 0 ? undefined : { step: one.crash, moment: "after" }).untilThrough(
          world.run,
        )
      case "run twice at once": {
        const reconsider = Enrichment.reconsider(world.tenantId)
        const both = Effect.all([Enrichment.run(world.tenantId), reconsider], { concurrency: 2 })
        return yield* Effect.raceFirst(both, Effect.forever(Effect.andThen(caughtUp, Effect.sleep("5 millis"))))
      }
      case "answer": {
        const [question] = yield* world.open
        if (question === undefined) return
        answered.add(question.message_id)
        return yield* Effect.exit(world.resolve(question.review_id, `b${one.id}`))
      }
      case "undo":
        return yield* world.undo()
      case "reconsider":
        return yield* world.reconsider
    }
  })

  const isSure = ({ confidence = 0, decision, sender }: Mail) =>
    confidence >= 0.9 && decision !== "none" && (sender ?? "authentic") === "authentic"
  /** What a field may be: what its owner says; or, where nobody does, what a mail may say by itself or by an answer. */
  const isRightful = (booking: Booking, field: (typeof fields)[number]) => {
    const { edits, stay } = own.get(booking.id) ?? {}
    if (edits?.[field] !== undefined) return booking[field] === edits[field]
    if (stay?.[field] != null) return booking[field] === stay[field]
    const saying = mails.filter((mail) => isSure(mail) || answered.has(mail.id))
    return booking[field] === null || saying.some((mail) => mail[field] === booking[field])
  }

  for (const one of happenings) {
    yield* happen(one)
    const bookings = yield* world.bookings
    assert.deepStrictEqual(
      bookings.map(fixed),
      Array.from(own.values(), ({ stay }) => fixed(stay)).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    for (const booking of bookings) {
      for (const field of fields) {
        assert.isTrue(isRightful(booking, field), JSON.stringify([field, booking, happenings]))
      }
    }
  }

  // What is not so any more may stand until it is looked at; what was taken back may not.
  yield* world.run
  yield* world.undo()
  yield* world.settle
  assert.deepStrictEqual(yield* world.unsettled, [])
  for (const booking of yield* world.bookings) {
    const { edits, stay } = own.get(booking.id) ?? assert.fail(booking.id)
    for (const field of fields) {
      const expected = edits[field] === undefined ? stay[field] : edits[field]
      assert.strictEqual(booking[field], expected, JSON.stringify([field, booking, happenings]))
    }
  }
})
