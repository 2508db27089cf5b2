/** What the receiving server writes above a mail, in the manner of Gmail: where it came from, and whether it is signed. */
import * as Random from "@holdfast/domain/testing/population/Random"

export interface Delivery {
  /** What the receiving server says of the signature; `absent`: it says nothing at all. */
  readonly dkim: "pass" | "fail" | "none" | "absent"
  /** Whose signature that is. */
  readonly signedBy: string
  /** The domain after the @ of From, as far as it is one. */
  readonly fromDomain: string
  /** Of the envelope; the sender's choice. */
  readonly mailFrom?: string
  /** What other programs on the way found. */
  readonly arc?: string
  /** By whose name the results are given. */
  readonly server: string
  /** Headers of the same sort that arrived with the mail, below: whoever sent it wrote them. */
  readonly arrivedWith: ReadonlyArray<readonly [string, string]>
}

export const delivered = (
  delivery: Delivery,
  receivedAt: number,
  random: Random.Random,
): ReadonlyArray<readonly [string, string]> => {
  const hex = () => Random.digits(random, 14)
  const stamp = `${new Date(receivedAt).toUTCString().replace("GMT", "+0000")}`
  const aligned = delivery.dkim === "pass" && isAligned(delivery.signedBy, delivery.fromDomain)
  const signature = Random.chance(random, 0.5) ? `header.i=@${delivery.signedBy}` : `header.d=${delivery.signedBy}`
  const returnPath = Random.chance(random, 0.5)
    ? `bounces+${Random.digits(random, 6)}-host=example.com@${delivery.signedBy}`
    : `bounce@${delivery.signedBy}`
  const second = Random.chance(random, 0.3)
    ? "\n       dkim=pass header.i=@relay.example.net header.s=r1 header.b=Q0d;"
    : ""
  const results = `${delivery.server};\n       dkim=${delivery.dkim} ${signature} header.s=s${hex().slice(0, 8)} header.b=${inVerdict(beginningOf(random))};${second}\n       spf=${delivery.dkim === "fail" ? "softfail" : "pass"} smtp.mailfrom=${delivery.mailFrom ?? inVerdict(returnPath)};\n       dmarc=${aligned ? "pass (p=REJECT sp=REJECT dis=NONE)" : "fail (p=NONE sp=NONE dis=NONE)"} header.from=${delivery.fromDomain}`
  const sealed = delivery.arc !== undefined || Random.chance(random, 0.5)
  return [
    ["Delivered-To", "host@example.com"],
    ["Received", `by 2002:a05:6358:${hex().slice(0, 4)} with SMTP id x${hex()};\n        ${stamp}`],
    ...(delivery.dkim === "absent" || !sealed
      ? []
      : [["ARC-Authentication-Results", `i=1; ${delivery.arc ?? results}`] as const]),
    ["Return-Path", `<${returnPath}>`],
    [
      "Received",
      `from out.${delivery.signedBy} (out.${delivery.signedBy}. [192.0.2.${Random.between(random, 1, 250)}])\n        by mx.google.com with ESMTPS id ${hex()}\n        for <host@example.com>;\n        ${stamp}`,
    ],
    ...(delivery.dkim === "absent" ? [] : [["Authentication-Results", results] as const]),
    ...delivery.arrivedWith,
    [
      "DKIM-Signature",
      `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${delivery.signedBy}; s=s1;\n        h=from:to:subject; bh=${hex()}=; b=${hex()}${hex()}`,
    ],
  ]
}

/** Google puts what has a `/` or a `=` in it into quotation marks. */
const inVerdict = (value: string): string => (/[/=]/.test(value) ? `"${value}"` : value)

/** How a signature begins, in Base64. */
const beginningOf = (random: Random.Random): string =>
  Array.from({ length: 8 }, () => base64.charAt(Random.between(random, 0, 63))).join("")

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** Relaxed alignment: of one organisation. */
const isAligned = (one: string, other: string): boolean => organisation(one) === organisation(other)

const organisation = (domain: string): string => domain.split(".").slice(-2).join(".")
