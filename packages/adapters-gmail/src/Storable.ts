/** PostgreSQL keeps no NUL in text. Lone surrogates, which it refuses too, the parser of mails itself replaces. */
export const storable = (text: string): string => (text.includes("\0") ? withoutNuls(text) : text)

/** There may be as many as a mail has bytes, of which each takes `replaceAll` a tenth of a microsecond. */
const withoutNuls = (text: string): string => {
  const units = Buffer.from(text, "utf16le")
  for (let at = 0; at < units.length; at += 2) {
    if (units[at] === 0 && units[at + 1] === 0) units.writeUInt16LE(0xfffd, at)
  }
  return units.toString("utf16le")
}
