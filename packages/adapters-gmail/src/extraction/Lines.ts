/**
 * Text as a reader sees it: every sort of space is a space, what has no width is gone, and no line is empty. Text parts
 * and html come out in the same form, so that whatever reads lines reads both.
 */

/** Beyond this a text is bait: it is read up to there. In UTF-16 units. */
export const maxLength = 2_000_000

/** The lines of a text part. */
export const ofText = (text: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const line of text.slice(0, maxLength).split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/u)) {
    const plain = normalised(line)
    if (plain.length > 0) lines.push(plain)
  }
  return lines
}

/** One line: NFC, single plain spaces, nothing invisible. */
export const normalised = (text: string): string => {
  const trimmed = text.trim()
  return isSpecial.test(trimmed) ? trimmed.normalize("NFC").replace(invisible, "").replace(spaces, " ").trim() : trimmed
}

const isSpecial = /[^ -~]| {2}/u

/** Zero-width and directional characters, soft hyphens, controls: a word with them looks like the word without. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cs}\uFFF9-\uFFFB]|(?![\s\u0085])\p{Cc}/gu

const spaces = /[\s\u0085\u2800]+/gu
