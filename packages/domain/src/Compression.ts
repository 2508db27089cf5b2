/**
 * Raw deflate (RFC 1951), by whatever the runtime has for it.
 *
 * The default works in every runtime; a host on Node.js gives its native one.
 */
import { Context, Effect } from "effect"

export interface Compression {
  readonly deflate: (bytes: Uint8Array) => Effect.Effect<Uint8Array>
  /** Dies on bytes that are no raw deflate: give it only what was authenticated. */
  readonly inflate: (bytes: Uint8Array) => Effect.Effect<Uint8Array>
}

// Every runtime has these globals; the domain asks for no library of types that names them.
declare const CompressionStream: new (format: "deflate-raw") => Transform
declare const DecompressionStream: new (format: "deflate-raw") => Transform
interface Transform {
  readonly writable: { getWriter(): { write(bytes: Uint8Array): Promise<void>; close(): Promise<void> } }
  readonly readable: {
    getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> }
  }
}

/** Without a `Blob` or a `Response`, which would hold all of it once more. */
const through = (bytes: Uint8Array, { readable, writable }: Transform) =>
  Effect.promise(async () => {
    const writer = writable.getWriter()
    const reader = readable.getReader()
    const pieces: Array<Uint8Array> = []
    let length = 0
    const read = async () => {
      for (let next = await reader.read(); next.value !== undefined; next = await reader.read()) {
        pieces.push(next.value)
        length += next.value.length
      }
    }
    await Promise.all([read(), writer.write(bytes), writer.close()])
    const all = new Uint8Array(length)
    let at = 0
    for (const piece of pieces) {
      all.set(piece, at)
      at += piece.length
    }
    return all
  })

export const Compression = Context.Reference<Compression>("@holdfast/domain/Compression", {
  defaultValue: () => ({
    deflate: (bytes) => Effect.suspend(() => through(bytes, new CompressionStream("deflate-raw"))),
    inflate: (bytes) => Effect.suspend(() => through(bytes, new DecompressionStream("deflate-raw"))),
  }),
})
