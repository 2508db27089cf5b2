/**
 * The port that an adapter implements for each provider.
 *
 * Adapters translate and nothing more: they ask the provider and say the answer
 * in the domain's words. What it means for a connection is the domain's business.
 */
import { type DateTime, type Effect, type Redacted, type Result, Schema } from "effect"

import { type Settings } from "./Connection.ts"
import { type ItemId } from "./Feed.ts"
import { ProviderId } from "./Ids.ts"
import { type Description } from "./matching/Profile.ts"
import { type Row as Transaction } from "./matching/Transactions.ts"

/** The provider ended the authorization; only the owner can renew it. */
export class AuthorizationEnded extends Schema.TaggedError<AuthorizationEnded>()("AuthorizationEnded", {
  reason: Schema.Literals(["expired", "revoked", "missing_scope"]),
}) {}

/** The credentials are stale: renew them and ask again. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}

/** The provider asks for patience. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  /** How long to wait before asking again, if the provider said. */
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis),
}) {}

/** The provider could not be reached or failed. Asking again may help. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

/** The cursor is too old for the provider: the source must be compared from its beginning. */
export class CursorExpired extends Schema.TaggedError<CursorExpired>()("CursorExpired", {}) {}

/** The settings of the connection name something that the provider does not have. */
export class SourceNotFound extends Schema.TaggedError<SourceNotFound>()("SourceNotFound", {
  setting: Schema.String,
}) {}

/** The provider answered, but not as documented. Asking again will not help. */
export class UnexpectedAnswer extends Schema.TaggedError<UnexpectedAnswer>()("UnexpectedAnswer", {
  /** What was wrong with its shape; never what it contained. */
  problem: Schema.String,
}) {}

/** Why a provider could not be asked. Nothing was recorded. Handle a reason with `Effect.catchReason`. */
export class ProviderError extends Schema.TaggedError<ProviderError>()("ProviderError", {
  provider: ProviderId,
  reason: Schema.Union([
    AuthorizationEnded,
    Unauthorized,
    RateLimited,
    Unavailable,
    CursorExpired,
    SourceNotFound,
    UnexpectedAnswer,
  ]),
}) {}

/** Credentials as the adapter writes them into the vault, and reads them from there. */
export type Secret = Redacted.Redacted<string>

/** A part of the outside account that is delivered as a feed of its own. */
export interface Source {
  /** As the provider names it, for good: the id of a label, not its name. */
  readonly key: string
  /** What the provider says of the outside account, where an account cannot be known by the connection's identity. */
  readonly account?: Description | undefined
}

type Items = ReadonlyArray<{ readonly id: ItemId; readonly content: Schema.Json }>

/** What a source delivered next. */
export interface Page {
  readonly items: Items
  /** Items that were delivered before, and are different now. */
  readonly revised?: Items | undefined
  /** Items that were delivered before, and that the provider takes back. */
  readonly withdrawn?: ReadonlyArray<ItemId> | undefined
  /**
   * The first day from which on the provider has delivered everything, `YYYY-MM-DD`, where it can be told. Of the
   * page that completes a source.
   */
  readonly coversFrom?: string | undefined
  /** Items that were delivered but are held already, so that nothing was fetched for them. */
  readonly known: number
  /** Where the next page starts; the adapter's own notation. The same again when a page is delivered in parts. */
  readonly cursor: string
  /** Whether the provider has nothing more for now. */
  readonly complete: boolean
  /** What kept the rest of the page from being fetched. The items are good; asking again brings the others. */
  readonly stoppedBy?: ProviderError | undefined
}

/** One provider. */
export interface Provider {
  readonly id: ProviderId

  /** When the credentials stop working by themselves, if they say so. */
  readonly expiresAt: (secret: Secret) => DateTime.Utc | undefined

  /**
   * New credentials for old ones. The old ones may stop working with it, so it is not interrupted: it must come to an
   * end by itself.
   */
  readonly refresh: (secret: Secret) => Effect.Effect<Secret, ProviderError>

  /** What a connection with these settings delivers. */
  readonly sources: (secret: Secret, settings: Settings) => Effect.Effect<ReadonlyArray<Source>, ProviderError>

  /**
   * The page after a cursor, from the beginning without one. Only items that are not held yet are fetched.
   * Asking for the same page again is safe.
   *
   * Without a cursor, `resumeFrom` may name a day, `YYYY-MM-DD`: what was booked before it is held from an earlier
   * connection, under other ids, and need not be delivered again.
   */
  readonly page: (
    secret: Secret,
    source: Source,
    cursor: string | null,
    isHeld: (id: ItemId) => boolean,
    resumeFrom?: string,
  ) => Effect.Effect<Page, ProviderError>

  /**
   * An item as a bank transaction, for providers whose items have other ids under every connection: they are then
   * reconciled with what the account holds by what they say. Fails with what is wrong with the item, never its content.
   */
  readonly transaction?: (content: Schema.Json) => Result.Result<Transaction, string>

  /** How many items one call brings at most: what not fetching again saves is told in calls. */
  readonly itemsPerCall?: number

  /** Ends the authorization at the provider. Done after the end was recorded; ending what has ended is success. */
  readonly remove?: (secret: Secret) => Effect.Effect<void, ProviderError>
}
