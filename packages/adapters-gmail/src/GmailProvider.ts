/**
 * Gmail as a provider: one feed for the label that a connection watches.
 *
 * A label is first listed whole and from then on followed by its history. The
 * history id is taken before the list begins, so that what arrives meanwhile is
 * in the history; what both deliver is held already and fetched once.
 *
 * The cursor goes beyond a message when it is on the tape, when it is known to be
 * gone, or when it is deferred: asked for again, run after run, until it is one
 * of the two.
 */
import { Feed, Ids, Provider } from "@holdfast/domain"
import { Context, Effect, Option, Redacted, Result, Schema } from "effect"

import { GmailApi, HistoryId, LabelId, type Mailbox, MessageId, type MessageRef, type Place } from "./GmailApi.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { type GoogleError } from "./GoogleError.ts"
import { GoogleOAuth } from "./GoogleOAuth.ts"
import * as InFlight from "./InFlight.ts"
import * as Labels from "./Labels.ts"
import * as Mail from "./Mail.ts"
import * as Retries from "./Retries.ts"
import * as Tape from "./Tape.ts"

export const id = Ids.ProviderId.make("gmail")

/** How a feed's cursor is written: where the list is, or where the history is. */
const Cursor = Schema.Union([
  Schema.Struct({
    list: Schema.Struct({ historyId: HistoryId, pageToken: Schema.optionalKey(Schema.String) }),
  }),
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

/**
 * Bytes of mail after which a page is delivered as it is, with what is being fetched then; before that, where one more of
 * the size of the last ones would be more. Large mails are fetched one after the other, so that none comes on top of a
 * full page.
 */
export const PageBytes = Context.Reference("@holdfast/adapters-gmail/PageBytes", { defaultValue: () => 16_000_000 })

/** Messages that are fetched from one mailbox at once, when Google lets us. Read when the mailbox is asked first. */
export const Concurrency = Context.Reference("@holdfast/adapters-gmail/Concurrency", { defaultValue: () => 8 })

/**
 * Bytes of mail that are fetched and read at once, from all mailboxes together; `Infinity` for as many as there are. A
 * mail counts with all its bytes, and one that has more is fetched alone. Read when the provider is made.
 */
export const BytesInFlight = Context.Reference("@holdfast/adapters-gmail/BytesInFlight", {
  defaultValue: () => 64_000_000,
})

/** The provider on a Gmail and a Google to talk to. */
export const make = Effect.gen(function* () {
  yield* Mail.ensureDecoder
  const api = yield* GmailApi
  const oauth = yield* GoogleOAuth
  const known = new Map<string, Pick<Opened, "pace" | "retries">>()
  const inFlight = InFlight.make(yield* BytesInFlight)

  /** A mailbox, and how it is asked: one patience and one pace for all who ask about it. */
  const open = Effect.fnUntraced(function* (secret: Provider.Secret) {
    const { accessToken, identity } = GmailSecret.granted(secret)
    const { pace, retries } = known.get(identity) ?? { pace: { size: 0 }, retries: Retries.make(yield* Concurrency) }
    known.set(identity, { pace, retries })
    const mailbox = api.mailbox(Redacted.make(accessToken), identity)
    return { mailbox, retries, pace, inFlight } satisfies Opened
  })

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
      const wanted = Labels.wantedOf(settings)
      yield* Effect.mapError(Effect.fromResult(Labels.check(wanted)), labelError)
      const opened = yield* open(secret)
      const { labels, total } = yield* Effect.mapError(labelsFor(opened, wanted), providerError)
      const label = yield* Effect.mapError(Effect.fromResult(Labels.resolve(labels, wanted)), labelError)
      if (label.renamed) yield* Effect.logInfo("label_renamed")
      return [{ ...Labels.sourceOf(settings, label), total, cost: yield* opened.mailbox.spent }]
    }),

    page: Effect.fn("GmailProvider.page")(function* (secret, source, cursor, isHeld) {
      const opened = yield* open(secret)
      const place = yield* cursorFrom(opened, cursor)
      const listing = yield* listAfter(opened, source, place)
      const news = listing.messages.filter(({ id }) => !isHeld(Feed.ItemId.make(id)))
      // What came and went before anybody looked is not fetched.
      const left = news.flatMap(({ id }) => goneAt(id, listing.places.get(id)))
      const wanted = news.filter(({ id }) => goneAt(id, listing.places.get(id)).length === 0)
      const fetched = yield* fetchAll(opened, source, wanted, "listed")
      const complete = fetched.isWhole && (listing.isUpToDate || (listing.isLastOfList && wanted.length === 0))
      const isQuiet = cursor !== null && "history" in place && place.history.page === undefined && news.length === 0
      const counted = isQuiet ? source.total : undefined
      const total = complete ? (counted ?? (yield* totalOf(opened, source))) : undefined
      return {
        items: fetched.items,
        deferred: fetched.deferred,
        gone: [...left, ...fetched.gone],
        observed: Array.from(listing.places, ([item, place]) => ({ item, as: observedAs[place] })),
        known: listing.messages.length - news.length,
        cursor: Schema.encodeSync(CursorJson)(fetched.isWhole ? listing.next : place),
        complete,
        total,
        ...(listing.isOfList && {
          listing: { ids: listing.messages.map(({ id }) => id), isLast: listing.isLastOfList && fetched.isWhole },
        }),
        cost: yield* opened.mailbox.spent,
        stoppedBy: fetched.stoppedBy,
      } satisfies Provider.Page
    }),

    items: Effect.fn("GmailProvider.items")(function* (secret, source, ids) {
      const opened = yield* open(secret)
      const wanted = ids.map((id) => ({ id: MessageId.make(id) }))
      const { deferred, gone, items, stoppedBy } = yield* fetchAll(opened, source, wanted, "deferred")
      return { items, deferred, gone, stoppedBy, cost: yield* opened.mailbox.spent } satisfies Provider.Fetched
    }),
  } satisfies Provider.Provider
})

/** The setting that names the label to watch. */
export const labelSetting = Labels.nameSetting

interface Opened {
  readonly mailbox: Mailbox
  readonly retries: Retries.Retries
  /** Bytes that a mail of the last page had on average: about what is still to come where one is on its way. */
  readonly pace: { size: number }
  readonly inFlight: InFlight.InFlight
}

/** The label that is pinned, counted; all of them where none is, or where it is gone. */
const labelsFor = Effect.fnUntraced(function* ({ mailbox, retries }: Opened, { id }: Labels.Wanted) {
  const all = Effect.map(retries.ask(mailbox.labels), (labels) => ({ labels, total: undefined }))
  if (id === undefined) return yield* all
  return yield* retries.ask(mailbox.label(id)).pipe(
    Effect.map((label) => ({ labels: [label], total: label.messagesTotal })),
    Effect.catchReason("GoogleError", "NotFound", () => all),
  )
})

/** What Google counts, if it says so: what was fetched does not wait for it, and the next look counts again. */
const totalOf = ({ mailbox, retries }: Opened, { key }: Provider.Source) =>
  retries.ask(mailbox.label(LabelId.make(key))).pipe(
    Effect.map(({ messagesTotal }) => messagesTotal),
    Effect.catch(() => Effect.undefined),
  )

const cursorFrom = (
  { mailbox, retries }: Opened,
  cursor: string | null,
): Effect.Effect<Cursor, Provider.ProviderError> =>
  cursor === null
    ? Effect.mapBoth(retries.ask(mailbox.profile), {
        onSuccess: ({ historyId }) => ({ list: { historyId } }),
        onFailure: providerError,
      })
    : Effect.mapError(Schema.decodeEffect(CursorJson)(cursor), () =>
        providerErrorOf(new Provider.UnexpectedAnswer({ problem: "a cursor that is not ours" })),
      )

interface Listing {
  readonly messages: ReadonlyArray<MessageRef>
  readonly places: ReadonlyMap<MessageId, Place>
  readonly next: Cursor
  /** Nothing had happened since, when it was made. */
  readonly isUpToDate: boolean
  readonly isOfList: boolean
  readonly isLastOfList: boolean
}

/** Page tokens are refused like labels that are gone. If the label is, its beginning tells. */
const listAfter = (opened: Opened, source: Provider.Source, cursor: Cursor) => {
  const page = Effect.mapError(pageOf(opened, source, cursor), (error) =>
    error.reason._tag === "NotFound" && "list" in cursor && cursor.list.pageToken !== undefined
      ? providerErrorOf(new Provider.CursorExpired())
      : providerError(error),
  )
  if ("list" in cursor || cursor.history.page === undefined) return page
  const { start } = cursor.history
  return Effect.catchReason(page, "ProviderError", "SourceNotFound", () =>
    Effect.mapError(pageOf(opened, source, { history: { start } }), providerError),
  )
}

const pageOf = Effect.fnUntraced(function* ({ mailbox, retries }: Opened, source: Provider.Source, cursor: Cursor) {
  const labelId = LabelId.make(source.key)
  const maxResults = yield* PageSize
  if ("list" in cursor) {
    const { pageToken } = cursor.list
    const page = yield* retries.ask(
      mailbox.listMessages({ labelId, maxResults, ...(pageToken !== undefined && { pageToken }) }),
    )
    const next: Cursor = Option.match(page.nextPageToken, {
      onNone: () => ({ history: { start: cursor.list.historyId } }),
      onSome: (token) => ({ list: { ...cursor.list, pageToken: token } }),
    })
    return {
      messages: page.messages,
      places: new Map<MessageId, Place>(),
      next,
      isUpToDate: false,
      isOfList: true,
      isLastOfList: Option.isNone(page.nextPageToken),
    } satisfies Listing
  }
  const { page: later, start } = cursor.history
  const page = yield* retries.ask(
    mailbox.history({
      startHistoryId: start,
      labelId,
      maxResults,
      ...(later !== undefined && { pageToken: later.token }),
    }),
  )
  const since = later?.next ?? page.historyId
  const next: Cursor = Option.match(page.nextPageToken, {
    onNone: () => ({ history: { start: since } }),
    onSome: (token) => ({ history: { start, page: { token, next: since } } }),
  })
  return {
    messages: page.messages,
    places: page.places,
    next,
    isUpToDate: Option.isNone(page.nextPageToken),
    isOfList: false,
    isLastOfList: false,
  } satisfies Listing
})

const observedAs = {
  unlabelled: "removed",
  trashed: "trashed",
  spam: "spam",
  deleted: "deleted",
  back: "returned",
} as const satisfies Record<Place, Feed.Observation["as"]>

/** That a message is not to be had any more, where the history says so: only what bears the label may be kept. */
const goneAt = (item: MessageId, place: Place | undefined): ReadonlyArray<Feed.Gone> =>
  place === "deleted" ? [{ item, reason: "deleted" }] : place === "unlabelled" ? [{ item, reason: "moved" }] : []

/**
 * Messages until the page is full or Google lets no more be fetched: nothing that was fetched is thrown away, and what
 * one message has against it keeps none of the others.
 */
const fetchAll = Effect.fnUntraced(function* (
  opened: Opened,
  source: Provider.Source,
  wanted: ReadonlyArray<Pick<MessageRef, "id">>,
  known: "listed" | "deferred",
) {
  const budget = yield* PageBytes
  const concurrency = yield* Concurrency
  const turns = InFlight.make(1)
  let bytes = 0
  let underway = 0
  let isWhole = true
  let stoppedBy: Provider.ProviderError | undefined
  /** As many small mails as are asked for at once do not overfill a page. */
  const isLarge = (size: number) => size > budget / concurrency
  const room = Effect.suspend(() => (bytes < budget ? Effect.void : Effect.fail(new PageFull())))
  const fetchOne = (id: MessageId) =>
    turns.using((turn) =>
      opened.inFlight.using((share) =>
        fetch(opened, source, id, {
          admit: (size) =>
            isLarge(size)
              ? turn.take(1).pipe(Effect.andThen(room), Effect.andThen(share.take(size)))
              : share.take(size),
          giveBack: Effect.andThen(share.giveBack, turn.giveBack),
        }).pipe(Effect.tap(({ size }) => Effect.sync(() => (bytes += size)))),
      ),
    )
  const fetchNext = Effect.fnUntraced(function* ({ id }: Pick<MessageRef, "id">) {
    const expected = bytes + underway * opened.pace.size
    const isFull = expected >= budget || (expected > 0 && expected + opened.pace.size > budget)
    if (stoppedBy !== undefined || isFull) {
      isWhole = false
      return nothing
    }
    underway++
    const fetched = yield* Effect.result(fetchOne(id))
    underway--
    if (Result.isSuccess(fetched)) return fetched.success
    const error = fetched.failure
    if (error._tag === "PageFull") {
      isWhole = false
      return nothing
    }
    const reason = reasonOfItsOwn(error)
    if (reason === undefined || opened.retries.isOpen()) stoppedBy ??= providerError(error)
    if (reason === undefined) {
      isWhole = false
      return nothing
    }
    // It was not found before, and is not found now.
    if (error.reason._tag === "NotFound" && known === "deferred") {
      return { ...nothing, gone: [{ item: Feed.ItemId.make(id), reason: "deleted" as const }] }
    }
    return { ...nothing, deferred: [{ item: Feed.ItemId.make(id), reason }] }
  })
  const fetched = yield* Effect.forEach(wanted, fetchNext, { concurrency })
  const [items, deferred, gone] = [
    fetched.flatMap(({ items }) => items),
    fetched.flatMap(({ deferred }) => deferred),
    fetched.flatMap(({ gone }) => gone),
  ]
  if (items.length > 0) opened.pace.size = bytes / items.length
  if (stoppedBy !== undefined && items.length + deferred.length + gone.length === 0) return yield* stoppedBy
  return { items, deferred, gone, isWhole, stoppedBy }
})

interface Outcome {
  readonly items: Provider.Page["items"]
  readonly deferred: ReadonlyArray<Pick<Feed.Deferral, "item" | "reason">>
  readonly gone: ReadonlyArray<Feed.Gone>
  /** Bytes. */
  readonly size: number
}

const nothing: Outcome = { items: [], deferred: [], gone: [], size: 0 }

/** The page has enough without this mail, which is large: it comes with the next one. */
class PageFull extends Schema.TaggedError<PageFull>()("PageFull", {}) {}

/** What a mail waits for, and gives back when it failed and waits to be tried again. */
interface Admission {
  readonly admit: (size: number) => Effect.Effect<void, PageFull>
  readonly giveBack: Effect.Effect<void>
}

/** A message whole, or that its label was taken off before it was read: only what bears the label may be kept. */
const fetch = Effect.fnUntraced(function* (
  { mailbox, retries }: Opened,
  source: Provider.Source,
  id: MessageId,
  { admit, giveBack }: Admission,
) {
  const limits = yield* Tape.limits
  const retrieved = mailbox.rawMessage(id, { limits, admit }).pipe(
    Effect.tapError(() => giveBack),
    Effect.catchTag("PageFull", (full) => Effect.succeed(full)),
  )
  const message = yield* retries.askForMessage(retrieved)
  if ("_tag" in message) return yield* message
  const item = Feed.ItemId.make(message.id)
  if (!message.labelIds.includes(LabelId.make(source.key))) {
    return { ...nothing, gone: [{ item, reason: "moved" as const }] }
  }
  const { content, size } = yield* Tape.record(message)
  return { ...nothing, items: [{ id: item, content }], size }
})

/** Why a message cannot be had, where that is the message's business and not the mailbox's. */
const reasonOfItsOwn = ({ reason }: GoogleError): string | undefined => {
  switch (reason._tag) {
    case "NotFound":
      return "not found"
    case "Unavailable":
      return reason.problem
    case "UnexpectedAnswer":
      return "unexpected answer"
    default:
      return undefined
  }
}

const providerErrorOf = (reason: Provider.ProviderError["reason"]) =>
  new Provider.ProviderError({ provider: id, reason })

const labelError = ({ _tag }: Labels.Problem) => {
  const setting = { setting: labelSetting }
  switch (_tag) {
    case "LabelNotConfigured":
    case "LabelRefused":
      return providerErrorOf(new Provider.SourceNotConfigured(setting))
    case "LabelNotFound":
      return providerErrorOf(new Provider.SourceNotFound(setting))
    case "LabelConflict":
      return providerErrorOf(new Provider.SourceReplaced(setting))
  }
}

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
