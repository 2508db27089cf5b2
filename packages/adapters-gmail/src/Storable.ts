/** PostgreSQL keeps no NUL in text. Lone surrogates, which it refuses too, the parser of mails itself replaces. */
export const storable = (text: string): string => text.replaceAll("\0", "\uFFFD")
