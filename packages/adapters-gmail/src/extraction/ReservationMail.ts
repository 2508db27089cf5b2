/**
 * The facts of a reservation mail: a pure function of the message on the tape.
 *
 * ```text
 * who sent it ─▶ whose mail it is ─▶ what it is for ─▶ what it says, by whom ─▶ do they agree ─▶ how sure ─▶ what may be done
 * ```
 *
 * Every value names the places it was found in. Places that contradict each other leave nothing; what would have to be
 * guessed is null, or worth no more than a question. A sender who is not proved can never be applied without a person.
 */
import {
  type Extractor,
  enriching,
  type Kind,
  type Platform,
  type ReservationFacts,
  threshold,
} from "@holdfast/domain/reservations/ReservationFacts"
import { DateTime } from "effect"

import * as Tape from "../Tape.ts"
import * as Airbnb from "./Airbnb.ts"
import * as Authenticity from "./Authenticity.ts"
import * as BookingCom from "./BookingCom.ts"
import * as Days from "./Days.ts"
import * as Evidence from "./Evidence.ts"
import * as Html from "./Html.ts"
import * as Kinds from "./Kinds.ts"
import * as Links from "./Links.ts"
import * as LocalDates from "./LocalDates.ts"
import { once } from "./Once.ts"
import * as PartySize from "./PartySize.ts"
import * as PropertyManagers from "./PropertyManagers.ts"
import * as Reading from "./Reading.ts"
import * as Statements from "./Statements.ts"
import * as Structured from "./Structured.ts"
import * as Text from "./Text.ts"
import * as Vrbo from "./Vrbo.ts"
import { type Weighed, weigh, type Witness, worth } from "./Witness.ts"

/** Raised with every change after which a mail may give other facts. */
export const version = 4

export interface Options {
  /**
   * The domains that booking engines of the host's property managers send from. Mail of any other is never applied
   * without a person, however well it is signed.
   */
  readonly trusted?: ReadonlyArray<string>
}

/** Reads the items of a Gmail feed. */
export const make = (options: Options = {}): Extractor => ({
  version,
  receivedAt: (item) => Tape.decode(item).internalDate,
  extract: (item) => extract(Tape.decode(item), options),
})

/** Trusts the platforms alone. */
export const extractor: Extractor = make()

/** What a message says of a reservation. Total, and linear in the length of the message. */
export const extract = (message: Tape.Message, options: Options = {}): ReservationFacts => {
  const { mail } = message
  if (mail === null) return nothing({ sender: "unproven", reasons: ["UNREADABLE"] })
  const judged = Authenticity.judge(mail, options.trusted ?? [])
  const { sender } = judged
  if (sender === "forged") return nothing({ sender, reasons: judged.reasons })
  const headers = (name: string) => mail.headers.flatMap(([key, value]) => (key === name ? [value] : []))
  const header = (name: string) => headers(name)[0]
  const page = mail.fullHtml === "" ? noPage : Html.read(Reading.markedHtml(mail.fullHtml))
  const reading = Reading.of({
    subject: mail.subject ?? "",
    text: mail.fullText,
    page,
    mayForward: judged.platform === null,
  })
  const structured = Structured.read(reading.structured)
  const { evidence, isHosts, platform, status, templates } = platformAndEvidence(judged, reading, structured, header)
  const forwarded = reading.isForward ? ["FORWARDED"] : []
  if (platform === null) return nothing({ sender, reasons: [...judged.reasons, ...forwarded] })
  const { kind, reasons: doubts } = kindOf(platform, judged, reading, { isHosts, status, templates }, headers)
  const first = { platform, kind, sender }
  const noText = reading.parts.length === 0 ? ["NO_TEXT"] : []
  const isDisputed = doubts.includes("KIND_CONFLICT")
  if (silent.has(kind) || (kind === "unknown" && !isDisputed && !isTold(evidence()))) {
    return nothing({ ...first, reasons: [...judged.reasons, ...forwarded, ...doubts, ...noText] })
  }
  const values = weighAll(isDisputed ? evidence() : withoutHearsay(evidence(), platform, kind), kind, {
    received: DateTime.formatIsoDateUtc(message.internalDate),
    languages: reading.languages,
  })
  const contradictions = [...doubts.filter((doubt) => doubt === "KIND_CONFLICT"), ...values.reasons]
  const reasons = [...new Set([...judged.reasons, ...forwarded, ...doubts, ...values.reasons, ...noText])]
  const isProved = sender === "authentic" && !reading.isForward
  const most = isProved ? 1 : worth.even
  const cap = <A>(weighed: Weighed<A> | null, limit: number) =>
    weighed === null ? null : { ...weighed, confidence: Math.min(weighed.confidence, most, limit) }
  const isHearsay = (weighed: Weighed<unknown> | null) => kind === "guest_message" && isOneVoice(weighed, platform)
  // Of what is not known for sure to be of this kind, only its number may be applied by itself.
  const told = <A>(weighed: Weighed<A> | null) =>
    cap(weighed, doubts.length > 0 || isHearsay(weighed) ? worth.question : 1)
  const isQuestion = doubts.some((doubt) => questions.has(doubt))
  const confirmationCode = cap(values.code, isQuestion || isHearsay(values.code) ? worth.question : 1)
  const checkIn = told(values.checkIn)
  const checkOut = told(values.checkOut)
  // Whose name it is, where there are two numbers, nobody says: most names stand without a label, and contradict nobody.
  const guestName = cap(told(values.guestName), values.reasons.includes("CODE_CONFLICT") ? worth.question : 1)
  const identity = confirmationCode?.confidence ?? dayConfidence(checkIn, checkOut)
  const isSingleWitness = kind === "guest_message" && !(platform === "booking" && isOwnNumber(values.code))
  const isLimited = contradictions.length > 0 || isQuestion || kind === "unknown" || isSingleWitness
  const confidence = saysNothing.has(kind) ? 0 : Math.min(identity ?? worth.even, isLimited ? worth.question : 1, most)
  return {
    ...first,
    guestName,
    checkIn,
    checkOut,
    confirmationCode,
    guestCount: told(values.guestCount),
    infants: told(values.infants),
    rooms: told(values.rooms),
    listing: cap(values.listing, isHearsay(values.listing) ? worth.question : 1),
    confidence,
    decision: decisionOf(kind, platform, confirmationCode !== null || checkIn !== null, confidence, doubts),
    reasons,
  }
}

const noPage: Html.Page = { lines: [], cells: [], links: [], structured: [], hiddenText: false, truncated: false }

/**
 * In a thread one place alone may be what the other party wrote; prose is nobody's own place. Booking.com relays what its
 * guests mail, subject and all: there only what the relay's address says is the platform's.
 */
const isOneVoice = (weighed: Weighed<unknown> | null, platform: Platform): boolean =>
  weighed !== null &&
  (platform === "booking"
    ? !weighed.sources.includes("header")
    : weighed.sources.filter((source) => source !== "prose").length < 2)

/**
 * Without the numbers that only whoever asks for a stay mentions: those of other stays. What may become a reservation has
 * none at Airbnb or Vrbo, unless the platform itself gives it one; an engine numbers its requests, too.
 */
const withoutHearsay = (evidence: Evidence.Evidence, platform: Platform, kind: Kind): Evidence.Evidence => {
  if (!saysNothing.has(kind)) return evidence
  const isPlatform = platform === "airbnb" || platform === "vrbo"
  const codes = evidence.codes.filter(({ source }) => source !== "prose" && !(isPlatform && source === "label"))
  return { ...evidence, codes }
}

/** A relay's own number, which what is written below it bears out. */
const isOwnNumber = (code: Weighed<string> | null): boolean =>
  code !== null && code.sources.includes("header") && code.sources.length > 1

/** Doubts of what a mail is for in which not even its number may be applied by itself. */
const questions: ReadonlySet<string> = new Set(["UNKNOWN_HEADER", "UNKNOWN_MAILBOX", "SUBJECT_UNCLEAR", "OWN_TRIP"])

/** Kinds of mail that are about no reservation, or about many. */
const silent: ReadonlySet<Kind> = new Set([
  "payout",
  "review_received",
  "review_request",
  "claim",
  "invoice",
  "marketing",
  "security",
])

/** Kinds of mail about what may become a reservation, and is none. */
const saysNothing: ReadonlySet<Kind> = new Set(["inquiry", "pre_approval", "request_pending", "request_reminder"])

/** Kinds of mail whose days may be those that are proposed, or no longer those that were. */
const withoutDays: ReadonlySet<Kind> = new Set([
  "alteration_requested",
  "alteration_accepted",
  "alteration_declined",
  "modified",
])

const nothing = (facts: {
  readonly platform?: Platform
  readonly kind?: Kind
  readonly sender: ReservationFacts["sender"]
  readonly reasons: ReadonlyArray<string>
}): ReservationFacts => ({
  platform: null,
  kind: "unknown",
  guestName: null,
  checkIn: null,
  checkOut: null,
  confirmationCode: null,
  guestCount: null,
  infants: null,
  rooms: null,
  listing: null,
  confidence: 0,
  decision: "none",
  ...facts,
})

interface Said {
  readonly platform: Platform | null
  /** The reservation's state, as it says to machines or under a label. */
  readonly status: Kind | undefined
  /** The templates that links name. */
  readonly templates: ReadonlyArray<string>
  /** Whether anything says that it is for a host, where a platform writes to its guests, too. */
  readonly isHosts: () => boolean
  /** Read when it is asked for: of mail that is about no reservation nobody asks. */
  readonly evidence: () => Evidence.Evidence
}

const platformAndEvidence = (
  { address, name, platform, reasons }: Authenticity.Judgement,
  reading: Reading.Reading,
  structured: Evidence.Evidence | null,
  header: (name: string) => string | undefined,
): Said => {
  const inner = platform ?? (reading.isForward ? innerPlatform(reading) : null)
  const own = structured ?? Evidence.none
  const said = (
    platform: Platform,
    evidence: () => Evidence.Evidence,
    { isHosts = () => true, templates = [] }: Partial<Pick<Said, "isHosts" | "templates">> = {},
  ): Said => ({
    platform,
    status: own.status,
    templates,
    isHosts,
    evidence: once(() => Evidence.merge(evidence(), own)),
  })
  switch (inner) {
    case "airbnb": {
      const links = Links.named(reading.links, "airbnb")
      const isHosts = () => links.isHosts || Airbnb.namesGuest(reading)
      return said(inner, () => Airbnb.read(reading, links), { isHosts, templates: links.templates })
    }
    case "vrbo": {
      const isGuest = platform !== null && address.startsWith("sender@")
      const own = platform === null ? () => undefined : header
      const guest = isGuest ? name : ""
      return said(inner, () => Vrbo.read(reading, own, guest), { isHosts: () => Vrbo.namesGuest(reading, own, guest) })
    }
    case "booking":
      return said(inner, () => BookingCom.read(reading, platform === null ? null : { address, name }))
    case null: {
      const evidence = once(() => PropertyManagers.read(reading, own))
      const isTrusted = !reasons.includes("UNKNOWN_DOMAIN") && address !== ""
      const isPms = structured !== null || isTrusted || PropertyManagers.isOne(reading.phrase, evidence)
      const status = isPms ? evidence().status : undefined
      return { platform: isPms ? "pms" : null, status, templates: [], isHosts: () => true, evidence }
    }
  }
}

/** Whose mail is passed on, as whoever passes it on says. */
const innerPlatform = ({ innerSender, links }: Reading.Reading) => {
  const domain = /@([a-z0-9.-]{3,255})/i.exec(innerSender ?? "")?.[1]?.toLowerCase()
  if (domain !== undefined) return Authenticity.platformOf(domain)
  return (
    (["airbnb", "vrbo", "booking"] as const).find((platform) => Links.named(links, platform).codes.length > 0) ?? null
  )
}

const kindOf = (
  platform: Platform,
  { address, platform: sender }: Authenticity.Judgement,
  reading: Reading.Reading,
  { isHosts, status, templates }: Pick<Said, "isHosts" | "status" | "templates">,
  headers: (name: string) => ReadonlyArray<string>,
): Kinds.Decided => {
  const declared = [
    ...(sender === "airbnb" ? headers("x-template").map(Kinds.ofTemplate) : []),
    ...(sender === "vrbo" ? headers("x-mediated-message-type").flatMap(Kinds.ofMessageType) : []),
  ]
  const decided = Kinds.decide({
    declared,
    linked: templates,
    status,
    stated: Statements.stateIn(reading.parts),
    isRelayed: sender === "booking" && address.endsWith("@guest.booking.com"),
    isReply: platform === "airbnb" && reading.isReply,
    phrase: reading.phrase,
  })
  if (decided.kind !== "unknown") {
    const isSaid = headers(sender === "airbnb" ? "x-template" : "x-mediated-message-type").length > 0
    const isHeard = decided.kind === "guest_message" || !changing.has(decided.kind)
    const isKnown = sender === null || isSaid || isHeard || Authenticity.speaksForItself(address)
    // A platform confirms to its guests, too, in much the same words.
    const mayBeOwn = decided.kind === "confirmed" || (decided.kind === "reminder" && sender === "vrbo")
    const isOwn = mayBeOwn && sender !== null && declared.length + templates.length === 0 && !isHosts()
    return {
      ...decided,
      reasons: [...decided.reasons, ...(isKnown ? [] : ["UNKNOWN_MAILBOX"]), ...(isOwn ? ["OWN_TRIP"] : [])],
    }
  }
  if (address === "express@airbnb.com") return { kind: "guest_message", reasons: [] }
  if (/^[^@]+@reviews\./.test(address)) return { kind: "review_received", reasons: [] }
  return decided
}

/** Kinds of mail after which a booking may be another one. */
const changing: ReadonlySet<Kind> = new Set([...enriching, "modified", "cancelled"])

/** A mail of which nobody knows what it is for says a number and a day where a reservation would. */
const isTold = ({ arrivals, codes, stays }: Evidence.Evidence): boolean =>
  codes.some(({ source }) => source !== "prose") &&
  [...arrivals, ...stays].some(({ source }) => source === "label" || source === "subject")

interface Values {
  readonly code: Weighed<string> | null
  readonly guestName: Weighed<string> | null
  readonly checkIn: Weighed<string> | null
  readonly checkOut: Weighed<string> | null
  readonly guestCount: Weighed<number> | null
  readonly infants: Weighed<number> | null
  readonly rooms: Weighed<number> | null
  readonly listing: Weighed<string> | null
  /** Contradictions, and days that cannot be. */
  readonly reasons: ReadonlyArray<string>
}

const weighAll = (evidence: Evidence.Evidence, kind: Kind, context: LocalDates.Context): Values => {
  const reasons: Array<string> = []
  const settled = <A>(weighed: Weighed<A> | "conflict" | null, reason?: string): Weighed<A> | null => {
    if (weighed !== "conflict") return weighed
    if (reason !== undefined) reasons.push(reason)
    return null
  }
  // Prose of a thread is what one of its parties wrote: it may contradict, and says nothing by itself.
  const said = <A>(witnesses: ReadonlyArray<Witness<A>>) =>
    kind === "guest_message" && witnesses.every(({ source }) => source === "prose") ? [] : witnesses
  const code = settled(weigh(said(evidence.codes)), "CODE_CONFLICT")
  const hasDays = !withoutDays.has(kind)
  const days = hasDays ? daysOf(evidence, context) : noDays
  reasons.push(...days.reasons)
  const isPartial = kind === "reminder" || kind === "cancelled"
  const names = evidence.names
    .toSorted((one, other) => other.value.length - one.value.length)
    .map((name) => (name.source === "prose" || (isPartial && !name.value.includes(" ")) ? halfKnown(name) : name))
  const guestName = settled(weigh(names, sameName), "FIELD_CONFLICT")
  const parties = evidence.guests.flatMap((witness): ReadonlyArray<Witness<Party>> => {
    const guests = PartySize.count(witness.value)
    return guests === null ? [] : [{ ...witness, value: { guests, infants: witness.value.infants } }]
  })
  const party = hasDays ? settled(weigh(said(parties), sameParty), "FIELD_CONFLICT") : null
  const infants = parties.find(({ value }) => value.infants !== null && value.guests === party?.value.guests)?.value
    .infants
  return {
    code,
    guestName,
    checkIn: settled(days.checkIn, "FIELD_CONFLICT"),
    checkOut: settled(days.checkOut, "FIELD_CONFLICT"),
    guestCount: party === null ? null : { ...party, value: party.value.guests },
    infants: party === null || infants == null ? null : { ...party, value: infants },
    rooms: settled(weigh(evidence.rooms)),
    listing: settled(weigh(evidence.listings)),
    reasons: [...new Set(reasons)],
  }
}

/** A name that nothing marks as one, or that may be the first alone. */
const halfKnown = ({ source, value }: Witness<string>): Witness<string> => ({ value, source, atMost: worth.even })

interface Party {
  readonly guests: number
  readonly infants: number | null
}

const sameParty = (one: Party, other: Party) =>
  one.guests === other.guests && (one.infants === null || other.infants === null || one.infants === other.infants)

/** One may be the beginning of the other: mails often give the first name alone. */
const sameName = (one: string, other: string): boolean => {
  const [a, b] = [Text.fold(one), Text.fold(other)]
  return a === b || Evidence.isFullerName(a, b) || Evidence.isFullerName(b, a)
}

interface DaysSaid {
  readonly checkIn: Weighed<string> | "conflict" | null
  readonly checkOut: Weighed<string> | "conflict" | null
  readonly reasons: ReadonlyArray<string>
}

const noDays: DaysSaid = { checkIn: null, checkOut: null, reasons: [] }

/** The longest stay for which a year is inferred from the check-out being later than the check-in. */
const longestInferred = 60

/** What a day is worth where neither a year nor a day of the week confirms it. */
const inferred = { atMost: worth.question }

const daysOf = (evidence: Evidence.Evidence, context: LocalDates.Context): DaysSaid => {
  const counts = new Set(evidence.nights)
  const nights = counts.size === 1 ? [...counts][0] : undefined
  const problems: Array<string> = []
  const ins: Array<Witness<string>> = []
  const outs: Array<Witness<string>> = []
  for (const { source, value } of evidence.stays) {
    const stay = LocalDates.resolveStay(value.from, value.to, { ...context, nights })
    if (stay.problem !== undefined) problems.push(stay.problem)
    else if (stay.inferred && Days.nights(stay.checkIn, stay.checkOut) > longestInferred)
      problems.push("TOO_MANY_NIGHTS")
    else {
      const worth = stay.inferred ? inferred : {}
      ins.push({ value: stay.checkIn, source, ...worth })
      outs.push({ value: stay.checkOut, source, ...worth })
    }
  }
  for (const [alone, found] of [
    [evidence.arrivals, ins],
    [evidence.departures, outs],
  ] as const) {
    for (const { source, value } of alone) {
      const day = LocalDates.resolve(value, context)
      if (day.problem !== undefined) problems.push(day.problem)
      else found.push({ value: day.day, source, ...(day.inferred ? inferred : {}) })
    }
  }
  const impossible = problems.filter((problem) => problem !== "AMBIGUOUS_DATE")
  if (impossible.length > 0) return { ...noDays, reasons: impossible }
  const reasons = problems.length > 0 && ins.length === 0 ? problems : []
  const checkIn = weigh(withoutGuesses(ins))
  const checkOut = weigh(withoutGuesses(outs))
  // A stay of which one day is in doubt has no other that could be believed.
  if (checkIn === "conflict" || checkOut === "conflict") return { checkIn: "conflict", checkOut: null, reasons }
  if (checkIn !== null && checkOut !== null && Days.nights(checkIn.value, checkOut.value) < 1) {
    return { ...noDays, reasons: ["NO_NIGHTS"] }
  }
  return { checkIn, checkOut, reasons }
}

/** Where a year is known, places that leave it out mean the same day, or contradict it by day and month. */
const withoutGuesses = (days: ReadonlyArray<Witness<string>>): ReadonlyArray<Witness<string>> => {
  const sure = days.find(({ atMost }) => atMost === undefined)
  if (sure === undefined) return days
  return days.map((day) =>
    day.atMost !== undefined && day.value.slice(5) === sure.value.slice(5)
      ? { value: sure.value, source: day.source }
      : day,
  )
}

const dayConfidence = (checkIn: Weighed<string> | null, checkOut: Weighed<string> | null): number | undefined => {
  const days = [checkIn, checkOut].flatMap((day) => (day === null ? [] : [day.confidence]))
  return days.length === 0 ? undefined : Math.min(...days)
}

const decisionOf = (
  kind: Kind,
  platform: Platform,
  saysWhich: boolean,
  confidence: number,
  doubts: ReadonlyArray<string>,
): ReservationFacts["decision"] => {
  if (doubts.includes("KIND_CONFLICT")) return "review"
  if (kind === "modified" || kind === "unknown") return "review"
  if (!enriching.has(kind) || confidence < threshold.review) return "none"
  // A thread says what its two parties wrote; only a relay's own number says whose it is.
  if (kind === "guest_message" && platform === "airbnb") return "none"
  // It presumes a reservation, and does not say which: nobody could be asked anything.
  if (!saysWhich && (kind === "guest_message" || kind === "reminder")) return "none"
  return confidence >= threshold.auto ? "auto" : "review"
}
