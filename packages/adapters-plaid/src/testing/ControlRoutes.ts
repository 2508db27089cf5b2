/**
 * The simulated world by hand: what `curl` needs to play the person, the bank and bad luck. Everything is said in a JSON
 * body; `GET /_control` tells what there is.
 */
import { DateTime, Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

import type { Control, NotSimulated } from "./Control.ts"
import { Fault } from "./Faults.ts"
import { Mishap } from "./Outbox.ts"
import { productionLimits, sandboxLimits } from "./Quotas.ts"

export const controlRoutes = (control: Control) => {
  const look = <A>(path: `/${string}`, see: Effect.Effect<A, NotSimulated>) =>
    HttpRouter.route("GET", path, answered(see))

  const say = <A>(
    path: `/${string}`,
    schema: Schema.Decoder<A>,
    act: (body: A) => Effect.Effect<unknown, NotSimulated>,
  ) =>
    HttpRouter.route(
      "POST",
      path,
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const text = yield* Effect.orDie(request.text)
        const json = yield* Schema.decodeUnknownEffect(Json)(text === "" ? "{}" : text)
        const answer = yield* act(yield* Schema.decodeUnknownEffect(schema)(json, { onExcessProperty: "error" }))
        yield* control.saved
        return answer
      }).pipe(answered),
    )

  return HttpRouter.addAll([
    look(
      "/_control",
      Effect.gen(function* () {
        return {
          now: yield* control.now,
          logins: yield* control.logins,
          items: yield* control.items,
          webhooks: (yield* control.webhooks).map(({ attempts, code, id, itemId, state }) => ({
            id,
            itemId,
            code,
            state,
            attempts: attempts.length,
          })),
        }
      }),
    ),
    look(
      "/_control/requests",
      Effect.map(control.requests, (requests) => ({
        counts: Object.fromEntries(
          [...Map.groupBy(requests, ({ endpoint }) => endpoint)].map(([endpoint, { length }]) => [endpoint, length]),
        ),
        latest: requests.slice(-100),
      })),
    ),
    look("/_control/institutions", control.institutions),
    say(
      "/_control/advance",
      Schema.Struct({ seconds: Schema.optionalKey(Amount), days: Schema.optionalKey(Amount) }),
      (by) => control.advance({ seconds: by.seconds ?? 0, days: by.days ?? 0 }),
    ),

    say(
      "/_control/logins",
      Schema.Struct({ institution: Id, id: Schema.optionalKey(Id), accounts: Schema.Array(Account) }),
      ({ institution, ...login }) => control.addLogin({ ...login, institutionId: institution }),
    ),
    say("/_control/accounts/open", Schema.Struct({ login: Id, account: Account }), ({ account, login }) =>
      Effect.map(control.openAccount(login, account), (id) => ({ account: id })),
    ),
    say("/_control/accounts/close", OfAccount, ({ account }) => control.closeAccount(account)),
    say(
      "/_control/accounts/change",
      Schema.Struct({
        ...OfAccount.fields,
        name: Schema.optionalKey(Schema.String),
        mask: Schema.optionalKey(Schema.NullOr(Schema.String)),
        churns: Schema.optionalKey(Schema.Boolean),
      }),
      ({ account, churns, ...change }) => control.changeAccount(account, change, churns),
    ),
    say("/_control/accounts/replace-card", Schema.Struct({ ...OfAccount.fields, mask: Id }), ({ account, mask }) =>
      Effect.map(control.replaceCard(account, mask), (id) => ({ account: id })),
    ),
    say(
      "/_control/logins/migrate",
      Schema.Struct({ login: Id, institution: Id, noticeDays: Schema.optionalKey(Amount) }),
      (move) => control.migrateLogin(move.login, move.institution, move.noticeDays),
    ),

    say("/_control/transactions/add", Schema.Struct({ ...OfAccount.fields, transaction: Transaction }), (added) =>
      Effect.map(control.addTransaction(added.account, added.transaction), (transaction) => ({ transaction })),
    ),
    say(
      "/_control/transactions/seed",
      Schema.Struct({ ...OfAccount.fields, count: Schema.Natural, days: Schema.Natural, seed: Schema.optionalKey(Id) }),
      ({ account, ...options }) =>
        Effect.map(control.seedHistory(account, options), ({ length }) => ({ added: length })),
    ),
    say(
      "/_control/transactions/post",
      Schema.Struct({
        ...OfTransaction.fields,
        amount: Schema.optionalKey(Schema.Finite),
        name: Schema.optionalKey(Id),
      }),
      ({ transaction, ...posting }) =>
        Effect.map(control.postTransaction(transaction, posting), (id) => ({ transaction: id })),
    ),
    say(
      "/_control/transactions/modify",
      Schema.Struct({
        ...OfTransaction.fields,
        amount: Schema.optionalKey(Schema.Finite),
        name: Schema.optionalKey(Id),
        date: Schema.optionalKey(Id),
      }),
      ({ transaction, ...change }) => control.modifyTransaction(transaction, change),
    ),
    say("/_control/transactions/remove", OfTransaction, ({ transaction }) => control.removeTransaction(transaction)),

    say(
      "/_control/items/break",
      Schema.Struct({ ...OfItem.fields, code: Id, reason: Schema.optionalKey(Id) }),
      (broken) => control.breakItem(broken.item, broken.code, broken.reason),
    ),
    say("/_control/items/repair", OfItem, ({ item }) => control.repairElsewhere(item)),
    say("/_control/items/expire-consent", OfItem, ({ item }) => control.expireConsent(item)),
    say(
      "/_control/items/revoke",
      Schema.Struct({ ...OfItem.fields, where: Schema.Literals(["at Plaid", "at the bank"]) }),
      (revoked) => control.revoke(revoked.item, revoked.where),
    ),
    say("/_control/items/revoke-account", Schema.Struct({ ...OfItem.fields, account: Id }), ({ account, item }) =>
      control.revokeAccount(item, account),
    ),
    say(
      "/_control/items/disconnect",
      Schema.Struct({ ...OfItem.fields, at: Schema.DateTimeUtcFromString }),
      ({ at, item }) => control.announceDisconnect(item, "INSTITUTION_TOKEN_EXPIRATION", DateTime.toUtc(at)),
    ),
    say("/_control/items/poll", OfItem, ({ item }) => control.poll(item)),
    say("/_control/items/forget-cursors", OfItem, ({ item }) => control.forgetCursors(item)),

    say("/_control/webhooks/hold", Nothing, () => control.holdWebhooks),
    say("/_control/webhooks/release", Schema.Struct({ order: Schema.optionalKey(Schema.Array(Id)) }), ({ order }) =>
      control.releaseWebhooks(order),
    ),
    say("/_control/webhooks/repeat", Schema.Struct({ id: Id }), ({ id }) => control.repeatWebhook(id)),
    say("/_control/webhooks/spoil", Mishap, (mishap) => control.spoilWebhooks(mishap)),
    say("/_control/webhooks/rotate-key", Nothing, () => Effect.map(control.rotateWebhookKey, (kid) => ({ kid }))),
    say("/_control/webhooks/expire-key", Schema.Struct({ kid: Id }), ({ kid }) => control.expireWebhookKey(kid)),

    say("/_control/fail", Fault, (fault) => control.fail(fault)),
    say("/_control/clear-faults", Nothing, () => control.clearFaults),
    say("/_control/limits", Schema.Struct({ of: Schema.Literals(["production", "sandbox", "none"]) }), ({ of }) =>
      control.setLimits({ production: productionLimits, sandbox: sandboxLimits, none: {} }[of]),
    ),
  ])
}

const answered = <A, R>(act: Effect.Effect<A, NotSimulated | Schema.SchemaError, R>) =>
  act.pipe(
    Effect.flatMap((answer) => HttpServerResponse.json(answer ?? {})),
    Effect.catchTags({
      SchemaError: ({ message }) => HttpServerResponse.json({ error: message }, { status: 400 }),
      NotSimulated: ({ message }) => HttpServerResponse.json({ error: message }, { status: 404 }),
    }),
  )

const Json = Schema.fromJsonString(Schema.Unknown)
const Nothing = Schema.Struct({})
const Id = Schema.NonEmptyString
const Amount = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const OfItem = Schema.Struct({ item: Id })
const OfAccount = Schema.Struct({ account: Id })
const OfTransaction = Schema.Struct({ transaction: Id })
const Account = Schema.Struct({
  name: Id,
  officialName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  mask: Schema.optionalKey(Schema.NullOr(Schema.String)),
  type: Schema.optionalKey(Schema.Literals(["depository", "credit", "loan", "investment"])),
  subtype: Schema.optionalKey(Id),
  currency: Schema.optionalKey(Id),
  balance: Schema.optionalKey(Schema.Struct({ current: Schema.NullOr(Schema.Finite) })),
})
const Transaction = Schema.Struct({
  amount: Schema.Finite,
  date: Id,
  authorizedDate: Schema.optionalKey(Schema.NullOr(Schema.String)),
  name: Id,
  merchantName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  pending: Schema.optionalKey(Schema.Boolean),
})
