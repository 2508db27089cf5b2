/**
 * The port that an adapter implements for each provider.
 *
 * Adapters translate and nothing more: they ask the provider and say the answer
 * in the domain's words. What it means for a connection is the domain's business.
 */
import { type DateTime, type Effect, type Redacted, type Result, Schema } from "effect"

import { type Settings } from "./Connection.ts"
import { type Deferral, type Gone, type ItemId, type Observation } from "./Feed.ts"
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
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  /** What is known of it beyond that; never anything that it contained. */
  problem: Schema.optionalKey(Schema.String),
}) {}

/** The cursor is too old for the provider: the source must be compared from its beginning. */
export class CursorExpired extends Schema.TaggedError<CursorExpired>()("CursorExpired", {}) {}

/** The settings of the connection do not say what to deliver. Asking again helps once they do. */
export class SourceNotConfigured extends Schema.TaggedError<SourceNotConfigured>()("SourceNotConfigured", {
  setting: Schema.String,
}) {}

/** What the settings name is not there any more, and something else has its name. A person has to say which is meant. */
export class SourceReplaced extends Schema.TaggedError<SourceReplaced>()("SourceReplaced", {
  setting: Schema.String,
}) {}

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
    SourceNotConfigured,
    SourceNotFound,
    SourceReplaced,
    UnexpectedAnswer,
  ]),
}) {}

/** Credentials as the adapter writes them into the vault, and reads them from there. */
export type Secret = Redacted.Redacted<string>

/** A part of the outside account that is delivered as a feed of its own. */
export interface Source {
  /** As the provider names it, for good: the id of a label, not its name. */
  readonly key: string
  /**
   * Whether an item has the same id under every source of the account, as a message has under every label. What is
   * held under another source is then not recorded again, so that an account holds it once.
   */
  readonly sharesIds?: boolean | undefined
  /**
   * What the connection's settings say from now on, where the provider knows better: the name of a label that was
   * renamed. Recorded before anything is fetched.
   */
  readonly settings?: Settings | undefined
  /** How many items it holds, as the provider counted them when it was asked for its sources: to a run's first page. */
  readonly total?: number | undefined
  /** What finding it took of the provider's quota, in the provider's units. */
  readonly cost?: number | undefined
  /** What the provider says of the outside account, where an account cannot be known by the connection's identity. */
  readonly account?: Description | undefined
}

type Items = ReadonlyArray<{ readonly id: ItemId; readonly content: Schema.Json }>

/** What became of items that were asked for. */
export interface Fetched {
  readonly items: Items
  /** Items that could not be had for reasons of their own, while others could. They are asked for again later. */
  readonly deferred?: ReadonlyArray<Pick<Deferral, "item" | "reason">> | undefined
  /** Items that are not to be had any more. */
  readonly gone?: ReadonlyArray<Gone> | undefined
  /** What it took of the provider's quota, in the provider's units. */
  readonly cost?: number | undefined
  /** What kept the rest from being fetched. The items are good; asking again brings the others. */
  readonly stoppedBy?: ProviderError | undefined
}

/** What a source delivered next. */
export interface Page extends Fetched {
  /** Items that were delivered before, and are different now. */
  readonly revised?: Items | undefined
  /**
   * Of the items that are `known`, as they are now, where the provider lists what is there and not what changed since:
   * after a cursor that expired. Those that differ from what is held are revised.
   */
  readonly present?: Items | undefined
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
  /** What became of items that were delivered before, or are now. Of those that are not held it is passed over. */
  readonly observed?: ReadonlyArray<Observation> | undefined
  /**
   * Of a page that belongs to a listing of all there is: its items by id, and whether the listing ends with it. What is
   * held and not listed is not there any more: it is observed as removed, or withdrawn where items are transactions.
   */
  readonly listing?: { readonly ids: ReadonlyArray<ItemId>; readonly isLast: boolean } | undefined
  /** How many items the source holds, as the provider counts them. Of the page that completes a source. */
  readonly total?: number | undefined
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
   * The page after a cursor, from the beginning without one. Only items that are not held yet are fetched; those that
   * were deferred count as held. Asking for the same page again is safe.
   *
   * The cursor goes beyond an item only if the page delivers it, defers it or says that it is gone.
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

  /**
   * Fetches items by id that could not be had before. An item that cannot be had again is `deferred` again; that the
   * provider does not know it is the proof that it is `gone`.
   */
  readonly items?: (secret: Secret, source: Source, ids: ReadonlyArray<ItemId>) => Effect.Effect<Fetched, ProviderError>

  /** Ends the authorization at the provider. Done after the end was recorded; ending what has ended is success. */
  readonly remove?: (secret: Secret) => Effect.Effect<void, ProviderError>
}
