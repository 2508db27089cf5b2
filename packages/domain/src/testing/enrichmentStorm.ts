/**
 * Everything that can happen to a tenant's bookings, in any order: mails to two mailboxes, imports, calendars that leave
 * a stay out or call it by another name, people's edits and answers, crashes, two runs at once, operators who take back
 * and turn off, a mailbox that is forgotten. A model of the calendars and of the people says what must be true after each.
 */
import { assert } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"

import * as Controls from "../Controls.ts"
import { type Booking, BookingId } from "../reservations/Bookings.ts"
import * as Enrichment from "../reservations/Enrichment.ts"
import type * as EnrichmentsView from "../reservations/EnrichmentsView.ts"
import { by, crashing, Drawn, DrawnStay, fixed, mailOf, stayOf } from "./enrichmentWorlds.ts"
import { caughtUp, hosting, hostingIn, type Mail, stay, today } from "./hosting.ts"

const which = Schema.Literals([0, 1, 2])

const Mails = Schema.Struct({
  what: Schema.Literal("mails"),
  drawn: Schema.Array(Drawn).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  isOther: Schema.Boolean,
})

const Import = Schema.Struct({ what: Schema.Literal("import"), id: which, stay: DrawnStay })

const Happening = Schema.Union([
  // Most of what happens.
  Mails,
  Mails,
  Import,
  Import,
  Schema.Struct({ what: Schema.Literal("left out"), id: which, isRenamed: Schema.Boolean }),
  Schema.Struct({ what: Schema.Literal("back"), id: which }),
  Schema.Struct({
    what: Schema.Literal("edit"),
    id: which,
    guestName: Schema.NullOr(Schema.Literals(["Ada", "Corrected"])),
  }),
  Schema.Struct({ what: Schema.Literal("run"), crash: Schema.Literals([0, 0, 1, 2, 3, 5]) }),
  Schema.Struct({ what: Schema.Literal("run twice at once") }),
  Schema.Struct({ what: Schema.Literal("answer"), id: which, isNone: Schema.Literals([false, false, true]) }),
  Schema.Struct({
    what: Schema.Literal("undo"),
    isOther: Schema.NullOr(Schema.Boolean),
    extractor: Schema.NullOr(Schema.Literals([1, 2])),
    isLater: Schema.Literals([false, false, true]),
    dryRun: Schema.Literals([false, false, true]),
  }),
  Schema.Struct({ what: Schema.Literal("turn"), isOn: Schema.Boolean }),
  Schema.Struct({ what: Schema.Literal("forget") }),
  Schema.Struct({ what: Schema.Literal("reconsider") }),
])

export const Happenings = Schema.Array(Happening).check(Schema.isMaxLength(16))

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
  const other = yield* hostingIn(world.tenantId)
  const elsewhere = yield* hosting
  const nobodys = stay("b0", { code: "HMTEST0001" })
  yield* elsewhere.have(nobodys)
  const own = new Map<string, Own>()
  const mails: Array<Mail> = []
  const answered = new Set<string>()
  /** Bookings whose histories went with a mailbox. */
  const forgotten = new Set<string>()
  let isForgotten = false
  let isOn = true
  let count = 0

  const read = Effect.fnUntraced(function* (id: string, next: Own) {
    const now = (yield* world.bookings).find((booking) => booking.id === id)
    own.set(id, next)
    return yield* world.feed(imported(next, now))
  })

  const happen = Effect.fnUntraced(function* (one: typeof Happening.Type) {
    switch (one.what) {
      case "mails": {
        if (one.isOther && isForgotten) return
        const some = one.drawn.map((drawn) => mailOf(drawn, count++))
        mails.push(...some)
        return yield* (one.isOther ? other : world).deliver(...some)
      }
      case "import": {
        const id = `b${one.id}`
        const known = own.get(id)
        const { confidence: _, ...drawn } = stayOf({ ...one.stay, edited: false }, one.id)
        const stay: Booking = {
          ...drawn,
          editedByPerson: known?.stay.editedByPerson ?? [],
          guestName: drawn.guestName ?? known?.stay.guestName ?? null,
          code: drawn.code ?? known?.stay.code ?? null,
        }
        return yield* read(id, { stay, edits: known?.edits ?? {} })
      }
      case "left out": {
        const known = own.get(`b${one.id}`)
        if (known === undefined) return
        yield* Effect.exit(read(`b${one.id}`, { ...known, stay: { ...known.stay, status: "cancelled" } }))
        if (!one.isRenamed || own.has(`b${one.id}again`)) return
        const id = BookingId.make(`b${one.id}again`)
        return yield* read(id, { stay: { ...known.stay, id, editedByPerson: [], since: today }, edits: {} })
      }
      case "back": {
        const known = own.get(`b${one.id}`)
        return known && (yield* read(`b${one.id}`, { ...known, stay: { ...known.stay, status: "live" } }))
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
        return yield* Effect.exit(world.resolve(question.review_id, one.isNone ? "none" : `b${one.id}`))
      }
      case "undo":
        return yield* takenBack({
          since: one.isLater ? DateTime.add(today, { minutes: 1 }) : DateTime.makeUnsafe(0),
          ...(one.isOther !== null && { connection: (one.isOther ? other : world).connectionId }),
          ...(one.extractor !== null && { extractor: one.extractor }),
          dryRun: one.dryRun,
        })
      case "reconsider":
        return yield* world.reconsider
      case "turn": {
        const scope = { kind: "enrichment" } as const
        const turn = one.isOn ? ({ _tag: "Enable" } as const) : ({ _tag: "Disable", reason: "a drill" } as const)
        yield* Controls.turn(world.tenantId, { ...turn, at: today, scope }, by)
        isOn = one.isOn
        return
      }
      case "forget": {
        if (isForgotten) return
        for (const { booking_id } of yield* ever) forgotten.add(booking_id)
        isForgotten = true
        return yield* other.forget
      }
    }
  })

  const told = Effect.fnUntraced(function* () {
    yield* caughtUp
    return (yield* Effect.forEach([...own.keys()], (id) => world.enrichments(id))).flat()
  })
  const ever = Effect.map(Effect.suspend(told), (rows) =>
    rows.filter(({ connection_id }) => connection_id === other.connectionId),
  )

  /** It is all of what was asked for and nothing else, and it is written as soon as that may happen. */
  const takenBack = Effect.fnUntraced(function* (undoing: Partial<Enrichment.Undoing>) {
    const { connection, dryRun = false, extractor, since = DateTime.makeUnsafe(0) } = undoing
    const before = yield* told()
    const meant = before.filter(
      ({ connection_id, enriched_at, extractor: by, status }) =>
        (status === "applied" || status === "intended") &&
        (connection === undefined || connection_id === connection) &&
        (extractor === undefined || by === extractor) &&
        enriched_at >= DateTime.formatIso(since),
    )
    const nameOf = ({ booking_id, number }: EnrichmentsView.Row) => `${booking_id} ${number}`
    const undone = yield* world.undo(undoing)
    assert.deepStrictEqual(
      undone.map(({ bookingId, enrichment }) => `${bookingId} ${enrichment.number}`).toSorted(),
      meant.map(nameOf).toSorted(),
    )
    const after = yield* told()
    if (dryRun) return assert.deepStrictEqual(after, before)
    if (!isOn) return
    yield* world.settle
    const names = new Set(meant.map(nameOf))
    for (const row of yield* told()) if (names.has(nameOf(row))) assert.strictEqual(row.status, "taken_back")
  })

  const isSure = ({ confidence = 0, decision, sender }: Mail) =>
    confidence >= 0.9 && decision === undefined && sender === "authentic"
  /** It may say for sure that what has this code stands, or that it was cancelled. */
  const isStating = ({ code, decision, kind }: Mail, of: string) =>
    (code === of || code === null) &&
    ((decision === undefined && (kind === "confirmed" || kind === "alteration_accepted")) ||
      (decision === "none" && kind === "cancelled"))
  /** What a field may be: what its owner says; or, where nobody does, what a mail may say by itself or by an answer. */
  const isRightful = (booking: Booking, field: (typeof fields)[number]) => {
    const { edits, stay } = own.get(booking.id) ?? {}
    if (edits?.[field] !== undefined) return booking[field] === edits[field]
    if (stay?.[field] != null) return booking[field] === stay[field]
    const saying = mails.filter((mail) => isSure(mail) || answered.has(mail.id))
    return booking[field] === null || saying.some((mail) => mail[field] === booking[field])
  }

  for (const one of happenings) {
    yield* happen(one).pipe(
      Effect.catchIf(
        (error) => error._tag === "SyncDisabled" && !isOn,
        () => Effect.void,
      ),
    )
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

  yield* happen({ what: "turn", isOn: true })
  yield* world.run
  yield* world.reconsider
  const open = yield* world.open
  for (const { code } of mails.filter(({ kind, reasons }) => kind !== "modified" && reasons?.length === 1)) {
    if (code == null || isForgotten || mails.some((mail) => answered.has(mail.id) || isStating(mail, code))) continue
    const [stay, ...more] = [...own.values()].flatMap(({ stay }) => (stay.code === code ? stay : []))
    if (stay?.status !== "live" || more.length > 0) continue
    assert.isTrue(
      open.some(({ candidates }) => candidates.includes(stay.id)),
      JSON.stringify([code, open, happenings]),
    )
  }

  // What is not so any more may stand until it is looked at; what was taken back may not.
  yield* world.undo()
  yield* world.settle
  assert.deepStrictEqual(yield* world.unsettled, [])
  for (const booking of yield* world.bookings) {
    if (forgotten.has(booking.id)) continue
    const { edits, stay } = own.get(booking.id) ?? assert.fail(booking.id)
    for (const field of fields) {
      const expected = edits[field] === undefined ? stay[field] : edits[field]
      assert.strictEqual(booking[field], expected, JSON.stringify([field, booking, happenings]))
    }
  }
  assert.deepStrictEqual(yield* elsewhere.bookings, [nobodys])
  assert.deepStrictEqual(yield* elsewhere.open, [])
})
