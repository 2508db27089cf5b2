import { type Case, vrbo } from "./Case.ts"

const body = [
  "Reservation ID:",
  "HA-TST123",
  "Dates:",
  "Apr 10 - Apr 17, 2027, 7 nights",
  "Guests:",
  "2 adults, 1 child",
]
const subject = "Instant Booking from Ada Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567"

export const cases: ReadonlyArray<Case> = [
  {
    name: "B01: an instant booking says everything",
    mail: vrbo({ subject, text: body.join("\r\n") }),
    kind: "confirmed",
    platform: "vrbo",
    decision: "auto",
    sender: "authentic",
    says: {
      guestName: "Ada Testwell",
      checkIn: "2027-04-10",
      checkOut: "2027-04-17",
      confirmationCode: "HA-TST123",
      guestCount: 3,
      listing: "1234567",
    },
    sure: ["guestName", "checkIn", "checkOut", "confirmationCode", "guestCount"],
    reasons: [],
  },
  {
    name: "B02: a request over New Year, in German, is no reservation",
    mail: vrbo({
      from: "FeWo-direkt <messaging@messages.vrbo.com>",
      verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
      subject: "Reservierungsanfrage von Bruno Beispiel: 27. Dez. 2027 - 3. Jan. 2028 - FeWo-direkt.de #1234567",
      text: "Reservierungsnr.: HA-TST123",
    }),
    kind: "request_pending",
    decision: "none",
    says: { checkIn: "2027-12-27", checkOut: "2028-01-03" },
  },
  {
    name: "B04: headers say what an inquiry is",
    mail: vrbo({
      subject: "Inquiry from Ada Testwell",
      text: "Hello",
      headers: { "X-Mediated-Message-Type": "INQUIRY", "X-Inquiry-Arrival": "2027-05-01" },
    }),
    kind: "inquiry",
    decision: "none",
    says: { checkIn: "2027-05-01", confirmationCode: null },
  },
  {
    name: "B05: a header that nobody knows is told, and the subject is a question",
    mail: vrbo({ subject, text: body.join("\r\n"), headers: { "X-Mediated-Message-Type": "SOMETHING_NEW" } }),
    kind: "confirmed",
    decision: "review",
    says: { guestName: "Ada Testwell", confirmationCode: "HA-TST123" },
    sure: [],
    reasons: ["UNKNOWN_HEADER"],
  },
  {
    name: "B06: an answer bears the subject of what it answers",
    mail: vrbo({
      subject: "Reservation from Ada Testwell: May 1 - May 8, 2027 - Vrbo #1234567",
      text: "See you!",
      headers: { "X-Mediated-Message-Type": "REPLIED" },
    }),
    kind: "guest_message",
    decision: "review",
    says: { guestName: "Ada Testwell", checkIn: "2027-05-01", checkOut: "2027-05-08" },
    sure: [],
  },
  {
    name: "B08: a review's number is no reservation's",
    mail: vrbo({
      from: "Vrbo <noreply@reviews.homeaway.com>",
      verdict: "mx.google.com; dkim=pass header.i=@reviews.homeaway.com",
      subject: "Stay feedback RES-00001",
      text: "RES-00001",
    }),
    kind: "review_received",
    decision: "none",
    says: { confirmationCode: null },
  },
  {
    name: "B09: a listing, a unit and a telephone are no numbers of reservations",
    mail: vrbo({
      subject,
      text: ["Property #1234567", "unit_7654321", "+1 555 0100", "Dates:", "Apr 10 - Apr 17, 2027"].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { confirmationCode: null, listing: "1234567" },
  },
  {
    name: "B10: what stands for a name that is kept back is no name",
    mail: vrbo({
      from: "Vrbo <messaging@messages.vrbo.com>",
      verdict: "mx.google.com; dkim=pass header.d=messages.vrbo.com",
      subject: "Instant booking: Apr 10 - Apr 17, 2027 - Vrbo #1234567",
      text: [...body, "Traveler Name:", "Available after booking"].join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: null },
  },
  {
    name: "B12: a couple's name stays whole",
    mail: vrbo({
      from: '"Ada and Bruno Testwell" <sender@messages.homeaway.com>',
      subject: "Reservation from Ada and Bruno Testwell: Apr 10 - Apr 17, 2027 - Vrbo #1234567",
      text: body.join("\r\n"),
    }),
    kind: "confirmed",
    decision: "auto",
    says: { guestName: "Ada and Bruno Testwell" },
  },
]
