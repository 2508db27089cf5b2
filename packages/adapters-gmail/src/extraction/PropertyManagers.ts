/** The mails of property managers' own booking engines: everything is labelled, or said to machines. */
import { enriching, type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import * as Evidence from "./Evidence.ts"
import type * as Kinds from "./Kinds.ts"
import * as PersonName from "./PersonName.ts"
import { type Reading } from "./Reading.ts"
import * as Text from "./Text.ts"
import { worth } from "./Witness.ts"

/** What the mail says, and what it says to machines. */
export const read = (reading: Reading, structured: Evidence.Evidence): Evidence.Evidence => {
  const body = Evidence.ofBody(reading, code)
  const vague = vagueNames(reading)
  const names = body.names.map((name) => (vague.has(name.value) ? { ...name, atMost: worth.question } : name))
  return {
    ...Evidence.merge(ofSubject(reading), { ...body, names }, structured),
    status: statusOf(reading, structured),
  }
}

/** Names that nothing but the word for a name stands before: in mails of many makers it may be the house's. */
const vagueNames = ({ parts }: Reading): ReadonlySet<string | null> =>
  new Set(
    parts.flatMap(({ entries }) =>
      entries.flatMap(({ isVague, values }) => (isVague ? values.map((value) => PersonName.clean(value)) : [])),
    ),
  )

/** Whether a mail of nobody in particular tells of a reservation: a known phrase, an arrival, and a code. */
export const isOne = (phrase: Kinds.Phrase | undefined, evidence: () => Evidence.Evidence): boolean => {
  if (phrase === undefined) return false
  const { arrivals, codes, stays } = evidence()
  return codes.length > 0 && (arrivals.length > 0 || stays.length > 0 || phrase.kind === "cancelled")
}

const code: Evidence.CodeShape = {
  anywhere: null,
  labelled:
    /^[\s#:(]*((?=[A-Za-z-]*\d)(?!\d{4}-\d{2}-\d{2}|\d{1,2}-\d{1,2}-\d{2,4}(?!\d))[A-Za-z0-9][A-Za-z0-9-]{3,31})(?![\p{L}\p{N}_.-])/u,
}

/** `New Confirmed Booking: Bruno Beispiel (3 nights, …) - #B00000001`. */
const ofSubject = ({ phrase, subject }: Reading): Evidence.Evidence => {
  const codes = [...subject.matchAll(/#\s?(B\d{6,10})(?![\p{L}\p{N}_-])/gu)]
  const [code] = codes
  const between =
    phrase === undefined || code === undefined || code.index < phrase.end ? "" : subject.slice(phrase.end, code.index)
  const name = PersonName.clean(between.replace(/^[\s:,!-]+/u, "").replace(/(?:\(.*|[\s,-]+)$/u, ""))
  return {
    ...Evidence.none,
    codes: codes.map(([, value = ""]) => ({ value, source: "subject" })),
    names: name === null ? [] : [{ value: name, source: "subject" }],
  }
}

/**
 * The state that the mail names, in a line of its own or to machines. Where it is one that nobody knows, or two are
 * named, a subject that speaks of a booking is not believed.
 */
const statusOf = ({ parts, phrase }: Reading, structured: Evidence.Evidence): Kind | undefined => {
  const states = new Set(structured.status === undefined ? [] : [structured.status])
  for (const { lines } of parts) {
    for (let index = 0; index < lines.length && index < maxLines; index++) {
      const state = statusIn(lines[index] ?? "", lines[index + 1] ?? "")
      if (state !== undefined) states.add(state)
    }
  }
  const [state] = states
  // That a booking stands is no news: what the mail is for, its subject says.
  if (state === "confirmed" && states.size === 1) return structured.status
  if (states.size === 1 && state !== "unknown") return state
  return states.size > 0 && phrase !== undefined && enriching.has(phrase.kind) ? "unknown" : undefined
}

const maxLines = 400

/** What a label of the state has after it, or in the next line. */
const statusIn = (line: string, next: string): Kind | undefined => {
  if (line.length > 100) return undefined
  const colon = line.search(/[:：]/)
  const label = Text.fold((colon < 0 ? line : line.slice(0, colon)).replaceAll("*", "").trim())
  if (label.length > 30 || !statusLabels.has(label)) return undefined
  const after =
    colon < 0
      ? ""
      : line
          .slice(colon + 1)
          .replaceAll("*", "")
          .trim()
  const state = stateOf(Text.fold((after === "" ? next : after).slice(0, 60)))
  return state === "unknown" && countries.has(label) ? undefined : state
}

/** Words for a state that are words for one with a government, too. */
const countries: ReadonlySet<string> = new Set(["state", "estado", "stato", "état"])

const statusLabels: ReadonlySet<string> = new Set(
  (
    "status|booking status|reservation status|state|buchungsstatus|reservierungsstatus|status der buchung|statut|état|statut de la réservation|" +
    "estado|estado de la reserva|estado da reserva|stato|stato della prenotazione|stato prenotazione|boekingsstatus|status rezerwacji|" +
    "stav|stav rezervace|stav rezervácie|varauksen tila|állapot|foglalás állapota|κατάσταση|durum|rezervasyon durumu|статус|" +
    "статус бронирования|ステータス|予約状況|状态|預訂狀態|预订状态|狀態|상태|예약 상태|สถานะ|สถานะการจอง|trạng thái"
  ).split("|"),
)

const stateOf = (said: string): Kind => states.find(([, shape]) => shape.test(said))?.[0] ?? "unknown"

/** The first that fits: `not confirmed` is not confirmed. */
const states: ReadonlyArray<readonly [Kind, RegExp]> = [
  [
    "request_pending",
    /^(?:un|not |non |nicht |no |ej |ikke |niet )|nepotv|niepotw|неподтв|pending|tentative|request|hold|option|provisional|await|waiting|waitlist|incomplete|draft|inquiry|enquiry|quote|ausstehend|offen|vorläufig|anfrage|en attente|pendiente|in attesa|provvisori|pendente|in behandeling|oczekuj|wstępn|čeká|předběžn|ожида|保留|仮予約|대기|待/,
  ],
  [
    "cancelled",
    /declin|reject|cancel|expired|abandon|failed|void|inactive|storniert|abgelehnt|abgelaufen|annul|refus|rechazad|recusad|rifiutat|geweigerd|anulow|odrzuc|zruš|zamítn|отмен|откл|キャンセル|취소|取消/,
  ],
  ["modified", /modif|changed|geändert|gewijzigd|zmienion|změněn|измен|変更|변경/],
  [
    "confirmed",
    /confirm|conferm|booked|active|^new|reserved|approved|accepted|agreed|guarante|complete|checked|^ok$|^paid|bestätigt|gebucht|bezahlt|prenotat|reservad|bevestigd|geboekt|potwierdz|potvrz|подтвержд|確定|確認|확정|确认/,
  ],
]
