/** The mails of property managers' own booking engines: everything is labelled, or said to machines. */
import { enriching, type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import * as Evidence from "./Evidence.ts"
import * as Kinds from "./Kinds.ts"
import * as Labels from "./Labels.ts"
import * as LabelWords from "./LabelWords.ts"
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
  const rest = between.replace(/^[\s:,!-]+/u, "").replace(/(?:\(.*|[\s,-]+)$/u, "")
  const name = Kinds.isLedOn(rest) ? null : PersonName.clean(rest)
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
  for (const { entries, lines } of parts) {
    const columns = entries.flatMap(({ field, values }) => (field === "status" ? values : []))
    for (const said of columns) {
      const state = statusIn(said, "")
      if (state !== undefined) states.add(state)
    }
    for (let index = 0; index < lines.length && index < maxLines; index++) {
      // What stands after a heading is the next heading.
      const state = statusIn(lines[index] ?? "", columns.length > 0 ? "" : (lines[index + 1] ?? ""))
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
  if (label.length > 30 || !LabelWords.statuses.has(label)) return undefined
  const after =
    colon < 0
      ? ""
      : line
          .slice(colon + 1)
          .replaceAll("*", "")
          .trim()
  const said = after === "" ? next : after
  const state = stateOf(Text.fold(said.slice(0, 60)))
  // Nothing, or the next label, says nothing.
  const isUnsaid = said === "" || (after === "" && Labels.isLabel(next))
  return state === "unknown" && (isUnsaid || countries.has(label)) ? undefined : state
}

/** Words for a state that are words for one with a government, too. */
const countries: ReadonlySet<string> = new Set(["state", "estado", "stato", "état"])

const stateOf = (said: string): Kind => states.find(([, shape]) => shape.test(said))?.[0] ?? "unknown"

/** The first that fits: `not confirmed` is not confirmed. */
const states: ReadonlyArray<readonly [Kind, RegExp]> = [
  [
    "request_pending",
    /^(?:un|non? |ej |ikke |sin |sem |sans |senza |ohne |zonder |bez |to |à |a |por |zu |zur |da |te |do |k )|(?<!\p{L})(?:not|nicht|pas|niet|não|nao|non|inte|nie|yet|needs|required)(?!\p{L})|nepotv|niepotw|неподтв|pending|tentative|request|hold|option|provisional|await|waiting|waitlist|incomplete|draft|inquiry|enquiry|quote|ausstehend|offen|vorläufig|anfrage|angefragt|wartend|wartet|demande|à confirmer|provisoire|solicit|petición|opción|richiest|opzion|pedido|opção|provisór|aguard|espera|aanvraag|optie|voorlopig|wacht|teilweise|partial|en attente|pendiente|in attesa|provvisori|pendente|in behandeling|oczekuj|wstępn|čeká|předběžn|ожида|保留|仮予約|대기|待/u,
  ],
  [
    "cancelled",
    /declin|reject|cancel|expired|abandon|failed|void|inactive|storniert|abgelehnt|abgelaufen|annul|refus|rechazad|recusad|rifiutat|geweigerd|anulow|odrzuc|zruš|zamítn|отмен|откл|キャンセル|취소|取消/,
  ],
  ["modified", /modif|changed|geändert|gewijzigd|zmienion|změněn|измен|変更|변경/],
  [
    "confirmed",
    /confirm|conferm|booked|active|^new|reserved|approved|accepted|agreed|guarante|complete|checked|^ok$|^paid|^neue?[rs]?$|^nouve(?:au|lle)$|^nuev[ao]$|^nuov[ao]$|^nov[ao]$|^nieuw$|^(?:payé|réglé|pagad|pagat|betaald)|^accept|^valid|^acept|^accett|^aceit|^angenommen|bestätigt|gebucht|bezahlt|prenotat|reservad|bevestigd|geboekt|potwierdz|potvrz|подтвержд|確定|確認|확정|确认/,
  ],
]
