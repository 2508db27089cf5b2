/**
 * The part of the Gmail API that reading a label needs, one request per call and every answer decoded.
 *
 * A request waits here for its share of Google's quota, and is sent once: how often and how long to wait is the caller's
 * policy. No span, error or log line
 * carries a token, an address or a message id.
 *
 * @see https://developers.google.com/workspace/gmail/api/reference/rest
 */
import {
  Context,
  type DateTime,
  Duration,
  Effect,
  Exit,
  Layer,
  type Option,
  Redacted,
  Schema,
  SchemaGetter,
} from "effect"

import * as Attachments from "./Attachments.ts"
import { ask, decode, isHeaders, type Response, requestOptions } from "./GoogleAnswer.ts"
import { GoogleError, HistoryExpired, NotFound } from "./GoogleError.ts"
import * as QuotaBucket from "./QuotaBucket.ts"
import * as RawAnswer from "./RawAnswer.ts"

export interface Settings {
  /** Google's own by default; a simulator's in tests. */
  readonly rootUrl?: string
  /** How long one answer may take; 60 seconds by default: a mail may have 25 MB. */
  readonly timeout?: Duration.Input
  /**
   * The quota that Google gives the Cloud project; `QuotaBucket.quota2026` by default. With another `rootUrl` there is
   * none by default.
   */
  readonly quota?: QuotaBucket.Quota
}

/** Google's client, as far as it is used: a simulator may take its place without any network. */
export type Users = {
  readonly watch: (
    params: {
      userId: string
      requestBody: { topicName: string; labelIds: Array<string>; labelFilterBehavior: string }
    },
    options: CallOptions,
  ) => Promise<Response>
  readonly stop: (params: { userId: string }, options: CallOptions) => Promise<Response>
  readonly getProfile: (params: { userId: string }, options: CallOptions) => Promise<Response>
  readonly labels: {
    readonly list: (params: { userId: string }, options: CallOptions) => Promise<Response>
    readonly get: (params: { userId: string; id: string }, options: CallOptions) => Promise<Response>
  }
  readonly messages: {
    readonly list: (
      params: Page & { userId: string; labelIds: Array<string> },
      options: CallOptions,
    ) => Promise<Response>
    readonly get: (params: { userId: string; id: string; format: string }, options: CallOptions) => Promise<Response>
  }
  readonly history: {
    readonly list: (
      params: Page & { userId: string; startHistoryId: string; labelId: string; historyTypes: Array<string> },
      options: CallOptions,
    ) => Promise<Response>
  }
}

type Page = { pageToken?: string; maxResults?: number }
type CallOptions = Omit<typeof requestOptions, "responseType"> & {
  readonly responseType: "json" | "stream"
  readonly signal: AbortSignal
}

/** Where a mailbox's history stands: a decimal of up to 20 digits, which a JavaScript number would round. */
export const HistoryId = Schema.String.check(Schema.isPattern(/^\d{1,20}$/)).pipe(Schema.brand("HistoryId"))
export type HistoryId = typeof HistoryId.Type

/** Names a message in one mailbox; the same mail in two mailboxes has two. */
export const MessageId = Schema.NonEmptyString.pipe(Schema.brand("MessageId"))
export type MessageId = typeof MessageId.Type

/** Names a label in one mailbox for ever, whatever it is called. */
export const LabelId = Schema.NonEmptyString.pipe(Schema.brand("LabelId"))
export type LabelId = typeof LabelId.Type

export interface Profile {
  /** Personal data. */
  readonly email: Redacted.Redacted
  readonly messagesTotal: number
  readonly historyId: HistoryId
}

export interface Label {
  readonly id: LabelId
  /** As the person sees it; `/` nests. Changes when the person renames it. */
  readonly name: string
  readonly type: "system" | "user"
}

export interface LabelCounts extends Label {
  readonly messagesTotal: number
}

/** A message by name only: what listings give. */
export interface MessageRef {
  readonly id: MessageId
  readonly threadId: string
}

export interface MessagePage {
  /** Newest first in practice, which Google does not promise. May be empty and still not be the last page. */
  readonly messages: ReadonlyArray<MessageRef>
  readonly nextPageToken: Option.Option<string>
}

/** Where a message came to be: without the label, in the trash, among spam, deleted for good; or back again. */
export type Place = "unlabelled" | "trashed" | "spam" | "deleted" | "back"

export interface HistoryPage {
  /**
   * What arrived with the label, got it, or came with it from the trash or from spam; oldest first, each once. May be
   * empty and still not be the last page.
   */
  readonly messages: ReadonlyArray<MessageRef>
  /** Where messages came to be at last, these or others that had the label: at least those that moved. */
  readonly places: ReadonlyMap<MessageId, Place>
  readonly nextPageToken: Option.Option<string>
  /** Where the mailbox stood when this page was made: the cursor to go on from is the *first* page's. */
  readonly historyId: HistoryId
}

/** A message, whole or without what is too large in it. */
export interface RawMessage extends MessageRef {
  readonly labelIds: ReadonlyArray<LabelId>
  /** The newest change of this message. */
  readonly historyId: HistoryId
  /** When Google accepted the mail, by Google's clock. */
  readonly internalDate: DateTime.Utc
  /** The mail as it arrived, byte for byte, but for what was left out. Personal data. */
  readonly raw: Uint8Array
  /** What was left out because it is too large, where anything was. */
  readonly omission?: Attachments.Omission
}

export interface Retrieval<E = never> {
  /** How much of it is kept while it arrives; by default all of it. */
  readonly limits?: Attachments.Limits
  /**
   * What the mail waits for when it is known about how many bytes it has, and before more than its beginning is in
   * memory. It counts against no timeout. Where it fails, the rest stays where it is.
   */
  readonly admit?: (size: number) => Effect.Effect<void, E>
}

/** One person's mailbox, read with one access token. All calls only read: after any error nothing has changed. */
export interface Mailbox {
  readonly profile: Effect.Effect<Profile, GoogleError>
  readonly labels: Effect.Effect<ReadonlyArray<Label>, GoogleError>
  /** A label with its count, or `NotFound`. */
  label(id: LabelId): Effect.Effect<LabelCounts, GoogleError>
  /** A page of the messages under a label, spam and trash excluded; `NotFound` if the label is gone. */
  listMessages(options: {
    readonly labelId: LabelId
    readonly pageToken?: string
    /** At most 500. */
    readonly maxResults?: number
  }): Effect.Effect<MessagePage, GoogleError>
  /** A page of what came under a label after a cursor, or `HistoryExpired`. */
  history(options: {
    readonly startHistoryId: HistoryId
    readonly labelId: LabelId
    readonly pageToken?: string
    /** At most 500. */
    readonly maxResults?: number
  }): Effect.Effect<HistoryPage, GoogleError>
  /** A message whole, or `NotFound`: it is gone, or too new to be readable. */
  rawMessage<E = never>(id: MessageId, retrieval?: Retrieval<E>): Effect.Effect<RawMessage, GoogleError | E>
  /**
   * Has changes under these labels announced at a Pub/Sub topic, instead of what was announced before. Returns when
   * Google stops by itself: after seven days, unless it is asked again.
   */
  watch(options: {
    readonly topic: string
    readonly labelIds: ReadonlyArray<LabelId>
  }): Effect.Effect<DateTime.Utc, GoogleError>
  /** Has nothing announced any more, for nobody. */
  readonly stop: Effect.Effect<void, GoogleError>
  /** Units of Google's quota that were asked for through this value so far. */
  readonly spent: Effect.Effect<number>
}

export class GmailApi extends Context.Service<
  GmailApi,
  {
    /**
     * The mailbox that an access token opens. Requests under one `name`, such as the mailbox's identity, share its
     * quota; without a name they have their own.
     */
    mailbox(accessToken: Redacted.Redacted, name?: string): Mailbox
  }
>()("@holdfast/adapters-gmail/GmailApi") {
  static readonly layer = (settings: Settings = {}) =>
    Layer.effect(
      GmailApi,
      Effect.gen(function* () {
        const [{ gmail }, { OAuth2Client }] = yield* Effect.promise(() =>
          Promise.all([import("@googleapis/gmail"), import("google-auth-library")]),
        )
        return over((accessToken) => {
          // Without a refresh token the stock client cannot refresh behind our back.
          const auth = new OAuth2Client({
            credentials: { access_token: Redacted.value(accessToken) },
            useAuthRequestParameters: false,
          })
          const { users } = gmail({
            version: "v1",
            auth,
            ...(settings.rootUrl === undefined ? {} : { rootUrl: settings.rootUrl }),
          })
          return users
        }, settings)
      }),
    )
}

/** The service over any client. */
export const over = (
  open: (accessToken: Redacted.Redacted) => Users,
  { quota, rootUrl, timeout = "60 seconds" }: Settings = {},
): GmailApi["Service"] => {
  const bucket = QuotaBucket.make(quota ?? (rootUrl === undefined ? QuotaBucket.quota2026 : QuotaBucket.unlimited))
  const patience = Duration.fromInputUnsafe(timeout)
  let unnamed = 0
  return GmailApi.of({
    mailbox: (accessToken, name = `unnamed ${unnamed++}`) => mailboxOf(open(accessToken), patience, bucket, name),
  })
}

const trash = LabelId.make("TRASH")
const spam = LabelId.make("SPAM")

const mailboxOf = (
  users: Users,
  timeout: Duration.Duration,
  bucket: QuotaBucket.QuotaBucket,
  name: string,
): Mailbox => {
  let spent = 0
  const take = (method: string) =>
    Effect.suspend(() => {
      const units = bucket.cost(method)
      return Effect.andThen(
        bucket.take(name, units),
        Effect.sync(() => {
          spent += units
        }),
      )
    })
  const call = <A, I>(
    method: string,
    schema: Schema.Codec<A, I>,
    request: (options: CallOptions) => Promise<Response>,
  ) =>
    Effect.andThen(
      take(method),
      ask(method, timeout, (signal) => request({ ...requestOptions, signal })),
    ).pipe(Effect.flatMap(decode(schema, method)), Effect.withSpan(`GmailApi.${method}`))

  return {
    profile: call("getProfile", ProfileAnswer, (options) => users.getProfile({ userId: "me" }, options)),

    labels: Effect.map(
      call("labels.list", LabelsAnswer, (options) => users.labels.list({ userId: "me" }, options)),
      ({ labels }) => labels,
    ),

    label: (id) => call("labels.get", LabelAnswer, (options) => users.labels.get({ userId: "me", id }, options)),

    listMessages: ({ labelId, ...page }) =>
      call("messages.list", MessagesAnswer, (options) =>
        users.messages.list({ userId: "me", labelIds: [labelId], ...page }, options),
      ).pipe(Effect.mapError(missingLabel)),

    history: (query) =>
      call("history.list", HistoryAnswer, (options) =>
        users.history.list({ userId: "me", historyTypes: [...historyTypes], ...query }, options),
      ).pipe(
        Effect.map(({ history, historyId, nextPageToken }) => ({
          ...followed(history, query.labelId),
          nextPageToken,
          historyId,
        })),
        Effect.mapError((error) =>
          error.reason._tag === "NotFound"
            ? new GoogleError({ method: error.method, reason: new HistoryExpired() })
            : missingLabel(error),
        ),
      ),

    rawMessage: (id, retrieval = {}) =>
      Effect.andThen(
        take("messages.get"),
        retrieved(timeout, retrieval, (signal) =>
          users.messages.get(
            { userId: "me", id, format: "raw" },
            { ...requestOptions, responseType: "stream", signal },
          ),
        ),
      ).pipe(Effect.flatMap(decode(RawMessageAnswer, "messages.get")), Effect.withSpan("GmailApi.messages.get")),

    watch: ({ labelIds, topic }) =>
      Effect.map(
        call("watch", WatchAnswer, (options) =>
          users.watch(
            {
              userId: "me",
              requestBody: { topicName: topic, labelIds: [...labelIds], labelFilterBehavior: "include" },
            },
            options,
          ),
        ),
        ({ expiration }) => expiration,
      ),

    stop: Effect.andThen(
      take("stop"),
      ask("stop", timeout, (signal) => users.stop({ userId: "me" }, { ...requestOptions, signal })),
    ).pipe(
      // It answers 204 with nothing, where everything else is an object.
      Effect.flatMap((answer) =>
        decode(
          Schema.Unknown,
          "stop",
        )({ ...answer, data: answer.data === "" || answer.data == null ? {} : answer.data }),
      ),
      Effect.asVoid,
      Effect.withSpan("GmailApi.stop"),
    ),

    spent: Effect.sync(() => spent),
  }
}

const historyTypes = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]

/** Asks for a message, and lets the rest of it wait where it is until it is admitted. Whatever ends this ends the request. */
const retrieved = <E>(
  timeout: Duration.Duration,
  { admit = () => Effect.void, limits = { attachmentBytes: Infinity, mailBytes: Infinity } }: Retrieval<E>,
  request: (signal: AbortSignal) => Promise<Response>,
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new AbortController()),
    Effect.fnUntraced(function* ({ signal }) {
      const answer = yield* ask("messages.get", timeout, () => request(signal).then(begun))
      const { data, status } = answer
      if (!(data instanceof RawAnswer.Begun)) return answer
      yield* admit(data.size ?? largestMail)
      const rest = yield* ask("messages.get", timeout, () =>
        data.rest(limits).then((data) => ({ status, headers: {}, data })),
      )
      return { ...answer, data: rest.data }
    }),
    (controller, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => controller.abort())),
  )

/** Bytes of the largest mail that Gmail takes in. */
const largestMail = 50_000_000

const begun = async (response: Response): Promise<Response> => {
  const { data, headers, status } = response
  if (!isStream(data)) return { ...response, data: RawAnswer.whole(data) }
  const header = (name: string) => (isHeaders(headers) ? headers.get(name) : headers[name])
  const length = header("content-encoding") == null ? String(header("content-length")) : ""
  return { status, headers, data: await RawAnswer.begin(data, /^\d{1,9}$/.test(length) ? Number(length) : undefined) }
}

const isStream = (data: unknown): data is AsyncIterable<Uint8Array> =>
  typeof data === "object" && data !== null && Symbol.asyncIterator in data

/** A label that is gone is a bad argument where it is a filter. */
const missingLabel = (error: GoogleError) =>
  error.reason._tag === "Refused" && error.reason.code === "invalidArgument"
    ? new GoogleError({ method: error.method, reason: new NotFound() })
    : error

/** What a history says of the messages of a label, each by what happened to it last. */
const followed = (
  history: typeof HistoryAnswer.Type.history,
  labelId: LabelId,
): Pick<HistoryPage, "messages" | "places"> => {
  const added = new Map<MessageId, MessageRef>()
  const places = new Map<MessageId, Place>()
  for (const { labelsAdded, labelsRemoved, messagesAdded, messagesDeleted } of history) {
    for (const { message } of messagesAdded) {
      added.set(message.id, message)
      // It may be held under another label, and not known to bear this one.
      if (message.labelIds.includes(labelId)) places.set(message.id, "back")
    }
    for (const { labelIds, message } of labelsAdded) {
      if (labelIds.includes(labelId)) {
        added.set(message.id, message)
        places.set(message.id, "back")
      }
      if (labelIds.includes(trash)) places.set(message.id, "trashed")
      if (labelIds.includes(spam)) places.set(message.id, "spam")
    }
    for (const { labelIds, message } of labelsRemoved) {
      if (labelIds.includes(labelId)) places.set(message.id, "unlabelled")
      else if ([trash, spam].some((bin) => labelIds.includes(bin)) && message.labelIds.includes(labelId)) {
        // No listing has shown it as long as it was there.
        added.set(message.id, message)
        places.set(message.id, "back")
      }
    }
    for (const { message } of messagesDeleted) places.set(message.id, "deleted")
  }
  return { messages: [...added.values()], places }
}

/** Google leaves out what is empty. */
const listOf = <S extends Schema.Constraint>(item: S) =>
  Schema.Array(item).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))

const ProfileAnswer = Schema.Struct({
  email: Schema.RedactedFromValue(Schema.NonEmptyString),
  messagesTotal: Schema.Natural,
  historyId: HistoryId,
}).pipe(Schema.encodeKeys({ email: "emailAddress" }))

/** Epoch milliseconds as a string. */
const WatchAnswer = Schema.Struct({
  expiration: Schema.FiniteFromString.pipe(Schema.decodeTo(Schema.DateTimeUtcFromMillis)),
})

const LabelFields = {
  id: LabelId,
  name: Schema.String,
  type: Schema.Literals(["system", "user"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("user" as const))),
}
const LabelsAnswer = Schema.Struct({ labels: listOf(Schema.Struct(LabelFields)) })
const LabelAnswer = Schema.Struct({
  ...LabelFields,
  messagesTotal: Schema.Natural.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
})

const MessageRefAnswer = Schema.Struct({ id: MessageId, threadId: Schema.NonEmptyString })
const MessagesAnswer = Schema.Struct({
  messages: listOf(MessageRefAnswer),
  nextPageToken: Schema.OptionFromOptionalKey(Schema.NonEmptyString),
})

const LabelledRefAnswer = Schema.Struct({ ...MessageRefAnswer.fields, labelIds: listOf(LabelId) })

const LabelChangeAnswer = Schema.Struct({
  message: LabelledRefAnswer,
  /** Those that were put on or taken off. */
  labelIds: listOf(LabelId),
})

const HistoryAnswer = Schema.Struct({
  history: listOf(
    Schema.Struct({
      messagesAdded: listOf(Schema.Struct({ message: LabelledRefAnswer })),
      messagesDeleted: listOf(Schema.Struct({ message: MessageRefAnswer })),
      labelsAdded: listOf(LabelChangeAnswer),
      labelsRemoved: listOf(LabelChangeAnswer),
    }),
  ),
  nextPageToken: Schema.OptionFromOptionalKey(Schema.NonEmptyString),
  historyId: HistoryId,
})

/** Where no stream was read. `Buffer` skips what is not base64url, and a tape that skips bytes is worthless: the alphabet is checked first. */
const BytesFromBase64Url = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]*={0,2}$/)).pipe(
  Schema.decodeTo(Schema.Uint8Array, {
    decode: SchemaGetter.transform((text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64url"))),
    encode: SchemaGetter.transform((bytes: Uint8Array) => Buffer.from(bytes).toString("base64url")),
  }),
)

const RawMessageAnswer = Schema.Struct({
  ...MessageRefAnswer.fields,
  labelIds: listOf(LabelId),
  historyId: HistoryId,
  /** Epoch milliseconds as a string. */
  internalDate: Schema.FiniteFromString.pipe(Schema.decodeTo(Schema.DateTimeUtcFromMillis)),
  raw: Schema.Union([Schema.Uint8Array, BytesFromBase64Url]),
  omission: Schema.optionalKey(Attachments.Omission),
})
