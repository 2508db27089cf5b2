/**
 * Whether text is somebody's name. Whoever books types what they like: a name that goes on to a booking is letters and
 * what stands between them, never a link, a number or an order to whoever reads it.
 */
import * as Lines from "./Lines.ts"

/** The longest name that is taken for one, in characters. */
export const maxLength = 80

/** The name in NFC with single spaces; null if the text is no name, or one that stands for no name yet. */
export const clean = (text: string): string | null => {
  if (text.length > 4 * maxLength) return null
  const name = withoutHonorific(Lines.normalised(text).replace(surrounding, "").trim())
  if ([...name].length > maxLength || !isWritten(name) || between.test(name)) return null
  const words = name.toLowerCase().split(" ")
  if (words.length > 10 || words.some((word) => domain.test(word) || orders.has(word.replace(/[.'’-]+$/u, ""))))
    return null
  // `votre voyageur`, `dein Gast`, `Verified guest`; but somebody may be called Guest.
  const last = words.at(-1) ?? ""
  if (words.length > 1 && placeholders.has(last) && (/^\p{Ll}/u.test(name) || name.endsWith(last))) return null
  return placeholders.has(name.toLowerCase().replace(/\.$/u, "")) ? null : name
}

const surrounding = /^["“”„«»‹›「」『』,;:!\s]+|["“”„«»‹›「」『』,;:!\s]+$/gu

/** Japanese, Korean and Chinese forms of address follow the name. */
const withoutHonorific = (name: string) => name.replace(/(?<=\S)(?: ?(?:さま|さん|様|님|先生|女士))+$/u, "")

const isWritten = (name: string) =>
  /^\p{L}[\p{L}\p{M} '’ʼ`´.\-‐‑·・]*(?: & \p{L}[\p{L}\p{M} '’ʼ`´.\-‐‑]*)?$/u.test(name) &&
  (/\p{L}[\p{M}'’.-]*\p{L}/u.test(name) || /\p{Script=Han}|\p{Script=Hangul}/u.test(name))

/** `evil.test`, but not `J.R.` or `St. John`. */
const domain = /^\p{L}[\p{L}-]+\.\p{L}{2,}/u

/** A name and something else: `Sea View - Ada Testwell`, `Ada Testwell at Sea View`. */
const between = / [-‐‑] |['’]s \p{Ll}|(?:^| )(?:at|for|with|from|für|bei|pour|chez|para|per|presso|voor|bij) /u

/** Words that nobody is called, and that whoever wants to steer a reader needs. */
const orders = new Set(
  (
    "ignore ignores disregard forget override bypass instruction instructions previous prompt prompts assistant " +
    "chatgpt http https www mailto javascript script select insert delete drop update execute confidence confirm " +
    "confirmed reservation booking bookings verify click login password function " +
    // Beginnings of the next label, where a name was left out.
    "phone telephone email payment address telefonnummer téléphone teléfono puhelin telefoonnummer zahlungsart"
  ).split(" "),
)

const placeholders = new Set([
  ...(
    "airbnb vrbo homeaway abritel booking booking.com lodgify expedia guest guests traveler traveller host visitor customer " +
    "unknown anonymous null undefined none n.a na name tba tbd test gast gäste reisender reisende invité voyageur voyageuse client cliente " +
    "huésped viajero viajera ospite viaggiatore hóspede viajante gjest gæst gäst matkustaja vieras gość host hosté vendég " +
    "oaspete misafir гость гість επισκέπτης ゲスト 게스트 旅客 房客 客人 ผู้เข้าพัก khách tamu"
  ).split(" "),
  ..."様 さん さま 님 先生 女士".split(" "),
  "available after booking",
  "hidden by airbnb",
  "name hidden",
  "not available",
  "not provided",
  "guest name",
  "the guest",
  "your guest",
  "new guest",
  "identity verified",
  "new to airbnb",
  "view profile",
  "view details",
  "airbnb guest",
  "vrbo guest",
  "airbnb user",
  "deleted user",
  "someone",
  "hidden",
  "airbnb support",
  "airbnb team",
  "vrbo support",
  "the airbnb team",
  "verfügbar nach der buchung",
  "disponible après réservation",
  "disponible después de la reserva",
  "disponibile dopo la prenotazione",
])
