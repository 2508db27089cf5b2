/**
 * Which booking a mail is about, and what the booking may learn from it.
 *
 * A pure function of what the mails say, of the bookings as they would be without
 * them, and of what people answered. It knows no order: whatever arrives first,
 * and however often it is asked, the same mails and bookings come to the same.
 *
 * ```text
 * code           the code stands in the calendar                    certain; where dates differ, a person is asked too
 * dates          same listing, arrival and departure                if no other stay could be meant
 * arrival        same listing and arrival, departure not said       the same
 * only_calendar  listing not said, but there is only one calendar   the same
 * ```
 *
 * Whatever else is found is a question, and so is every message that says
 * "review", unless the answer would tell nothing. A doubt goes with what says for
 * sure later that the reservation stands or was cancelled, with the stay, or with
 * an answer. Dates are compared and never written; what a person wrote is left
 * alone; a value that is there is replaced only by one that is surer.
 */
import { DateTime } from "effect"

import { type Day } from "../Connection.ts"
import { type ConnectionId } from "../Ids.ts"
import { type Booking, type BookingId, type Calendar, type Field } from "./Bookings.ts"
import { enriching, threshold } from "./ReservationFacts.ts"
import type * as ReservationFactsView from "./ReservationFactsView.ts"

/** Raised with every change after which other bookings may be found or other questions asked: all is decided anew then. */
export const version = 1

/** A message, as the view has it. */
export type Fact = ReservationFactsView.Row

/** What a booking was recognised by. */
export type Match = "code" | "dates" | "arrival" | "only_calendar" | "person"

/** For people, and the host's `enrichment_reason`. */
export const reasonOf: Readonly<Record<Match, string>> = {
  code: "Code Match",
  dates: "Exact Date",
  arrival: "Arrival Date",
  only_calendar: "Exact Date, Only Calendar",
  person: "Confirmed By A Person",
}

/** Why a person is asked. */
export type Doubt =
  /** No booking is known that it could be. It may come yet. */
  | "NO_BOOKING"
  /** Several bookings, or several reservations for one of them. */
  | "AMBIGUOUS"
  /** The message names no listing, and there are several calendars. */
  | "LISTING_UNKNOWN"
  /** The code is that of a booking of another listing. */
  | "OTHER_LISTING"
  /** The bookings on these dates have other codes. */
  | "OTHER_CODE"
  /** It is the booking, but the calendar has it on other dates. */
  | "DATE_MISMATCH"
  /** It is the booking, but messages about it name different guests. */
  | "NAME_CONFLICT"
  /** The message is not sure enough, or not surely from whom it says, or does not say clearly that the stay stands. */
  | "LOW_CONFIDENCE"
  /** The platform says that the reservation was changed, and not how. */
  | "MODIFIED"

/** A message, wherever it is. */
export interface FactRef {
  readonly accountId: Fact["account_id"]
  readonly messageId: Fact["message_id"]
}

/** One field of one booking, and the message that tells it. */
export interface Telling {
  readonly bookingId: BookingId
  readonly field: Field
  readonly value: string | number
  readonly fact: Fact
  readonly confidence: number
  readonly match: Match
  /** All messages that say so, as {@link addressOf} names them: the one that tells it among them. */
  readonly supporters: ReadonlySet<string>
}

/** What a person is asked about a reservation. */
export interface Question {
  readonly doubt: Doubt
  /** The first message about it. */
  readonly fact: Fact
  /** All of them, as {@link addressOf} names them. */
  readonly about: ReadonlySet<string>
  readonly candidates: ReadonlyArray<BookingId>
}

/** Bookings, and all messages that may be about them. */
export interface Situation {
  /** By the host's clock. */
  readonly today: Day
  readonly facts: ReadonlyArray<Fact>
  readonly bookings: ReadonlyArray<Plain>
  /** Which bookings the mail of a connection is about. */
  readonly calendars: ReadonlyMap<ConnectionId, ReadonlyArray<Calendar>>
  /** What people answered, by the message that they were asked about. */
  readonly answers: ReadonlyMap<string, Answer>
  /** Whether what this message says is not applied to this booking any more. */
  readonly isBarred: (bookingId: BookingId, fact: Fact) => boolean
}

/** A booking as it would be if no mail had told anything. */
export interface Plain extends Booking {
  /** Stays that the calendar had it as when mails told of it, where it was moved since. */
  readonly formerly?: ReadonlyArray<Stay> | undefined
}

export interface Stay {
  readonly checkIn: Day
  readonly checkOut: Day
}

export interface Answer {
  /** `none`: it is about none of the bookings. */
  readonly is: BookingId | "none"
  readonly at: DateTime.Utc
}

export interface Decided {
  readonly tellings: ReadonlyArray<Telling>
  readonly questions: ReadonlyArray<Question>
  /** What each message is about, where that is decided. */
  readonly assigned: ReadonlyMap<string, BookingId>
}

/** The name of a message among those of a tenant. */
export const addressOf = ({ account_id, message_id }: Pick<Fact, "account_id" | "message_id">): string =>
  `${account_id} ${message_id}`

/** Whether a message can be about a booking at all: something may be told or asked, or a reservation is another one now. */
export const isRelevant = (fact: Fact): boolean =>
  fact.platform !== null &&
  fact.problem === null &&
  fact.sender !== "forged" &&
  (fact.decision !== "none" || isWithdrawal(fact))

/** Whether a booking may still learn something. */
export const isOpen = ({ checkOut, status }: Booking, today: Day): boolean => status === "live" && checkOut >= today

export const decide = (situation: Situation): Decided => {
  const { bookings, today } = situation
  const placed = place(situation, reservationsOf(situation))
  const tellings = best(placed.flatMap((placement) => tell(situation, placement)))
  const known = new Set(tellings.map(({ bookingId, field }) => `${bookingId} ${field}`))
  const adds = (facts: ReadonlyArray<Fact>, candidates: ReadonlyArray<BookingId>) =>
    bookings.some(
      (booking) =>
        candidates.includes(booking.id) &&
        fields.some(
          (field) =>
            !booking.editedByPerson.includes(field) &&
            !known.has(`${booking.id} ${field}`) &&
            facts.some(
              (fact) =>
                valueOf(fact, field) !== null &&
                valueOf(fact, field) !== booking[field] &&
                (booking[field] === null || certaintyOf(fact, columnOf[field]) > heldBy(booking, field)) &&
                !situation.isBarred(booking.id, fact),
            ),
        ),
    )
  return {
    tellings,
    questions: placed
      .flatMap((placement) => ask(situation, placement, adds).map((question) => ({ question, placement })))
      .flatMap(({ placement, question }) =>
        question.candidates.length === 0 && isOver(placement.reservation, today) ? [] : [question],
      ),
    assigned: new Map(
      placed.flatMap(({ bookings: [first], reservation }) =>
        first === undefined ? [] : reservation.facts.map((fact) => [addressOf(fact), first.id] as const),
      ),
    ),
  }
}

/** What two reservations tell of one booking: first what a person vouched for, then what is surest and was said first. */
const best = (tellings: ReadonlyArray<Telling>): ReadonlyArray<Telling> =>
  [...Map.groupBy(tellings, ({ bookingId, field }) => `${bookingId} ${field}`).values()].flatMap(
    (rivals) =>
      rivals.toSorted(
        (a, b) =>
          Number(b.match === "person") - Number(a.match === "person") ||
          b.confidence - a.confidence ||
          byAge(a.fact, b.fact),
      )[0] ?? [],
  )

/** Messages that are about one stay, and what they say of it together. */
interface Reservation {
  readonly platform: NonNullable<Fact["platform"]>
  readonly code: string | null
  readonly listing: string | null
  readonly guestName: string | null
  readonly rooms: number
  /** The newest that is said first; the departure may be unknown. */
  readonly stays: ReadonlyArray<{ readonly checkIn: Day; readonly checkOut: Day | null }>
  /** What may tell a booking something, by itself or because a person says so, oldest first. */
  readonly facts: ReadonlyArray<Fact>
  /** What only says that the reservation is another one now. */
  readonly modifications: ReadonlyArray<Fact>
  /** Whether any of it is sure enough to be applied by itself. */
  readonly isSure: boolean
  readonly isCancelled: boolean
  /** The last that says for sure that it stands, or that it was cancelled: what was in doubt before is settled by it. */
  readonly stated: Fact | undefined
  /** It may be the same stay as one of several others. */
  readonly isVague: boolean
  /** A person said which stay it is, and the calendar has that no more. */
  readonly isLost: boolean
}

/** Where a reservation was found, or why it was not. */
interface Placement {
  readonly reservation: Reservation
  /** It is about these; several, where it has several rooms. */
  readonly bookings: ReadonlyArray<Plain>
  readonly match: Match
  /** What is nobody else's, whether it learns something from this one or not. */
  readonly taken?: ReadonlyArray<Plain>
  readonly doubts: ReadonlyArray<{ readonly doubt: Doubt; readonly candidates: ReadonlyArray<Plain> }>
}

const fields = ["guestName", "guestCount", "code"] as const satisfies ReadonlyArray<Field>

const columnOf = { guestName: "guest_name", guestCount: "guest_count", code: "confirmation_code" } as const

/** What is known for sure to say that a reservation was cancelled, or changed. */
const isWithdrawal = (fact: Fact) =>
  ((fact.kind === "cancelled" && fact.decision !== "review") || fact.kind === "modified") &&
  fact.sender === "authentic" &&
  fact.confirmation_code !== null &&
  certaintyOf(fact, "confirmation_code") >= threshold.auto

const isDisputed = ({ reasons }: Fact) => reasons.includes("KIND_CONFLICT")

/** It says that a reservation stands, or nobody knows that it does not: somebody has to look where there is no booking. */
const isStatement = (fact: Fact) => (fact.kind !== "reminder" && fact.kind !== "guest_message") || isDisputed(fact)

/** It says that a reservation may be none, or no more: that is in doubt even where everything else is known. */
const isUnsettling = (fact: Fact) => isDisputed(fact) || (!enriching.has(fact.kind) && fact.kind !== "unknown")

const isSure = (fact: Fact) =>
  enriching.has(fact.kind) && fact.decision === "auto" && fact.sender === "authentic" && fact.problem === null

type Known = "guest_name" | "guest_count" | "confirmation_code" | "check_in" | "check_out" | "listing" | "rooms"

const certaintyOf = (fact: Fact, column: Known) => fact.confidences[column] ?? 0

/** A value; not where a message that may be applied by itself is unsure of it. */
const knownOf = <C extends Known>(fact: Fact, column: C): Fact[C] | null =>
  (isSure(fact) || isWithdrawal(fact)) && certaintyOf(fact, column) < threshold.auto ? null : fact[column]

const byAge = (a: Fact, b: Fact) => compare(a.received_at, b.received_at) || compare(addressOf(a), addressOf(b))

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Messages with one code are about one reservation; of the others, those that say the same. */
const reservationsOf = (situation: Situation): ReadonlyArray<Reservation> => {
  const { facts } = situation
  const groups = Map.groupBy(facts.filter(isRelevant).toSorted(byAge), (fact) => {
    const code = knownOf(fact, "confirmation_code")
    if (code !== null) return JSON.stringify([fact.platform, code])
    const name = knownOf(fact, "guest_name")
    return JSON.stringify([
      fact.platform,
      knownOf(fact, "listing"),
      knownOf(fact, "check_in"),
      knownOf(fact, "check_out"),
      name && wordsOf(name),
      // Nothing that is said alike: each stands for itself.
      ...(knownOf(fact, "check_in") === null ? [addressOf(fact)] : []),
    ])
  })
  const apart = [...groups.values()].flatMap((group) => revived(withoutDismissed(situation, group)))
  return joined(situation, apart.map(reservationOf))
}

/** What may say that a reservation stands after all, after it was cancelled, can be believed of nothing before. */
const revived = (group: ReadonlyArray<Fact>): ReadonlyArray<ReadonlyArray<Fact>> => {
  const stated = group.findLast(isStating)
  const since = stated?.kind === "cancelled" ? group.slice(group.indexOf(stated) + 1).filter(isDoubtful) : []
  return [group.filter((fact) => !since.includes(fact)), since].filter(({ length }) => length > 0)
}

/** It says for sure that a reservation stands, or that it was cancelled. */
const isStating = (fact: Fact) =>
  fact.kind === "cancelled"
    ? isWithdrawal(fact)
    : isSure(fact) && (fact.kind === "confirmed" || fact.kind === "alteration_accepted")

const isDoubtful = (fact: Fact) => fact.decision === "review" && fact.kind !== "modified" && isStatement(fact)

/**
 * What a person did not say to be about none of the bookings. That of a message which may not be what it seems says
 * nothing of those that are.
 */
const withoutDismissed = ({ answers }: Situation, group: ReadonlyArray<Fact>): ReadonlyArray<Fact> => {
  const isFirm = (fact: Fact) => isSure(fact) || isWithdrawal(fact)
  const dismissed = group.filter((fact) => answers.get(addressOf(fact))?.is === "none")
  if (dismissed.length === 0) return group
  if (dismissed.some(isFirm)) return []
  const isCovered = coveredBy(answers, dismissed)
  const isChosen = (fact: Fact) => (answers.get(addressOf(fact))?.is ?? "none") !== "none"
  return group.filter((fact) => isFirm(fact) || isChosen(fact) || !isCovered(fact))
}

/** Whether a person who answered about any of these had this one, too: it was asked about, or had been received then. */
const coveredBy = (answers: Situation["answers"], asked: ReadonlyArray<Fact>) => {
  const newest = newestOf(answers, asked)
  const until = newest && DateTime.formatIso(newest.at)
  return (fact: Fact) => answers.has(addressOf(fact)) || (until !== undefined && fact.received_at <= until)
}

const newestOf = (answers: Situation["answers"], asked: ReadonlyArray<Fact>): Answer | undefined =>
  asked.flatMap((fact) => answers.get(addressOf(fact)) ?? []).toSorted((a, b) => DateTime.Order(b.at, a.at))[0]

const reservationOf = (group: ReadonlyArray<Fact>): Reservation => {
  const stated = group.findLast(isStating)
  const facts = group.filter((fact) => fact.kind !== "modified" && !isWithdrawal(fact))
  const sure = facts.filter(isSure)
  const telling = sure.length > 0 ? sure : facts
  const newest = telling.toReversed()
  const said = <C extends Known>(column: C) =>
    newest.map((fact) => knownOf(fact, column)).find((value) => value !== null) ?? null
  const [first] = group
  return {
    platform: first?.platform ?? "pms",
    code: group.map((fact) => knownOf(fact, "confirmation_code")).find((code) => code !== null) ?? null,
    listing: said("listing"),
    guestName: said("guest_name"),
    rooms: Math.max(1, said("rooms") ?? 1),
    stays: staysOf(newest),
    facts,
    modifications: group.filter(({ kind }) => kind === "modified"),
    isSure: sure.length > 0,
    isCancelled: stated?.kind === "cancelled",
    stated,
    isVague: false,
    isLost: false,
  }
}

/** A departure that one message leaves out is that of another one with the same arrival. */
const staysOf = (newest: ReadonlyArray<Fact>): Reservation["stays"] => {
  const departures = new Map<Day, Set<Day>>()
  for (const fact of newest) {
    const checkIn = knownOf(fact, "check_in")
    if (checkIn === null) continue
    const known = departures.get(checkIn) ?? new Set()
    const checkOut = knownOf(fact, "check_out")
    if (checkOut !== null) known.add(checkOut)
    departures.set(checkIn, known)
  }
  return Array.from(departures).flatMap(([checkIn, known]): Reservation["stays"] =>
    known.size === 0 ? [{ checkIn, checkOut: null }] : Array.from(known, (checkOut) => ({ checkIn, checkOut })),
  )
}

/** What has no code joins the one reservation that it is about, where that can be told. */
const joined = (situation: Situation, apart: ReadonlyArray<Reservation>): ReadonlyArray<Reservation> => {
  const whole: Array<Reservation> = []
  for (const one of apart.toSorted((a, b) => saying(b) - saying(a) || compare(nameOf(a), nameOf(b)))) {
    const hosts = one.code === null ? whole.filter((other) => mayBeSame(one, other)) : []
    const [host] = hosts
    if (host === undefined) whole.push(one)
    else if (hosts.length > 1 || !isSamePlace(situation, one, host)) {
      whole.push({ ...one, isSure: false, isVague: true })
    } else {
      const facts = [...host.facts, ...one.facts].toSorted(byAge)
      const stated = [host.stated, one.stated]
        .flatMap((fact) => fact ?? [])
        .toSorted(byAge)
        .at(-1)
      whole[whole.indexOf(host)] = { ...host, facts, stated, guestName: host.guestName ?? one.guestName }
    }
  }
  return whole
}

const saying = ({ code, guestName, isCancelled, isSure, listing, stays }: Reservation) =>
  (isSure ? 32 : 0) +
  (code === null ? 0 : 16) +
  (isCancelled ? 0 : 8) +
  (stays[0]?.checkOut == null ? 0 : 4) +
  (listing === null ? 0 : 2) +
  (guestName === null ? 0 : 1)

const nameOf = ({ code, facts: [first], platform }: Reservation) =>
  `${platform} ${code ?? ""} ${first === undefined ? "" : addressOf(first)}`

/** Whether two reservations begin on one day, and nothing speaks against their being one. */
const mayBeSame = (one: Reservation, other: Reservation) =>
  !other.isCancelled &&
  !other.isVague &&
  isCompatible(one, other) &&
  one.stays.some(({ checkIn }) => other.stays.some((stay) => stay.checkIn === checkIn))

/**
 * Whether they are for one place to sleep, so that what begins there on one day is one stay. One guest may book several
 * listings for the same days; and what Booking.com and property managers call a property may have many rooms.
 */
const isSamePlace = (situation: Situation, one: Reservation, other: Reservation) => {
  const feeds = new Set([one, other].flatMap((each) => calendarsOf(situation, each)).map(({ feed }) => feed))
  if (feeds.size === 1) return true
  const isListing = one.platform === "airbnb" || one.platform === "vrbo"
  const isNamed = one.guestName !== null && other.guestName !== null
  return one.listing !== null && one.listing === other.listing && (isListing || isNamed)
}

const isCompatible = (one: Reservation, other: Reservation) =>
  one.platform === other.platform &&
  agrees(one.code, other.code) &&
  agrees(one.listing, other.listing) &&
  areNamesAlike(one.guestName, other.guestName) &&
  (one.stays.length === 0 ||
    other.stays.length === 0 ||
    one.stays.some((a) => other.stays.some((b) => a.checkIn === b.checkIn && agrees(a.checkOut, b.checkOut))))

const agrees = (one: string | null, other: string | null) => one === null || other === null || one === other

/** A first name is like the whole name. */
const areNamesAlike = (one: string | null, other: string | null) => {
  if (one === null || other === null) return true
  const [shorter = [], longer = []] = [wordsOf(one), wordsOf(other)].toSorted((a, b) => a.length - b.length)
  return shorter.every((word, at) => word === longer[at])
}

const wordsOf = (name: string) => name.normalize("NFKC").toLowerCase().trim().split(/\s+/u)

/** Over, or from so long ago that nobody would know. */
const isOver = ({ facts, modifications, stays }: Reservation, today: Day) => {
  const last = stays
    .map(({ checkIn, checkOut }) => checkOut ?? checkIn)
    .toSorted()
    .at(-1)
  if (last !== undefined) return last < today
  const received = [...facts, ...modifications]
    .map(({ received_at }) => received_at)
    .toSorted()
    .at(-1)
  return received !== undefined && received < DateTime.formatIso(DateTime.subtract(DateTime.makeUnsafe(today), old))
}

/** Nobody can book longer ahead. */
const old = { days: 730 }

const place = (situation: Situation, reservations: ReadonlyArray<Reservation>): ReadonlyArray<Placement> => {
  const placed: Array<Placement> = []
  const rest: Array<Reservation> = []
  for (const reservation of reservations) {
    const placement = answered(situation, reservation) ?? byCode(situation, reservation)
    if (placement !== undefined) placed.push(placement)
    else if (!reservation.isCancelled) rest.push(isAnswered(situation, reservation) ? lost(reservation) : reservation)
  }
  const taken = new Set(placed.flatMap(({ bookings, taken = bookings }) => taken))
  const sought = rest.map((reservation) => near(situation, reservation))
  for (const one of sought) {
    const meets = (found: ReadonlyArray<Plain>) => (other: Near) =>
      other !== one && !other.reservation.isLost && other.found.some((booking) => found.includes(booking))
    // What another reservation is about is no question for one whose stay was cancelled.
    const isAnswered = sought.some(meets(one.since ?? []))
    placed.push(byDates(isAnswered ? { ...one, since: [] } : one, sought.filter(meets(one.found)), taken))
  }
  return placed
}

const messagesOf = ({ facts, modifications }: Reservation) => [...facts, ...modifications]

const isAnswered = ({ answers }: Situation, reservation: Reservation) =>
  newestOf(answers, messagesOf(reservation)) !== undefined

/** Nothing tells by itself where it has gone: a person said that it was no other one. */
const lost = (reservation: Reservation): Reservation => ({ ...reservation, isSure: false, isVague: true, isLost: true })

/** It is what a person said it is, as long as the calendar has that. */
const answered = ({ answers, bookings, today }: Situation, reservation: Reservation): Placement | undefined => {
  const newest = newestOf(answers, messagesOf(reservation))
  if (newest === undefined) return undefined
  const none = { reservation, bookings: [], match: "person", doubts: [] } as const
  // Only the calendar knows for sure that a stay which was cancelled is this one.
  if (reservation.isCancelled) return none
  const chosen = bookings.find(({ id, status }) => id === newest.is && status !== "cancelled")
  if (chosen === undefined) return undefined
  if (!isOpen(chosen, today)) return none
  const rooms = bookings.filter((booking) => isOpen(booking, today) && isBeside(booking, chosen))
  return { ...none, bookings: rooms.length === reservation.rooms ? rooms : [chosen] }
}

/** Another room of the same reservation, as far as the calendar tells. */
const isBeside = (one: Booking, other: Booking) =>
  one.platform === other.platform && one.feed === other.feed && isOn(one, other) && agrees(one.code, other.code)

/**
 * What the calendar calls by its code is told who booked it, even if that is cancelled: that it is there no more is the
 * calendar's to say, and then nobody is asked.
 */
const byCode = ({ bookings, today }: Situation, reservation: Reservation): Placement | undefined => {
  const { code, isCancelled, listing, platform, rooms, stays } = reservation
  const coded = bookings.filter((booking) => code !== null && booking.code === code && booking.platform === platform)
  if (coded.length === 0) return undefined
  const none = { reservation, bookings: [], match: "code", taken: coded, doubts: [] } as const
  const open = coded.filter((booking) => isOpen(booking, today))
  const doubting = (doubt: Doubt): Placement => ({ ...none, doubts: isCancelled ? [] : [{ doubt, candidates: open }] })
  if (open.length === 0) return none
  if (reservation.facts.length === 0) return { ...none, bookings: open }
  if (!reservation.isSure) return doubting("LOW_CONFIDENCE")
  if (open.some((booking) => !agrees(listing, booking.listing))) return doubting("OTHER_LISTING")
  if (open.length > 1 && open.length !== rooms) return doubting("AMBIGUOUS")
  const [newest] = stays
  const isMoved = !isCancelled && newest !== undefined && open.some((booking) => !isOn(newest, booking))
  return { ...none, bookings: open, doubts: isMoved ? [{ doubt: "DATE_MISMATCH", candidates: open }] : [] }
}

const isOn = ({ checkIn, checkOut }: Reservation["stays"][number], stay: Stay) =>
  stay.checkIn === checkIn && (checkOut === null || stay.checkOut === checkOut)

interface Near {
  readonly reservation: Reservation
  /** Without another code, of the listing where that can be told. */
  readonly found: ReadonlyArray<Plain>
  /** On these dates, with whatever code. */
  readonly there: ReadonlyArray<Plain>
  readonly match: Match
  /** `moved`: the calendar had it there when it was told of. `earlier`: the reservation was there, and is not now. */
  readonly dates: "same" | "moved" | "earlier"
  /** Whether it is known which listing is meant, or there is only one. */
  readonly isListed: boolean
  /** The stay that is meant was cancelled; what has the dates since is here. */
  readonly since: ReadonlyArray<Plain> | undefined
}

/** The stays that may be meant, of the newest dates on which there are any. */
const near = (situation: Situation, reservation: Reservation): Near => {
  const { bookings, today } = situation
  const { code, listing, platform, stays } = reservation
  const feeds = new Set(calendarsOf(situation, reservation).map(({ feed }) => feed))
  const possible = bookings.filter(
    (booking) => booking.platform === platform && feeds.has(booking.feed) && agrees(listing, booking.listing),
  )
  const on = (stay: Reservation["stays"][number], dates: Near["dates"]): Near => {
    const thereEver = possible.filter((booking) =>
      dates === "moved" ? (booking.formerly ?? []).some((former) => isOn(stay, former)) : isOn(stay, booking),
    )
    const bygone = thereEver.filter((booking) => wasFor(booking, reservation))
    const open = thereEver.filter((booking) => isOpen(booking, today))
    const isLater = (booking: Plain) => bygone.some(({ since }) => DateTime.isLessThan(since, booking.since))
    const there = open.filter((booking) => !isLater(booking))
    const free = code === null ? there : there.filter((booking) => booking.code === null)
    const listed = free.filter((booking) => listing !== null && booking.listing === listing)
    return {
      reservation,
      found: listed.length > 0 ? listed : free,
      there,
      match: stay.checkOut === null ? "arrival" : listed.length > 0 ? "dates" : "only_calendar",
      dates,
      isListed: listed.length > 0 || feeds.size === 1,
      since: bygone.length > 0 ? open.filter(isLater) : undefined,
    }
  }
  const looks = stays.flatMap((stay, age) =>
    age === 0 ? [on(stay, "same"), on(stay, "moved")] : [on(stay, "earlier")],
  )
  return (
    looks.find(({ found }) => found.length > 0) ??
    looks.find(({ since, there }) => since !== undefined || there.length > 0) ?? {
      reservation,
      found: [],
      there: [],
      match: "dates",
      dates: "same",
      isListed: false,
      since: undefined,
    }
  )
}

/** Whether it is a stay that was cancelled since, and came into the calendar after the reservation was told of. */
const wasFor = ({ code, since, status }: Plain, { code: told, facts: [first] }: Reservation) =>
  status === "cancelled" && agrees(code, told) && first !== undefined && first.received_at <= DateTime.formatIso(since)

const calendarsOf = ({ calendars }: Situation, { facts, platform }: Reservation) =>
  [...new Set(facts.map(({ connection_id }) => connection_id))]
    .flatMap((id) => calendars.get(id) ?? [])
    .filter((calendar) => calendar.platform === platform)

const byDates = (one: Near, rivals: ReadonlyArray<Near>, taken: ReadonlySet<Plain>): Placement => {
  const { dates, found, isListed, match, reservation, since, there } = one
  const none = { reservation, bookings: [], match, doubts: [] } as const
  const doubting = (doubt: Doubt, candidates = found): Placement => ({ ...none, doubts: [{ doubt, candidates }] })
  if (found.length === 0 && there.length > 0) return doubting("OTHER_CODE", there)
  if (found.length === 0 && since === undefined) return reservation.isLost ? none : doubting("NO_BOOKING")
  if (found.length === 0) return since === undefined || since.length === 0 ? none : doubting("AMBIGUOUS", since)
  if (reservation.isVague) return doubting("AMBIGUOUS")
  if (!reservation.isSure) return doubting("LOW_CONFIDENCE")
  const isContested =
    found.some((booking) => taken.has(booking)) ||
    rivals.some((other) => other.reservation.isSure || !isCompatible(other.reservation, reservation))
  const isOneStay = found.every(({ checkOut }) => checkOut === found[0]?.checkOut)
  if (isContested || found.length !== reservation.rooms || !isOneStay) return doubting("AMBIGUOUS")
  if (!isListed) return doubting("LISTING_UNKNOWN")
  if (dates === "earlier") return doubting("DATE_MISMATCH")
  return { ...none, bookings: found, doubts: dates === "moved" ? [{ doubt: "DATE_MISMATCH", candidates: found }] : [] }
}

/** What the bookings of a reservation learn from it. */
const tell = ({ answers, isBarred }: Situation, { bookings, match, reservation }: Placement): ReadonlyArray<Telling> =>
  bookings.flatMap((booking) => {
    const isVouchedFor = (fact: Fact) => answers.get(addressOf(fact))?.is === booking.id
    const sources = reservation.facts.filter(
      (fact) => (isSure(fact) || isVouchedFor(fact)) && !isBarred(booking.id, fact),
    )
    const certainty = (fact: Fact, field: Field) => (isVouchedFor(fact) ? 1 : certaintyOf(fact, columnOf[field]))
    return fields.flatMap((field): ReadonlyArray<Telling> => {
      if (booking.editedByPerson.includes(field)) return []
      // How many of a party sleep in which of its rooms is not said.
      if (field === "guestCount" && bookings.length > 1) return []
      const saying = sources.filter((fact) => valueOf(fact, field) !== null && certainty(fact, field) >= threshold.auto)
      const ranked = surest(saying, certainty, field)
      const fact = field === "guestName" ? fullest(ranked) : ranked[0]
      const value = fact && valueOf(fact, field)
      if (fact === undefined || value === undefined || value === null || value === booking[field]) return []
      const confidence = certainty(fact, field)
      if (confidence <= heldBy(booking, field)) return []
      const supporters = new Set(saying.filter((fact) => valueOf(fact, field) === value).map(addressOf))
      return [{ bookingId: booking.id, field, value, fact, confidence, match, supporters }]
    })
  })

const valueOf = (fact: Fact, field: Field) => fact[columnOf[field]]

/** How sure a booking is of what it says itself. */
const heldBy = (booking: Booking, field: Field) => (booking[field] === null ? 0 : (booking.confidence?.[field] ?? 1))

/** Of those that are equally sure, what was said first. */
const surest = (
  facts: ReadonlyArray<Fact>,
  certainty: (fact: Fact, field: Field) => number,
  field: Field,
): ReadonlyArray<Fact> => facts.toSorted((a, b) => certainty(b, field) - certainty(a, field) || byAge(a, b))

/** The whole name, where the surest message has the first name only. */
const fullest = (surest: ReadonlyArray<Fact>): Fact | undefined => {
  const [first] = surest
  const longer = surest
    .filter(({ guest_name }) => areNamesAlike(guest_name, first?.guest_name ?? null))
    .toSorted((a, b) => wordsOf(b.guest_name ?? "").length - wordsOf(a.guest_name ?? "").length)
  return longer[0]
}

/** What a person is asked about a reservation; nothing where the answer would tell nothing. */
const ask = (
  { answers }: Situation,
  { bookings, doubts, reservation }: Placement,
  adds: (facts: ReadonlyArray<Fact>, candidates: ReadonlyArray<BookingId>) => boolean,
): ReadonlyArray<Question> => {
  const { facts, isCancelled, isSure: sure, modifications, stated } = reservation
  const messages = messagesOf(reservation)
  const [first] = messages
  const about = new Set(messages.map(addressOf))
  const asking = (doubt: Doubt, fact: Fact | undefined, candidates: ReadonlyArray<BookingId>) =>
    fact === undefined ? [] : [{ doubt, fact, about, candidates }]
  const isCovered = coveredBy(answers, messages)
  const isUnsettled = (fact: Fact) => (stated === undefined || byAge(stated, fact) < 0) && !isCovered(fact)
  const unsettling = facts.find((fact) => isUnsettling(fact) && isUnsettled(fact))
  const isStated = messages.some(isStatement)
  const questions = doubts.flatMap(({ candidates, doubt }) => {
    const ids = candidates.map(idOf).toSorted()
    const isNowhere = doubt === "NO_BOOKING" || doubt === "OTHER_CODE"
    const isWorthIt = sure || unsettling !== undefined || (isNowhere && isStated) || adds(facts, ids)
    return isWorthIt ? asking(doubt, first, ids) : []
  })
  if (bookings.length === 0 || isCancelled) return questions
  const ids = bookings.map(idOf).toSorted()
  const named = facts.filter((fact) => isSure(fact) && knownOf(fact, "guest_name") !== null)
  const isOneName =
    named.every(isCovered) || named.every((a) => named.every((b) => areNamesAlike(a.guest_name, b.guest_name)))
  const adding = facts.find((fact) => !isSure(fact) && !answers.has(addressOf(fact)) && adds([fact], ids))
  return [
    ...questions,
    ...(isOneName ? [] : asking("NAME_CONFLICT", first, ids)),
    ...asking("LOW_CONFIDENCE", adding ?? unsettling, ids),
    ...asking("MODIFIED", modifications.find(isUnsettled), ids),
  ]
}

const idOf = ({ id }: Booking) => id
