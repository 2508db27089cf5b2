/**
 * Gmail as a provider: one feed for the label that a connection watches.
 *
 * A label is first listed whole and from then on followed by its history. The
 * history id is taken before the list begins, so that what arrives meanwhile is
 * in the history; what both deliver is held already and fetched once.
 */
import { Feed, Ids, Provider } from "@holdfast/domain"
import { Context, Effect, Option, Redacted, Result, Schedule, Schema } from "effect"

import { GmailApi, HistoryId, LabelId, type Mailbox, type MessageId, type MessageRef } from "./GmailApi.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { type GoogleError } from "./GoogleError.ts"
import { GoogleOAuth } from "./GoogleOAuth.ts"
import * as Tape from "./Tape.ts"

export const id = Ids.ProviderId.make("gmail")

/** How a feed's cursor is written: where the list is, or where the history is. */
const Cursor = Schema.Union([
  Schema.Struct({ list: Schema.Struct({ historyId: HistoryId, pageToken: Schema.optionalKey(Schema.String) }) }),
  Schema.Struct({
    history: Schema.Struct({
      start: HistoryId,
      /** On a later page: its token, and the history id of the first page, which is where the next look begins. */
      page: Schema.optionalKey(Schema.Struct({ token: Schema.String, next: HistoryId })),
    }),
  }),
])
type Cursor = typeof Cursor.Type
const CursorJson = Schema.fromJsonString(Cursor)

/** Messages on one page: an append holds them whole, so a page is kept to some megabytes of ordinary mail. */
export const PageSize = Context.Reference("@holdfast/adapters-gmail/PageSize", { defaultValue: () => 100 })

/** Bytes of mail after which a page is delivered as it is; what is being fetched then comes with it. */
export const PageBytes = Context.Reference("@holdfast/adapters-gmail/PageBytes", { defaultValue: () => 16_000_000 })

/** Messages that are fetched from one mailbox at once. */
export const Concurrency = Context.Reference("@holdfast/adapters-gmail/Concurrency", { defaultValue: () => 8 })

/** The provider on a Gmail and a Google to talk to. */
export const make = Effect.gen(function* () {
  const api = yield* GmailApi
  const oauth = yield* GoogleOAuth

  const mailboxOf = (secret: Provider.Secret) => api.mailbox(Redacted.make(GmailSecret.granted(secret).accessToken))

  return {
    id,
    expiresAt: (secret) => GmailSecret.granted(secret).expiresAt,

    refresh: (secret) => {
      const held = GmailSecret.granted(secret)
      return oauth.refresh(Redacted.make(held.refreshToken)).pipe(
        Effect.map(({ accessToken, expiresAt, refreshToken, scopes }) =>
          GmailSecret.write({
            ...held,
            accessToken: Redacted.value(accessToken),
            refreshToken: Redacted.value(refreshToken),
            expiresAt,
            scopes,
          }),
        ),
        Effect.mapError(providerError),
      )
    },

    sources: Effect.fn("GmailProvider.sources")(function* (secret, settings) {
      const labels = yield* Effect.mapError(mailboxOf(secret).labels, providerError)
      const label = labels.find(({ name }) => name === settings[labelSetting])
      if (label === undefined) return yield* fail(new Provider.SourceNotFound({ setting: labelSetting }))
      return [{ key: label.id }]
    }),

    page: Effect.fn("GmailProvider.page")(function* (secret, source, cursor, isHeld) {
      const mailbox = mailboxOf(secret)
      const place = yield* cursorFrom(mailbox, cursor)
      const listing = yield* Effect.mapError(listAfter(mailbox, source, place), (error) =>
        isPageLost(place, error) ? providerErrorOf(new Provider.CursorExpired()) : providerError(error),
      )
      const wanted = listing.messages.filter(({ id }) => !isHeld(Feed.ItemId.make(id)))
      const { isWhole, items, stoppedBy } = yield* fetchAll(mailbox, source, wanted)
      return {
        items,
        known: listing.messages.length - wanted.length,
        cursor: Schema.encodeSync(CursorJson)(isWhole ? listing.next : place),
        complete: isWhole && listing.complete,
        stoppedBy,
      } satisfies Provider.Page
    }),
  } satisfies Provider.Provider
})

/** The setting that names the label to watch. */
export const labelSetting = "label"

const cursorFrom = (mailbox: Mailbox, cursor: string | null): Effect.Effect<Cursor, Provider.ProviderError> =>
  cursor === null
    ? Effect.mapBoth(mailbox.profile, {
        onSuccess: ({ historyId }) => ({ list: { historyId } }),
        onFailure: providerError,
      })
    : Effect.mapError(Schema.decodeEffect(CursorJson)(cursor), () =>
        providerErrorOf(new Provider.UnexpectedAnswer({ problem: "a cursor that is not ours" })),
      )

interface Listing {
  readonly messages: ReadonlyArray<MessageRef>
  readonly next: Cursor
  readonly complete: boolean
}

const listAfter = Effect.fnUntraced(function* (mailbox: Mailbox, source: Provider.Source, cursor: Cursor) {
  const labelId = LabelId.make(source.key)
  const maxResults = yield* PageSize
  if ("list" in cursor) {
    const { historyId, pageToken } = cursor.list
    const page = yield* mailbox.listMessages({
      labelId,
      maxResults,
      ...(pageToken !== undefined && { pageToken }),
    })
    return Option.match(page.nextPageToken, {
      onNone: (): Listing => ({ messages: page.messages, next: { history: { start: historyId } }, complete: false }),
      onSome: (token): Listing => ({
        messages: page.messages,
        next: { list: { historyId, pageToken: token } },
        complete: false,
      }),
    })
  }
  const { page: later, start } = cursor.history
  const page = yield* mailbox.history({
    startHistoryId: start,
    labelId,
    maxResults,
    ...(later !== undefined && { pageToken: later.token }),
  })
  const next = later?.next ?? page.historyId
  return Option.match(page.nextPageToken, {
    onNone: (): Listing => ({ messages: page.messages, next: { history: { start: next } }, complete: true }),
    onSome: (token): Listing => ({
      messages: page.messages,
      next: { history: { start, page: { token, next } } },
      complete: false,
    }),
  })
})

/** Page tokens are refused like labels that are gone. If the label is, listing it from its beginning tells. */
const isPageLost = (cursor: Cursor, { reason }: GoogleError) =>
  reason._tag === "NotFound" && ("list" in cursor ? cursor.list.pageToken : cursor.history.page) !== undefined

/** Messages until the page is full or one cannot be had: nothing that was fetched is thrown away. */
const fetchAll = Effect.fnUntraced(function* (
  mailbox: Mailbox,
  source: Provider.Source,
  wanted: ReadonlyArray<MessageRef>,
) {
  const concurrency = yield* Concurrency
  const budget = yield* PageBytes
  let bytes = 0
  let isWhole = true
  let stoppedBy: Provider.ProviderError | undefined
  const fetchNext = Effect.fnUntraced(function* ({ id }: MessageRef) {
    if (stoppedBy !== undefined || bytes >= budget) {
      isWhole = false
      return []
    }
    const fetched = yield* Effect.result(fetch(mailbox, source, id))
    if (Result.isFailure(fetched)) {
      isWhole = false
      stoppedBy ??= fetched.failure
      return []
    }
    bytes += fetched.success.size
    return fetched.success.items
  })
  const items = (yield* Effect.forEach(wanted, fetchNext, { concurrency })).flat()
  return stoppedBy !== undefined && items.length === 0 ? yield* stoppedBy : { items, isWhole, stoppedBy }
})

/**
 * A message whole; nothing when it is gone, or when its label was taken off before it was read: only what bears the
 * label may be kept. One that was just announced may take seconds to be readable.
 */
const fetch = (mailbox: Mailbox, source: Provider.Source, id: MessageId) =>
  mailbox.rawMessage(id).pipe(
    Effect.retry({
      while: ({ reason }) => reason._tag === "NotFound",
      schedule: Schedule.exponential("500 millis"),
      times: 3,
    }),
    Effect.flatMap((message) =>
      message.labelIds.includes(LabelId.make(source.key))
        ? Effect.map(Tape.record(message), (content) => ({
            items: [{ id: Feed.ItemId.make(message.id), content }],
            size: message.raw.length,
          }))
        : Effect.succeed(nothing),
    ),
    Effect.catchReason("GoogleError", "NotFound", () => Effect.succeed(nothing)),
    Effect.mapError(providerError),
  )

const nothing = { items: [], size: 0 }

const providerErrorOf = (reason: Provider.ProviderError["reason"]) =>
  new Provider.ProviderError({ provider: id, reason })

const fail = (reason: Provider.ProviderError["reason"]) => Effect.fail(providerErrorOf(reason))

const providerError = ({ reason }: GoogleError) => providerErrorOf(reasonOf(reason))

const reasonOf = (reason: GoogleError["reason"]): Provider.ProviderError["reason"] => {
  switch (reason._tag) {
    case "InvalidGrant":
      return new Provider.AuthorizationEnded({ reason: "revoked" })
    case "Denied":
      return new Provider.AuthorizationEnded({ reason: "revoked" })
    case "MissingScope":
      return new Provider.AuthorizationEnded({ reason: "missing_scope" })
    case "Unauthorized":
      return new Provider.Unauthorized()
    case "RateLimited":
      return new Provider.RateLimited(reason.retryAfter === undefined ? {} : { retryAfter: reason.retryAfter })
    case "Unavailable":
      return new Provider.Unavailable()
    case "HistoryExpired":
      return new Provider.CursorExpired()
    case "NotFound":
      return new Provider.SourceNotFound({ setting: labelSetting })
    case "Refused":
      return new Provider.UnexpectedAnswer({ problem: `refused: ${reason.code}` })
    case "UnexpectedAnswer":
      return new Provider.UnexpectedAnswer({ problem: reason.problem })
  }
}
