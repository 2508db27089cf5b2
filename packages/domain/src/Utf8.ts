/**
 * Text as bytes. Every runtime has these two globals; the language's own library
 * of types does not, and the domain asks for no other.
 */
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> }
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: true },
) => { decode(bytes: Uint8Array): string }

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

export const encode = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

/** Throws on bytes that are no UTF-8. */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes)
