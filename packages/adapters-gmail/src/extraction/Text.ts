/** Text as it is compared: each character for itself, so that what is found in folded text stands at the same place in the original. */

/** In lower case, with one kind of dash, apostrophe, colon and bracket; of the same length. */
export const fold = (text: string): string => {
  if (isPlain.test(text)) return text.toLowerCase()
  const plain = text.replace(variants, plainOf)
  const lowered = plain.toLowerCase()
  if (lowered.length === plain.length) return lowered
  return Array.from(plain, (char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join("")
}

const isPlain = /^[ -~]*$/

const variants = /[\u00A0\u0130\u02BC\u2010-\u2015\u2018\u2019\u202F\u2212\u3000\uFE58\uFE63\uFF01-\uFF5E]/g

const plainOf = (variant: string): string => {
  if (variant >= "\uFF01") return String.fromCharCode(variant.charCodeAt(0) - 0xfee0)
  if (variant === "\u0130") return "i"
  if (/[\u00A0\u202F\u3000]/.test(variant)) return " "
  return /[\u02BC\u2018\u2019]/.test(variant) ? "'" : "-"
}

/** Whether a word may begin at this place. */
export const startsWord = (text: string, at: number): boolean =>
  at === 0 || !isWord(text.charAt(at - 1)) || isUnspaced(text.charAt(at)) || isUnspaced(text.charAt(at - 1))

/** Whether a word may end before this place. */
export const endsWord = (text: string, at: number): boolean =>
  at >= text.length || !isWord(text.charAt(at)) || isUnspaced(text.charAt(at - 1)) || isUnspaced(text.charAt(at))

const isWord = (char: string) => /[\p{L}\p{N}\p{M}]/u.test(char)

/** Of scripts that put no spaces between words. */
const isUnspaced = (char: string) => /[\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]/.test(char)
