/**
 * The part of the Gmail API that reading a label needs, one request per call and every answer decoded.
 *
 * Nothing is repeated here: how often, how fast and how long to wait is the caller's policy. No span, error or log line
 * carries a token, an address or a message id.
 *
 * @see https://developers.google.com/workspace/gmail/api/reference/rest
 */
import type { gmail_v1 } from "@googleapis/gmail"
import { Context, type DateTime, Duration, Effect, Layer, type Option, Redacted, Schema, SchemaGetter } from "effect"

import { ask, decode, type Response, requestOptions } from "./GoogleAnswer.ts"
import { GoogleError, HistoryExpired, NotFound } from "./GoogleError.ts"

export interface Settings {
  /** Google's own by default; a simulator's in tests. */
  readonly rootUrl?: string
  /** How long one answer may take; 60 seconds by default: a mail may have 25 MB. */
  readonly timeout?: Duration.Input
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

export interface HistoryPage {
  /** What arrived with the label or got it, oldest first, each once. May be empty and still not be the last page. */
  readonly messages: ReadonlyArray<MessageRef>
  readonly nextPageToken: Option.Option<string>
  /** Where the mailbox stood when this page was made: the cursor to go on from is the *first* page's. */
  readonly historyId: HistoryId
}

/** A message, whole. */
export interface RawMessage extends MessageRef {
  readonly labelIds: ReadonlyArray<LabelId>
  /** The newest change of this message. */
  readonly historyId: HistoryId
  /** When Google accepted the mail, by Google's clock. */
  readonly internalDate: DateTime.Utc
  /** The mail as it arrived, byte for byte. Personal data. */
  readonly raw: Uint8Array
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
  rawMessage(id: MessageId): Effect.Effect<RawMessage, GoogleError>
}

export class GmailApi extends Context.Service<
  GmailApi,
  {
    /** The mailbox that an access token opens. */
    mailbox(accessToken: Redacted.Redacted): Mailbox
  }
>()("@holdfast/adapters-gmail/GmailApi") {
  static readonly layer = (settings: Settings = {}) =>
    Layer.effect(
      GmailApi,
      Effect.gen(function* () {
        const [{ gmail }, { OAuth2Client }] = yield* Effect.promise(() =>
          Promise.all([import("@googleapis/gmail"), import("google-auth-library")]),
        )
        const timeout = Duration.fromInputUnsafe(settings.timeout ?? "60 seconds")

        return GmailApi.of({
          mailbox: (accessToken) => {
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
            return mailboxOf(users, timeout)
          },
        })
      }),
    )
}

const mailboxOf = (users: gmail_v1.Resource$Users, timeout: Duration.Duration): Mailbox => {
  const call = <A, I>(
    method: string,
    schema: Schema.Codec<A, I>,
    request: (options: typeof requestOptions & { readonly signal: AbortSignal }) => Promise<Response>,
  ) =>
    ask(method, timeout, (signal) => request({ ...requestOptions, signal })).pipe(
      Effect.flatMap(decode(schema, method)),
      Effect.withSpan(`GmailApi.${method}`),
    )

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
        users.history.list({ userId: "me", historyTypes: ["messageAdded", "labelAdded"], ...query }, options),
      ).pipe(
        Effect.map(({ history, historyId, nextPageToken }) => ({
          messages: addedBy(history, query.labelId),
          nextPageToken,
          historyId,
        })),
        Effect.mapError((error) =>
          error.reason._tag === "NotFound"
            ? new GoogleError({ method: error.method, reason: new HistoryExpired() })
            : missingLabel(error),
        ),
      ),

    rawMessage: (id) =>
      call("messages.get", RawMessageAnswer, (options) =>
        users.messages.get({ userId: "me", id, format: "raw" }, options),
      ),
  }
}

/** A label that is gone is a bad argument where it is a filter. */
const missingLabel = (error: GoogleError) =>
  error.reason._tag === "Refused" && error.reason.code === "invalidArgument"
    ? new GoogleError({ method: error.method, reason: new NotFound() })
    : error

const addedBy = (history: typeof HistoryAnswer.Type.history, labelId: LabelId): ReadonlyArray<MessageRef> => {
  const byId = new Map<MessageId, MessageRef>()
  for (const { labelsAdded, messagesAdded } of history) {
    for (const { message } of messagesAdded) byId.set(message.id, message)
    for (const { labelIds, message } of labelsAdded) {
      if (labelIds.includes(labelId)) byId.set(message.id, message)
    }
  }
  return [...byId.values()]
}

/** Google leaves out what is empty. */
const listOf = <S extends Schema.Constraint>(item: S) =>
  Schema.Array(item).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))

const ProfileAnswer = Schema.Struct({
  email: Schema.RedactedFromValue(Schema.NonEmptyString),
  messagesTotal: Schema.Natural,
  historyId: HistoryId,
}).pipe(Schema.encodeKeys({ email: "emailAddress" }))

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

const HistoryAnswer = Schema.Struct({
  history: listOf(
    Schema.Struct({
      messagesAdded: listOf(Schema.Struct({ message: MessageRefAnswer })),
      labelsAdded: listOf(Schema.Struct({ message: MessageRefAnswer, labelIds: listOf(LabelId) })),
    }),
  ),
  nextPageToken: Schema.OptionFromOptionalKey(Schema.NonEmptyString),
  historyId: HistoryId,
})

/** `Buffer` skips what is not base64url, and a tape that skips bytes is worthless: the alphabet is checked first. */
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
  raw: BytesFromBase64Url,
})
