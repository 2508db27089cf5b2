/** Mails of invented people, each with what must be read from it, and the means to make them. */
import { type Kind, type Platform, type ReservationFacts } from "@holdfast/domain/reservations/ReservationFacts"

import { Mails } from "../../../src/testing/index.ts"

export type Field = "guestName" | "checkIn" | "checkOut" | "confirmationCode" | "guestCount"

export interface Case {
  readonly name: string
  readonly mail: Uint8Array
  readonly trusted?: ReadonlyArray<string>
  readonly kind: Kind
  readonly platform?: Platform | null
  readonly decision: ReservationFacts["decision"]
  readonly sender?: ReservationFacts["sender"]
  /** What must be said; null what must not. What is not here may be either. */
  readonly says: Partial<Record<Field | "infants" | "listing" | "rooms", string | number | null>>
  /** Which of it is sure enough to be applied by itself; the rest is not, where this is given. */
  readonly sure?: ReadonlyArray<Field>
  /** Among the reasons. */
  readonly reasons?: ReadonlyArray<string>
}

export const receivedAt = "2026-11-20T10:00:00Z"

export interface Written {
  readonly subject: string
  readonly text?: string
  readonly html?: string
  readonly from?: string
  /** In the place of Google's verdict; null for none. */
  readonly verdict?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export const passed = (domain: string) =>
  `mx.google.com; dkim=pass header.i=@${domain} header.s=s1 header.b=abc; spf=pass smtp.mailfrom=x@${domain}; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=${domain}`

const mailFrom =
  (sender: string, domain: string) =>
  ({ from = sender, headers, html, subject, text = "", verdict = passed(domain) }: Written): Uint8Array =>
    Mails.mailOf({
      from,
      subject,
      text,
      ...(html === undefined ? {} : { html }),
      date: new Date(receivedAt),
      headers: { ...(verdict === null ? {} : { "Authentication-Results": verdict }), ...headers },
    })

export const airbnb = mailFrom("Airbnb <automated@airbnb.com>", "airbnb.com")
export const thread = mailFrom("Airbnb <express@airbnb.com>", "airbnb.com")
export const vrbo = mailFrom('"Ada Testwell" <sender@messages.homeaway.com>', "messages.homeaway.com")
export const booking = mailFrom("Booking.com <noreply@booking.com>", "booking.com")
export const engine = mailFrom("Lakeside Cottages <stay@bookings.example.org>", "bookings.example.org")

export const confirmedHeader = { "X-Template": "reservation/host_confirmation" }

/** The link to a reservation's page, as Airbnb's mails have it. */
export const details = (code: string) =>
  `https://www.airbnb.com/hosting/reservations/details/${code}?c=.pi80.pk${Buffer.from("booking/v2_migration/reservation_host_confirmation").toString("base64")}&token=s3cret`

/** A page of lines, each in a cell of its own. */
export const page = (...lines: ReadonlyArray<string>) =>
  `<html><body><table>${lines.map((line) => `<tr><td>${line}</td></tr>`).join("")}</table></body></html>`

export const extranet = (number: string) =>
  `https://admin.booking.com/hotel/hoteladmin/extranet_ng/manage/booking.html?res_id=${number}&hotel_id=12345&ses=s3cret`
