/**
 * Whether a mail comes from whom it says: one sender, of a domain that a platform really sends from, whose signature
 * Google has checked.
 *
 * Everything in a mail is what its sender likes to claim, but for one line: the `Authentication-Results` that Google puts
 * above all others when the mail arrives. Such lines further down were there before, and prove nothing.
 */
import { type Platform, type Sender } from "@holdfast/domain/reservations/ReservationFacts"

import type * as Tape from "../Tape.ts"
import * as Text from "./Text.ts"

type Mail = NonNullable<Tape.Message["mail"]>

/** Who sent a mail, as far as it can be known. */
export interface Judgement {
  readonly sender: Sender
  /** Whose domain it comes from. Null for all others, a property manager's own engine among them. */
  readonly platform: Exclude<Platform, "pms"> | null
  /** The sender's address in lower case; empty if there is none. */
  readonly address: string
  /** The display name, decoded. */
  readonly name: string
  /** Why the sender is not proved, most weighty first. */
  readonly reasons: ReadonlyArray<string>
}

/** Judges the sender. The host trusts further domains of booking engines by `trusted`. */
export const judge = (mail: Mail, trusted: ReadonlyArray<string>): Judgement => {
  const header = (name: string) => mail.headers.flatMap(([key, value]) => (key === name ? [value] : []))
  const [from, ...others] = header("from")
  const address = from === undefined ? undefined : onlyAddress(from)?.toLowerCase()
  const name = mail.from?.name ?? ""
  if (from === undefined || from.trim() === "") {
    return { sender: "unproven", platform: null, address: "", name, reasons: ["NO_SENDER"] }
  }
  const parsed = mail.from?.address.toLowerCase()
  if (others.length > 0 || address === undefined || address !== parsed) {
    return { sender: "forged", platform: null, address: parsed ?? "", name, reasons: ["SPOOF", "SEVERAL_SENDERS"] }
  }
  const domain = address.slice(address.lastIndexOf("@") + 1)
  const platform = platformOf(domain)
  const isTrusted = trusted.some((one) => isWithin(domain, one.toLowerCase()))
  if (platform === null && !isTrusted && pretends(mail, name, domain)) {
    return { sender: "forged", platform: null, address, name, reasons: ["SPOOF"] }
  }
  const reason = doubtOf(header("authentication-results")[0] ?? "", domain)
  const reasons = [
    ...(reason === undefined ? [] : [reason]),
    // A signature covers the last of them, and mail programs show the first.
    ...(header("subject").length > 1 ? ["SEVERAL_SUBJECTS"] : []),
    ...(platform === null && !isTrusted ? ["UNKNOWN_DOMAIN"] : []),
  ]
  return { sender: reasons.length === 0 ? "authentic" : "unproven", platform, address, name, reasons }
}

/** The platform that a host name belongs to: the domain itself or one below it, never one that merely looks alike. */
export const platformOf = (host: string): Judgement["platform"] => {
  for (let labels = 0, at = host.length; labels < 3; labels++) {
    at = host.lastIndexOf(".", at - 1)
    const platform = platforms.get(host.slice(at + 1))
    if (platform !== undefined) return platform
  }
  return null
}

/**
 * Whether a platform speaks for itself from this address. Others at its domains may be relays, through which guests write
 * what they like below whatever subject they like.
 */
export const speaksForItself = (address: string): boolean =>
  /^(?:automated|no-?reply|do-?not-?reply|messaging|sender|notifications?|reservations?|bookings?|customer\.service|vrbo|homeaway|abritel|fewo-direkt)(?:[-_.+][a-z0-9._+-]*)?@/.test(
    address,
  )

/** A number in the address of Booking.com's relay is the reservation's: `5550000001-….@guest.booking.com`. */
export const relayNumber = (address: string): string | undefined =>
  /^(\d{10})-[a-z0-9.]{4,80}@guest\.booking\.com$/.exec(address)?.[1]

const domainsOf: ReadonlyArray<readonly [Exclude<Platform, "pms">, ReadonlyArray<string>]> = [
  [
    "airbnb",
    // The top-level domains under which it keeps pages; mail comes from the first.
    "com at be ca ch cl co.cr co.id co.il co.in co.kr co.nz co.uk co.ve com.ar com.au com.br com.co com.ec com.hk com.mt com.my com.pe com.ph com.sg com.tr com.tw com.vn cn cz de dk es fi fr gr hu ie is it jp mx nl no pl pt ru se"
      .split(" ")
      .map((end) => `airbnb.${end}`),
  ],
  [
    "vrbo",
    [
      "vrbo.com",
      "homeaway.com",
      "homeaway.co.uk",
      "homeaway.de",
      "homeaway.es",
      "homeaway.it",
      "homeaway.pt",
      "homeaway.nl",
      "fewo-direkt.de",
      "abritel.fr",
      "stayz.com.au",
      "bookabach.co.nz",
      "partners.expediagroup.com",
    ],
  ],
  ["booking", ["booking.com"]],
]

/** By domain, of which none has more than three labels. */
const platforms = new Map(domainsOf.flatMap(([platform, domains]) => domains.map((domain) => [domain, platform])))

/** What the platforms call themselves where senders are shown; letters alone, so that spaces and dots hide nothing. */
const brands = ["airbnb", "vrbo", "homeaway", "fewodirekt", "abritel"]

const isWithin = (host: string, domain: string) => host === domain || host.endsWith(`.${domain}`)

/** It bears a platform's name, or the headers that only a platform's own mail has, and comes from elsewhere. */
const pretends = (mail: Mail, name: string, domain: string): boolean => {
  const shown = [name, domain]
  return (
    shown.map(squeeze).some((text) => brands.some((brand) => text.includes(brand))) ||
    shown.some((text) => /booking[.-]com\b/i.test(text)) ||
    mail.headers.some(([key]) => key === "x-template" || key.startsWith("x-mediated-"))
  )
}

/** Letters and digits alone, with the look-alikes of Latin letters read as those. */
const squeeze = (text: string) =>
  Text.fold(text)
    .replace(/[\u0430\u0435\u043e\u0440\u0441\u0456\u0131\u03bf\u03b1]/g, (letter) => lookAlikes[letter] ?? letter)
    .replace(/[^\p{L}\p{N}]/gu, "")

const lookAlikes: Readonly<Record<string, string>> = {
  "\u0430": "a",
  "\u0435": "e",
  "\u043e": "o",
  "\u0440": "p",
  "\u0441": "c",
  "\u0456": "i",
  "\u0131": "i",
  "\u03bf": "o",
  "\u03b1": "a",
}

/** The one address of a `From`; nothing if there are several, a group, or something that parsers may read two ways. */
const onlyAddress = (header: string): string | undefined => {
  let bare = ""
  let angle: string | undefined
  for (let at = 0; at < header.length;) {
    const char = header.charAt(at)
    const end = endOf(header, at)
    if (end === undefined) return undefined
    if (char === "<") {
      if (angle !== undefined) return undefined
      angle = header.slice(at + 1, end - 1).trim()
    } else if (char === "," || char === ";" || char === ":") return undefined
    else if (end === at + 1) bare += char
    else bare += " "
    at = end
  }
  const address = angle ?? bare.trim()
  if (angle !== undefined && bare.includes("@") && bare.trim().toLowerCase() !== address.toLowerCase()) return undefined
  return /^[^\s@<>"(),:;]{1,128}@[^\s@<>"(),:;]{1,255}$/.test(address) ? address : undefined
}

/** Where what begins here ends: a quotation, a comment, an encoded word, an address, or one character. */
const endOf = (header: string, at: number): number | undefined => {
  switch (header.charAt(at)) {
    case '"':
      return closing(header, at, '"')
    case "(":
      return closing(header, at, ")")
    case "<": {
      const end = header.indexOf(">", at)
      return end < 0 ? undefined : end + 1
    }
    case "=": {
      const word = /^=\?[^?\s]{1,40}\?[bq]\?[^?\s]{0,200}\?=/i.exec(header.slice(at, at + 260))
      return at + (word?.[0].length ?? 1)
    }
    default:
      return at + 1
  }
}

const closing = (text: string, at: number, end: string): number | undefined => {
  for (let next = at + 1; next < text.length; next++) {
    const char = text.charAt(next)
    if (char === "\\") next++
    else if (char === end) return next + 1
  }
  return undefined
}

/**
 * Why the topmost verdict proves nothing of this domain; nothing if it does. Some of what it repeats is the sender's own,
 * such as the return address, and a verdict of the sender's might begin in it. So nothing that could begin one may stand
 * in a quotation, nor be escaped; and no signature is heard of after the return address, which Google puts behind them.
 */
const doubtOf = (verdicts: string, domain: string): string | undefined => {
  const plain = verdicts.slice(0, 8_000).replace(harmless, " ")
  if (/["\\]/.test(plain)) return "UNPROVEN_SENDER"
  const [server = "", ...results] = withoutComments(plain).split(";")
  if (server.trim().split(/\s+/)[0]?.toLowerCase() !== "mx.google.com") return "UNPROVEN_SENDER"
  const read = results.map((result) => {
    const [verdict = "", ...properties] = result.trim().toLowerCase().split(/\s+/)
    return { verdict, properties }
  })
  if (read.some(({ verdict }) => verdict === "dmarc=fail")) return "DKIM_FAILED"
  const route = read.findIndex(({ verdict }) => verdict.startsWith("spf="))
  const own = read.slice(0, route < 0 ? read.length : route).filter(({ properties, verdict }) => {
    const signers = properties.flatMap((property) => signerOf(property) ?? [])
    return verdict.startsWith("dkim=") && signers.length > 0 && signers.every((signer) => isAligned(signer, domain))
  })
  if (own.some(({ verdict }) => verdict === "dkim=pass")) return undefined
  return read.some(({ verdict }) => verdict.startsWith("dkim=") && verdict !== "dkim=pass")
    ? "DKIM_FAILED"
    : "UNPROVEN_SENDER"
}

/**
 * What Google quotes in the mail of every large sender, for there is a `/` or a `=` in it: the beginning of a signature,
 * and a return address that holds the recipient's (`bounces+1-ada=example.test@mail.example.test`).
 */
const harmless = /\s(?:header\.b="[A-Za-z0-9+/=]{1,16}"|smtp\.mailfrom="[\w.!#$%&'*+/=?^`{|}~@-]{1,320}")(?=[\s;]|$)/g

const signerOf = (property: string): string | undefined => {
  const [name, value = ""] = property.split("=")
  if (name === "header.d") return value
  return name === "header.i" ? value.slice(value.lastIndexOf("@") + 1) : undefined
}

/** The signer is the sender's own domain, one above it, or one beside it of the same platform. */
const isAligned = (signer: string, domain: string): boolean => {
  if (!signer.includes(".")) return false
  const platform = platformOf(domain)
  if (platform !== null) return platformOf(signer) === platform
  return isWithin(domain, signer) || isWithin(signer, domain)
}

const withoutComments = (text: string): string => {
  let kept = ""
  let depth = 0
  let from = 0
  for (let at = text.indexOf("("); at >= 0 && at < text.length; at++) {
    const char = text.charAt(at)
    if (char === "(") {
      if (depth === 0) kept += text.slice(from, at)
      depth++
    } else if (char === ")" && depth > 0) {
      depth--
      from = at + 1
    }
  }
  return depth > 0 ? kept : kept + text.slice(from)
}
