/** What the author of an adapter brings to `providerContract`: a provider's side, to be played with. */
import { type Effect } from "effect"

import type * as Connection from "../../Connection.ts"
import type * as Feed from "../../Feed.ts"
import { type IdentityHash } from "../../Ids.ts"
import { type Provider, type Secret } from "../../Provider.ts"

/** What may befall a request, and passes. */
export const mishaps = [
  "rate-limited",
  "unavailable",
  /** The connection drops before anything is done. */
  "dropped",
  /** The work is done, and the answer is lost. */
  "unanswered",
  /** The work is done, and the answer breaks off. */
  "truncated",
] as const

/** What befalls requests: of those to come, the next `times` after the next `after`; other requests are served. */
export interface Mishap {
  /** `hanging`: nothing is done, and nothing is answered. */
  readonly kind: (typeof mishaps)[number] | "hanging"
  /** 0 if absent. */
  readonly after?: number
  /** 1 if absent. */
  readonly times?: number
  /** What a `rate-limited` answer says to wait, in seconds; nothing if absent. */
  readonly retryAfter?: number
}

/** A consent at a provider of the adapter's author's making, and what can happen there. Each test opens one. */
export interface World {
  readonly provider: Provider
  /** What the consent gave, as the adapter keeps it. */
  readonly secret: Secret
  /** What the connection is to deliver. */
  readonly settings: Connection.Settings
  /** Whose account it is, where that is known by the consent: of no other world. */
  readonly identity?: IdentityHash
  /** Texts that no error, log or span may show: the tokens of these credentials, and what else is confidential here. */
  readonly confidential: (secret: Secret) => ReadonlyArray<string>

  /** So many new items come to the first source of the connection, for good. What the provider calls them. */
  readonly deliver: (count: number) => Effect.Effect<ReadonlyArray<Feed.ItemId>>
  /** Has pages hold about so many items, where the adapter can be told. */
  readonly paged?: (size: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

  /** Bad luck for requests to come; several wait in order. */
  readonly befall: (mishap: Mishap) => Effect.Effect<void>
  /** No mishap is waiting any more. */
  readonly recover: Effect.Effect<void>
  /** How many requests came, however they ended; and how many of them were left hanging. */
  readonly requests: Effect.Effect<{ readonly all: number; readonly hanging: number }>

  /** The person withdraws the consent. */
  readonly revoke: Effect.Effect<void>
  /** `expiry`: what the provider gave to ask with is too old from now on; what renews it stays good. */
  readonly expireCredentials?: Effect.Effect<void>
  /** `rotation`: what renews credentials is good for one renewal from now on, which gives another one. */
  readonly replaceByRenewal?: Effect.Effect<void>
  /** `forgetting`: the provider does not know any cursor from before any more. */
  readonly forgetCursors?: Effect.Effect<void>
  /** `revision`: an item is another now, under its id. */
  readonly revise?: (id: Feed.ItemId) => Effect.Effect<void>
  /** `withdrawal`: an item is not there any more. */
  readonly withdraw?: (id: Feed.ItemId) => Effect.Effect<void>
  /** `settings`: those that name nothing, and those that name what is not there. */
  readonly misconfigured?: { readonly unset: Connection.Settings; readonly unknown: Connection.Settings }
}

/** What not every provider has; `removal` and `transactions` are functions of the provider itself. */
export type Ability =
  | "expiry"
  | "rotation"
  | "forgetting"
  | "revision"
  | "withdrawal"
  | "settings"
  | "removal"
  | "transactions"
