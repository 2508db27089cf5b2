/** Ids that follow from what they are ids of: two workers that begin at once begin the same thing. */
import { Effect } from "effect"
import { Digest } from "effect/crypto"

import { type ConnectionId, FeedId } from "./Ids.ts"
import * as Utf8 from "./Utf8.ts"

/** The same UUID for the same parts. */
export const derivedUuid = Effect.fnUntraced(function* (...parts: ReadonlyArray<string>) {
  const digest = yield* Digest.Digest
  const hex = yield* digest.digestHex(Digest.sha256, Utf8.encode(JSON.stringify(parts)))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
})

/** The feed of what a connection delivers for one outside account. `source` is what the provider calls it. */
export const feedIdOf = (connectionId: ConnectionId, source: string) =>
  Effect.map(derivedUuid("feed", connectionId, source), (id) => FeedId.make(id))
