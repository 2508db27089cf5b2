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
declare const Blob: new (parts: ReadonlyArray<Uint8Array>) => { stream(): Body }
declare const Response: new (body: Body) => { arrayBuffer(): Promise<ArrayBuffer> }
interface Transform {
  readonly writable: unknown
}
interface Body {
  pipeThrough(transform: Transform): Body
}

const through = (bytes: Uint8Array, transform: () => Transform) =>
  Effect.promise(async () => {
    const body = new Blob([bytes]).stream().pipeThrough(transform())
    return new Uint8Array(await new Response(body).arrayBuffer())
  })

export const Compression = Context.Reference<Compression>("@holdfast/domain/Compression", {
  defaultValue: () => ({
    deflate: (bytes) => through(bytes, () => new CompressionStream("deflate-raw")),
    inflate: (bytes) => through(bytes, () => new DecompressionStream("deflate-raw")),
  }),
})
