/** Banks: the way to one and back, what it delivers, and what people decide about that. */
import { PlaidConnect, PlaidSecret } from "@holdfast/adapters-plaid"
import {
  AccountsView,
  Aggregate,
  Connection,
  ConnectionHistoryView,
  ConnectionsView,
  type Ids,
  Links,
  Personal,
  ReviewsView,
  TransactionsView,
} from "@holdfast/domain"
import { Effect, Option, Redacted, Schema } from "effect"
import { HttpServer, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"

import { accountRow, connectionRow, orPage, settled } from "./Answers.ts"
import { Api } from "./Api.ts"
import { Caller } from "./ApiCommon.ts"
import { conflict, invalid, notFound, translated } from "./ApiErrors.ts"
import { Transactions } from "./Background.ts"
import { linkPage } from "./LinkPage.ts"
import { Offer } from "./Offer.ts"
import { originOf } from "./Origin.ts"
import * as Story from "./Story.ts"

export const plaid = HttpApiBuilder.group(
  Api,
  "plaid",
  Effect.fnUntraced(function* (handlers) {
    const { banks } = yield* Offer
    const origin = originOf(yield* HttpServer.HttpServer)

    return handlers.handleAll({
      start: Effect.fnUntraced(function* ({ query }) {
        const { asNew, pollIntervalSeconds, reconnects, repairs, simulate } = query
        const caller = yield* Caller
        const session = { ...caller, id: caller.session }
        if (simulate !== undefined && banks === undefined) {
          return yield* invalid("simulate", "Plaid is not simulated here")
        }
        if (repairs !== undefined && (reconnects ?? asNew ?? pollIntervalSeconds) !== undefined) {
          return yield* invalid("repairs", "A repair keeps the connection as it is: give nothing beside it")
        }
        if (reconnects !== undefined) yield* connectionRow(reconnects)
        const { connectionId, linkToken } =
          repairs === undefined
            ? yield* PlaidConnect.begin({ session, pollIntervalSeconds, reconnects })
            : yield* PlaidConnect.repair({ session, connectionId: repairs, accountSelection: true })
        const callback = new URL("/api/plaid/callback", origin)
        callback.searchParams.set(repairs === undefined ? "connection" : "repaired", connectionId)
        if (asNew !== undefined) callback.searchParams.set("asNew", asNew)
        if (banks === undefined) return linkPage(linkToken, callback)

        if (simulate === undefined) {
          const link = new URL(`${banks.url}/hl/${Redacted.value(linkToken)}`)
          link.searchParams.set("return_to", callback.href)
          return HttpServerResponse.redirect(link, { status: 302 })
        }
        if (simulate === "deny") callback.searchParams.set("exit", "true")
        else {
          const answer = yield* Effect.mapError(
            banks.link(Redacted.value(linkToken), { login: simulate }),
            ({ message }) => invalid("simulate", message),
          )
          callback.searchParams.set("public_token", answer.publicToken)
          callback.searchParams.set("metadata", JSON.stringify(answer.metadata))
        }
        return HttpServerResponse.redirect(callback, { status: 302 })
      }, translated),

      callback: Effect.fnUntraced(function* ({ query, request }) {
        const caller = yield* Caller
        const session = { ...caller, id: caller.session }
        const { asNew, connection, exit, metadata, public_token, repaired } = query
        if (exit !== undefined) {
          return yield* conflict("CONSENT_DENIED", "The person closed the bank's page", true)
        }
        if (
          repaired === undefined &&
          (connection === undefined || public_token === undefined || metadata === undefined)
        ) {
          return yield* invalid("public_token", "Expected what Link answers: connection, public_token and metadata")
        }
        const registered = yield* repaired !== undefined
          ? PlaidConnect.repaired({ session, connectionId: repaired })
          : PlaidConnect.complete({
              session,
              connectionId: connection as Ids.ConnectionId,
              publicToken: Redacted.make(public_token ?? ""),
              metadata: yield* Effect.mapError(decodeMetadata(metadata), () =>
                invalid("metadata", "Expected the metadata that Link gives with the public token"),
              ),
              asNew: asNew !== undefined,
            })
        yield* settled(ConnectionsView, ConnectionHistoryView, AccountsView, ReviewsView)
        const { reconnection } = yield* Story.of(caller.tenantId, registered.connectionId)
        const asked = yield* ReviewsView.open(caller.tenantId)
        const questions = asked.filter(({ connection_id }) => connection_id === registered.connectionId).length
        return orPage(request, {
          ...registered,
          ...(reconnection !== undefined && { reconnection }),
          ...(questions > 0 && { questions }),
        })
      }, translated),
    })
  }),
)

const decodeMetadata = Schema.decodeUnknownEffect(Schema.fromJsonString(PlaidSecret.Metadata))

export const accounts = HttpApiBuilder.group(
  Api,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const offer = yield* Offer
    const readerOf = ({ provider }: AccountsView.Row): Links.Reader =>
      provider === offer.gmail.id ? offer.gmail : offer.plaid

    return handlers.handleAll({
      list: Effect.fnUntraced(function* ({ query: { connection, owner } }) {
        const { tenantId } = yield* Caller
        const rows = yield* AccountsView.list(tenantId, {
          ...(owner !== undefined && { owner_id: owner }),
          ...(connection !== undefined && { connection_id: connection }),
        })
        return rows.map(shown)
      }, translated),

      transactions: Effect.fnUntraced(function* ({ params, query: { all, limit } }) {
        const { tenantId } = yield* Caller
        yield* accountRow(params.id)
        return yield* TransactionsView.ofAccount(tenantId, params.id, { all: all !== undefined, limit })
      }, translated),

      merge: Effect.fnUntraced(function* ({ params, payload, request }) {
        const by = yield* caller
        const row = yield* accountRow(params.id)
        yield* accountRow(payload.account)
        yield* Links.merge(readerOf(row), { kept: params.id, absorbed: payload.account }, by)
        return orPage(request, yield* changed(params.id))
      }, translated),

      unmerge: Effect.fnUntraced(function* ({ params, payload, request }) {
        const by = yield* caller
        const row = yield* accountRow(params.id)
        yield* Links.unmerge(readerOf(row), { kept: params.id, absorbed: payload.account }, by)
        return orPage(request, yield* changed(params.id))
      }, translated),

      undo: Effect.fnUntraced(function* ({ params: { feedId, id }, request }) {
        const by = yield* caller
        const row = yield* accountRow(id)
        const { accountId } = yield* Links.undo(readerOf(row), { accountId: id, feedId }, by)
        return orPage(request, yield* changed(accountId))
      }, translated),
    })
  }),
)

/** What an account is, without what it is compared by. */
const shown = (account: AccountsView.Row) => {
  const { brought: _, denied: __, feeds, profile: ___, ...row } = account
  return { ...row, feeds: feeds.map(withoutProfile) }
}

const withoutProfile = (feed: AccountsView.Row["feeds"][number]) => {
  const { profile: _, ...link } = feed
  return link
}

const changed = Effect.fnUntraced(function* (id: Ids.AccountId) {
  yield* settled(AccountsView, Transactions)
  return shown(yield* accountRow(id))
})

const caller = Effect.map(Caller, ({ ownerId, tenantId }): Links.By => ({
  tenantId,
  actor: { kind: "owner", id: ownerId },
}))

export const reviews = HttpApiBuilder.group(
  Api,
  "reviews",
  Effect.fnUntraced(function* (handlers) {
    const offer = yield* Offer

    return handlers.handleAll({
      list: Effect.fnUntraced(function* () {
        const { tenantId } = yield* Caller
        return yield* Effect.forEach(yield* ReviewsView.open(tenantId), (row) => question(tenantId, row))
      }, translated),

      answer: Effect.fnUntraced(function* ({ params, payload, request }) {
        const by = yield* caller
        const row = (yield* ReviewsView.get(by.tenantId, params.id)) ?? (yield* notFound)
        const asked = { connectionId: row.connection_id, reviewId: row.review_id }
        yield* Links.resolve(offer.plaid, asked, payload.answer, by)
        yield* releaseFollowed(by.tenantId, row.connection_id)
        yield* settled(ConnectionsView, ConnectionHistoryView, AccountsView, ReviewsView, Transactions)
        const answered = (yield* ReviewsView.get(by.tenantId, params.id)) ?? row
        return orPage(request, { ...answered })
      }, translated),
    })
  }),
)

/** A question as a person can answer it: what the account is called, and what is known of each one that it may be. */
export const question = Effect.fn("BankHandlers.question")(function* (tenantId: Ids.TenantId, row: ReviewsView.Row) {
  const { state } = yield* loadWithNames(tenantId, row.connection_id)
  const review = state.reviews.find(({ reviewId }) => reviewId === row.review_id)
  const appearance = review === undefined ? {} : Option.getOrElse(Personal.value(review.personal), () => ({}))
  const { decisions } = yield* Story.of(tenantId, row.connection_id)
  return {
    ...row,
    account: appearance,
    explanation: decisions.find(({ feedId }) => feedId === row.feed_id)?.explanation ?? [],
  }
})

const loadWithNames = Aggregate.load(Connection, { personal: true })

/** The Item of a connection that the answer ended is not paid for any longer. What fails is done by the upkeep. */
const releaseFollowed = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const { state } = yield* load(tenantId, connectionId)
  if (state.previous !== undefined) yield* Effect.ignore(PlaidConnect.release(tenantId, state.previous))
})

const load = Aggregate.load(Connection)
