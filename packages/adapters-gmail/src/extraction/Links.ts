/**
 * What the links of a mail say of a reservation. They are read, never followed; and of what stands in them only a few
 * known parts are kept, for others let their bearer in.
 */
import * as Authenticity from "./Authenticity.ts"

export interface Link {
  readonly href: string
  readonly text: string
}

/** What a platform's own links name; each once, in order. */
export interface Named {
  readonly codes: ReadonlyArray<string>
  readonly listings: ReadonlyArray<string>
  /** What Airbnb's links call the kind of the mail they stand in. */
  readonly templates: ReadonlyArray<string>
  /** One of them leads to where only a host can go. */
  readonly isHosts: boolean
}

/** What the links to this platform name. Those that are not plainly the platform's own say nothing. */
export const named = (links: ReadonlyArray<Link>, platform: string | null): Named => {
  const codes = new Set<string>()
  const listings = new Set<string>()
  const templates = new Set<string>()
  let isHosts = false
  for (const href of new Set(links.slice(0, limit).map((link) => link.href))) {
    const url = ownUrl(href, platform)
    if (url === undefined) continue
    switch (platform) {
      case "airbnb":
        addAll(codes, [
          ...matches(url.pathname, /\/reservations?\/(?:details\/|itinerary\/)?(HM[A-Z0-9]{8})(?![A-Z0-9])/),
          ...only(url, ["code", "confirmation_code", "confirmationCode"], /^HM[A-Z0-9]{8}$/),
        ])
        addAll(listings, [
          ...matches(url.pathname, /\/rooms\/(?:plus\/)?(\d{1,20})(?!\d)/),
          ...only(url, ["listing_id"], /^\d{1,20}$/),
        ])
        addAll(templates, only(url, ["c"], /^[\w.%+/=-]{8,400}$/).flatMap(templateOf))
        isHosts ||= url.pathname.startsWith("/hosting/")
        break
      case "vrbo":
        addAll(codes, [
          ...matches(url.pathname, /\/(HA-[A-Z0-9]{6})(?![A-Z0-9])/),
          ...only(url, ["reservationId", "reservation_id", "reservationReferenceNumber"], /^HA-[A-Z0-9]{6}$/),
        ])
        addAll(listings, only(url, ["propertyId", "listingId"], /^\d{4,12}$/))
        break
      case "booking":
        addAll(codes, only(url, ["res_id"], /^\d{10}$/))
        addAll(listings, only(url, ["hotel_id"], /^\d{1,12}$/))
    }
  }
  return { codes: [...codes], listings: [...listings], templates: [...templates], isHosts }
}

/** The addresses that stand in lines of text. */
export const inText = (lines: ReadonlyArray<string>): ReadonlyArray<Link> =>
  lines.flatMap((line) => {
    const found: Array<Link> = []
    for (let at = line.indexOf("https://"); at >= 0 && found.length < limit;) {
      const end = endOfUrl(line, at)
      found.push({ href: line.slice(at, end), text: "" })
      at = line.indexOf("https://", end)
    }
    return found
  })

const limit = 500
const longest = 4_000

const ownUrl = (href: string, platform: string | null): URL | undefined => {
  if (href.length > longest || !/^https:\/\//i.test(href) || !URL.canParse(href)) return undefined
  const url = new URL(href)
  const isPlain = url.username === "" && url.password === "" && url.port === ""
  return isPlain && platform !== null && Authenticity.platformOf(url.hostname) === platform ? url : undefined
}

/** A parameter's value; nothing if it is given twice. */
const only = (url: URL, names: ReadonlyArray<string>, shape: RegExp): ReadonlyArray<string> =>
  names.flatMap((name) => {
    if (url.search === "") return []
    const [value, ...others] = url.searchParams.getAll(name)
    return value !== undefined && others.length === 0 && shape.test(value) ? [value] : []
  })

const matches = (text: string, shape: RegExp): ReadonlyArray<string> => {
  const found = shape.exec(text)?.[1]
  return found === undefined ? [] : [found]
}

/** `.pi80.pk<base64>`: the name of the template, after a few marks. */
const templateOf = (parameter: string): ReadonlyArray<string> => {
  const encoded = /\.pk([A-Za-z0-9+/_-]{8,}={0,2})$/.exec(parameter)?.[1]
  const name = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("latin1")
  return /^[a-z0-9_]+(?:\/[a-z0-9_]+){1,6}$/.test(name) ? [name] : []
}

const endOfUrl = (line: string, at: number): number => {
  const length = line.slice(at).search(/[\s<>"'）)\]]/)
  return length < 0 ? line.length : at + length
}

const addAll = (set: Set<string>, values: ReadonlyArray<string>): void => {
  for (const value of values) set.add(value)
}
