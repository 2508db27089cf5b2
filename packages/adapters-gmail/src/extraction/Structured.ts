/**
 * What a page says to machines of a reservation, in the vocabulary of schema.org. It is a witness like any other: mails
 * with wrong markup are sent every day, with the sender's address for a name and the sender's offset in every time.
 */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import * as Days from "./Days.ts"
import * as Evidence from "./Evidence.ts"
import type * as LocalDates from "./LocalDates.ts"
import * as PersonName from "./PersonName.ts"
import { type Witness } from "./Witness.ts"

/** The stays among the nodes, and what they say; null if there is none. */
export const read = (nodes: ReadonlyArray<unknown>): Evidence.Evidence | null => {
  const found = reservations(nodes)
  if (found.length === 0) return null
  const said = found.map(evidenceOf)
  const states = new Set(said.map(({ status }) => status))
  return { ...Evidence.merge(...said), status: states.size > 1 ? "unknown" : said[0]?.status }
}

type Node = Readonly<Record<string, unknown>>

const reservations = (nodes: ReadonlyArray<unknown>): ReadonlyArray<Node> => {
  const found: Array<Node> = []
  const queue: Array<unknown> = [...nodes]
  for (let next = 0; next < queue.length && next < 2_000 && found.length < 8; next++) {
    const node = queue[next]
    if (Array.isArray(node)) queue.push(...node.slice(0, 200))
    if (!isNode(node)) continue
    if (types(node).includes("LodgingReservation")) found.push(node)
    else queue.push(own(node, "@graph"), own(node, "mainEntity"), own(node, "subReservation"))
  }
  return found
}

const evidenceOf = (node: Node): Evidence.Evidence => {
  const code = text(own(node, "reservationNumber")) ?? text(own(node, "reservationId"))
  const name = nameOf(own(node, "underName"))
  const from = dayOf(node, ["checkinTime", "checkinDate", "checkInTime", "checkInDate"])
  const to = dayOf(node, ["checkoutTime", "checkoutDate", "checkOutTime", "checkOutDate"])
  const adults = count(own(node, "numAdults"))
  const children = count(own(node, "numChildren"))
  const party = count(own(node, "partySize"))
  const guests = adults ?? party
  return {
    ...Evidence.none,
    codes: code === undefined || !/^(?=.*\d)[A-Za-z0-9-]{4,32}$/.test(code) ? [] : witness(code),
    names: name === null ? [] : witness(name),
    stays: from === undefined || to === undefined ? [] : witness({ from, to }),
    arrivals: from === undefined || to !== undefined ? [] : witness(from),
    guests:
      guests === undefined
        ? []
        : witness({
            adults: adults ?? null,
            children: children ?? null,
            infants: null,
            guests: adults === undefined ? guests : null,
          }),
    status: statusOf(text(own(node, "reservationStatus"))),
  }
}

const witness = <A>(value: A): ReadonlyArray<Witness<A>> => [{ value, source: "structured_data" }]

const statusOf = (status: string | undefined): Kind | undefined => {
  switch (
    lastPart(status ?? "")
      .replace(/^Reservation/, "")
      .toLowerCase()
  ) {
    case "confirmed":
      return "confirmed"
    case "cancelled":
    case "canceled":
    case "declined":
    case "rejected":
    case "expired":
      return "cancelled"
    case "pending":
    case "hold":
    case "tentative":
      return "request_pending"
    case "":
      return undefined
    default:
      return "unknown"
  }
}

/** The civil day that is written, whatever offset is written with it. */
const dayOf = (node: Node, keys: ReadonlyArray<string>): LocalDates.DateFound | undefined => {
  for (const key of keys) {
    const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])/.exec(text(own(node, key)) ?? "") ?? []
    if (Days.of(Number(year), Number(month), Number(day)) === null) continue
    const reading = { year: Number(year), month: Number(month), day: Number(day), weekday: null }
    return { _tag: "Date", start: 0, end: 10, readings: [{ ...reading, shortYear: false, languages: [], order: null }] }
  }
  return undefined
}

const nameOf = (value: unknown): string | null => {
  const person = Array.isArray(value) ? value[0] : value
  const name = isNode(person) ? text(own(person, "name")) : text(person)
  return name === undefined || name.includes("@") ? null : PersonName.clean(name)
}

const count = (value: unknown): number | undefined => {
  const number = isNode(value)
    ? Number(own(value, "value"))
    : typeof value === "boolean"
      ? Number.NaN
      : Number(value ?? Number.NaN)
  return Number.isInteger(number) && number >= 1 && number <= 50 ? number : undefined
}

const types = (node: Node): ReadonlyArray<string> =>
  [own(node, "@type")].flat().flatMap((type) => (typeof type === "string" ? [lastPart(type)] : []))

const lastPart = (name: string) => name.slice(name.lastIndexOf("/") + 1)

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value.length <= 300
    ? value.trim()
    : // A larger number has lost figures as it was parsed.
      typeof value === "number" && Number.isSafeInteger(value)
      ? String(value)
      : undefined

const own = (node: Node, key: string): unknown => (Object.hasOwn(node, key) ? node[key] : undefined)

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)
