/**
 * The HTTP API of the example server: the three doors, what they lead to, and
 * the feed of changes.
 *
 * Nothing is silently ignored. A field or a query parameter that is not known is
 * refused by its name. Rows are answered as the views have them.
 */
import { Connection, EventStore, Ids, Registration } from "@holdfast/domain"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

import { Callers, insist, Refusals, Registered, Row, sent } from "./ApiCommon.ts"
import { Problems } from "./ApiErrors.ts"
import { Switches } from "./ControlsApi.ts"
import { LabelName, Mailboxes } from "./MailboxApi.ts"
import { Calendars, EnrichmentReviews, Enrichments, HostsBookings } from "./ReservationApi.ts"
import * as Standing from "./Standing.ts"
import { Decided } from "./Story.ts"

const byId = { params: { id: Ids.ConnectionId } }

/** What a run brought. */
export const Synced = Schema.Struct({
  run: Schema.String,
  connectionId: Ids.ConnectionId,
  pages: Schema.Natural,
  /** Items that were new to the account. */
  added: Schema.Natural,
  /** Items that were delivered again, and not fetched. */
  known: Schema.Natural,
  /** Items that were listed and could not be had: they are asked for again. */
  deferred: Schema.Natural,
  /** Of a mailbox: units of Google's quota, what its label listed since the last look, and what bookings learnt from it. */
  units: Schema.optionalKey(Schema.Natural),
  emails_scanned: Schema.optionalKey(Schema.Natural),
  facts_considered: Schema.optionalKey(Schema.Natural),
  bookings_enriched: Schema.optionalKey(Schema.Natural),
  reviews_opened: Schema.optionalKey(Schema.Natural),
  reviews_closed: Schema.optionalKey(Schema.Natural),
})

const Reason = Schema.Struct({ reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))) })

/** What became of a delivery. Every answer but an error tells the broker that it has done its part. */
export const Received = Schema.Struct({
  outcome: Schema.Literals(["Registered", "Applied", "SyncDue", "Parked", "Quarantined", "Ignored"]),
  connectionId: Schema.optionalKey(Ids.ConnectionId),
})

/** Positions exceed what JSON numbers hold, so they are text. */
export const Position = Schema.BigIntFromString.check(Schema.isGreaterThanOrEqualToBigInt(EventStore.beginning)).pipe(
  Schema.decodeTo(EventStore.Position),
)

class Connections extends HttpApiGroup.make("connections")
  .add(
    HttpApiEndpoint.post("register", "/", {
      payload: Registration.PostBody,
      success: Registered,
      error: Problems,
    }),
    HttpApiEndpoint.get("list", "/", {
      query: {
        provider: Schema.optionalKey(Ids.ProviderId),
        owner: Schema.optionalKey(Ids.OwnerId),
      },
      success: Schema.Array(Row),
      error: Problems,
    }),
    HttpApiEndpoint.get("active", "/active", {
      query: { provider: Ids.ProviderId },
      success: Row,
      error: Problems,
    }),
    HttpApiEndpoint.get("get", "/:id", { ...byId, success: Row, error: Problems }),
    /** Whether it works, and what it waits for. */
    HttpApiEndpoint.get("health", "/:id/health", {
      ...byId,
      success: Standing.Standing,
      error: Problems,
    }),
    HttpApiEndpoint.get("history", "/:id/history", {
      ...byId,
      success: Schema.Array(Row),
      error: Problems,
    }),
    /** Why each of its accounts was linked, or is asked about. */
    HttpApiEndpoint.get("decisions", "/:id/decisions", {
      ...byId,
      success: Schema.Array(Decided),
      error: Problems,
    }),
    HttpApiEndpoint.get("messages", "/:id/messages", {
      ...byId,
      success: Schema.Array(Row),
      error: Problems,
    }),
    /** What its mails say of reservations. */
    HttpApiEndpoint.get("facts", "/:id/facts", {
      ...byId,
      success: Schema.Array(Row),
      error: Problems,
    }),
    HttpApiEndpoint.post("sync", "/:id/sync", {
      ...byId,
      success: Synced,
      error: Problems,
    }),
    HttpApiEndpoint.patch("change", "/:id", {
      ...byId,
      payload: Schema.Struct({ pollIntervalSeconds: Connection.PollInterval }),
      success: Row,
      error: Problems,
    }),
    HttpApiEndpoint.post("pause", "/:id/pause", {
      ...byId,
      payload: [HttpApiSchema.NoContent, Reason],
      success: Row,
      error: Problems,
    }),
    HttpApiEndpoint.post("resume", "/:id/resume", {
      ...byId,
      payload: [HttpApiSchema.NoContent, Reason],
      success: Row,
      error: Problems,
    }),
    HttpApiEndpoint.post("disconnect", "/:id/disconnect", {
      ...byId,
      success: Row,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/connections") {}

class Gmail extends HttpApiGroup.make("gmail")
  .add(
    /** Sends the browser to Google. */
    HttpApiEndpoint.get("start", "/start", {
      query: {
        /** By its name, with its path. Without one, a label is chosen after the consent. */
        label: Schema.optionalKey(LabelName),
        pollIntervalSeconds: Schema.optionalKey(Schema.FiniteFromString.pipe(Schema.decodeTo(Connection.PollInterval))),
        /** The connection that is to be mended, by default with its label: a consent for another mailbox is refused. */
        reconnects: Schema.optionalKey(Ids.ConnectionId),
        /** For scripts, where Google is simulated: the mailbox whose owner consents, or `deny`. */
        simulate: Schema.optionalKey(Schema.NonEmptyString),
      },
      success: HttpApiSchema.Empty(302),
      error: Problems,
    }),
    /** Where Google sends the browser back to. Google adds parameters as it likes. */
    HttpApiEndpoint.get("callback", "/callback", {
      success: Registered,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/gmail") {}

class Plaid extends HttpApiGroup.make("plaid")
  .add(
    /** Sends the browser to the person's bank. */
    HttpApiEndpoint.get("start", "/start", {
      query: {
        pollIntervalSeconds: Schema.optionalKey(Schema.FiniteFromString.pipe(Schema.decodeTo(Connection.PollInterval))),
        /** The connection that is to be mended by a new Item: another login is refused. */
        reconnects: Schema.optionalKey(Ids.ConnectionId),
        /** The connection that is to be mended as it is, by logging in again or choosing other accounts. */
        repairs: Schema.optionalKey(Ids.ConnectionId),
        /** The person insists: what is connected already, or was to be mended, is not what they mean. */
        asNew: insist,
        /** For scripts, where Plaid is simulated: the login whose owner consents to all of its accounts, or `deny`. */
        simulate: Schema.optionalKey(Schema.NonEmptyString),
      },
      success: HttpApiSchema.Empty(302),
      error: Problems,
    }),
    /** Where Link sends the browser back to. */
    HttpApiEndpoint.get("callback", "/callback", {
      query: {
        connection: Schema.optionalKey(Ids.ConnectionId),
        repaired: Schema.optionalKey(Ids.ConnectionId),
        public_token: Schema.optionalKey(Schema.NonEmptyString),
        metadata: Schema.optionalKey(Schema.NonEmptyString),
        exit: insist,
        asNew: insist,
      },
      success: Registered,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/plaid") {}

const ofAccount = { params: { id: Ids.AccountId } }

const Other = Schema.Struct({ account: Ids.AccountId })

class Accounts extends HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { owner: Schema.optionalKey(Ids.OwnerId), connection: Schema.optionalKey(Ids.ConnectionId) },
      success: Schema.Array(Row),
      error: Problems,
    }),
    HttpApiEndpoint.get("transactions", "/:id/transactions", {
      ...ofAccount,
      query: {
        limit: Schema.optionalKey(
          Schema.FiniteFromString.pipe(
            Schema.decodeTo(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
          ),
        ),
        /** Those too that are the same as others, or are held no more. */
        all: insist,
      },
      success: Schema.Array(Row),
      error: Problems,
    }),
    /** The account that is named becomes part of this one. */
    HttpApiEndpoint.post("merge", "/:id/merge", {
      ...ofAccount,
      payload: sent(Other),
      success: Row,
      error: Problems,
    }),
    HttpApiEndpoint.post("unmerge", "/:id/unmerge", {
      ...ofAccount,
      payload: sent(Other),
      success: Row,
      error: Problems,
    }),
    /** The feed is not this account's after all. Answers with the account that it has now. */
    HttpApiEndpoint.post("undo", "/:id/feeds/:feedId/undo", {
      params: { id: Ids.AccountId, feedId: Ids.FeedId },
      success: Row,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/accounts") {}

class Reviews extends HttpApiGroup.make("reviews")
  .add(
    /** What nobody has answered yet. */
    HttpApiEndpoint.get("list", "/", { success: Schema.Array(Row), error: Problems }),
    HttpApiEndpoint.post("answer", "/:id", {
      params: { id: Ids.ReviewId },
      payload: sent(Schema.Struct({ answer: Schema.Union([Ids.AccountId, Schema.Literal("another")]) })),
      success: Row,
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/reviews") {}

class Webhooks extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("nango", "/nango", {
      // As it was sent: the signature is over the bytes.
      payload: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/json" })),
      success: Received,
      error: Problems,
    }),
    HttpApiEndpoint.post("plaid", "/plaid", {
      /** Plaid names an Item and nobody else, so each tenant has an address of its own. */
      query: { tenant: Ids.TenantId },
      payload: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/json" })),
      success: Received,
      error: Problems,
    }),
  )
  .add(
    /** Google's Pub/Sub says that a mailbox has changed. It is taken to have been heard before anything is looked at. */
    HttpApiEndpoint.post("gmail", "/gmail", {
      payload: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/json" })),
      success: HttpApiSchema.NoContent,
      error: Problems,
    }),
  )
  .middleware(Refusals)
  .prefix("/api/webhooks") {}

class Changes extends HttpApiGroup.make("changes")
  .add(
    HttpApiEndpoint.get("follow", "/api/changes", {
      query: {
        /**
         * The position of the last change that was seen; from now on where there is none. One that this log has not
         * reached is refused: it is another log's, and what was seen there is not what is here.
         */
        after: Schema.optionalKey(Position),
      },
      success: HttpApiSchema.StreamUint8Array({ contentType: "text/event-stream" }),
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals) {}

class Health extends HttpApiGroup.make("health").add(
  HttpApiEndpoint.get("health", "/health", {
    success: Schema.Struct({ status: Schema.Literal("ok"), position: Schema.String }),
    error: Problems,
  }),
) {}

export class Api extends HttpApi.make("holdfast-example")
  .add(Connections)
  .add(Mailboxes)
  .add(Gmail)
  .add(Plaid)
  .add(Accounts)
  .add(Reviews)
  .add(Calendars)
  .add(HostsBookings)
  .add(Enrichments)
  .add(EnrichmentReviews)
  .add(Switches)
  .add(Webhooks)
  .add(Changes)
  .add(Health)
  .annotate(OpenApi.Title, "Holdfast, the example server")
  .annotate(HttpApi.ParseOptions, { onExcessProperty: "error" })
  .annotate(HttpApi.HeadersParseOptions, {}) {}
