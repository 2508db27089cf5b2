/** Whether there is such a charset, by any of its names. */
export const isCharset = (name: string): boolean => {
  const label = name.toLowerCase()
  if (charsets.has(label)) return true
  try {
    const { encoding } = new TextDecoder(label)
    charsets.add(label).add(encoding)
    return true
  } catch {
    return false
  }
}

/** Those met before, of the few hundred that there are. */
const charsets = new Set<string>()
