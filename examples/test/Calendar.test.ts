import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result } from "effect"

import * as Calendar from "../src/Calendar.ts"

const read = (text: string) => Calendar.read(text, "airbnb", DateTime.zoneMakeNamedUnsafe("Europe/Vienna"))

const stay = (uid: string, description: string) => [
  "BEGIN:VEVENT",
  `UID:${uid}`,
  "DTSTART;VALUE=DATE:20261205",
  "DTEND;VALUE=DATE:20261208",
  "SUMMARY:Reserved",
  `DESCRIPTION:${description}`,
  "END:VEVENT",
]

const feed = (...stays: ReadonlyArray<ReadonlyArray<string>>) =>
  ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", ...stays.flat(), "END:VCALENDAR"].join("\r\n")

const details = (host: string, code: string) => `Reservation URL: https://${host}/hosting/reservations/details/${code}`

const codes = (text: string) => Result.map(read(text), (stays) => stays.map(({ code }) => code))

describe("A feed", () => {
  it("that is cut off anywhere is refused, unless nothing but its own end is missing", () => {
    const whole = feed(stay("a", "none"), stay("b", "none"))
    for (let end = 0; end < whole.indexOf("END:VCALENDAR"); end++) {
      assert.isTrue(Result.isFailure(read(whole.slice(0, end))), whole.slice(0, end))
    }
    for (const more of ["BEGIN:VCALENDAR\r\nBEGIN:VEVENT", feed(stay("c", "none")), "<html>Log in</html>"]) {
      assert.isTrue(Result.isFailure(read(`${whole}\r\n${more}`)), more)
    }
  })

  it("names a reservation only by a link to the platform itself", () => {
    const link = details("www.airbnb.com", "HMTEST0001")
    assert.deepStrictEqual(codes(feed(stay("a", link))), Result.succeed(["HMTEST0001"]))
    assert.deepStrictEqual(
      codes(feed(stay("a", details("www.airbnb.co.uk", "HMTEST0001")))),
      codes(feed(stay("a", link))),
    )
    for (const host of ["evil.test", "airbnb.com.evil.test", "www.airbnb.com@evil.test", "notairbnb.com"]) {
      assert.deepStrictEqual(codes(feed(stay("a", details(host, "HMEVIL0001")))), Result.succeed([null]), host)
      assert.deepStrictEqual(
        codes(feed(stay("a", `${details(host, "HMEVIL0001")} ${link}`))),
        Result.succeed(["HMTEST0001"]),
        host,
      )
    }
  })

  it("may begin with the mark of its encoding", () => {
    assert.deepStrictEqual(codes(`\uFEFF${feed(stay("a", "none"))}`), Result.succeed([null]))
  })
})
