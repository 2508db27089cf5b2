/**
 * The simulated world by hand: what `curl` needs to play the person, the mail server and bad luck. Everything is said in
 * the query, except the mail itself.
 */
import { Effect, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

import type { Control, NotSimulated } from "./Control.ts"
import { Failure, RequestKind } from "./Faults.ts"
import { samples } from "./Mails.ts"

export const controlRoutes = (control: Control) => {
  const say = <A>(method: "GET" | "POST", path: `/${string}`, schema: Query<A>, act: (query: A) => Act) =>
    HttpRouter.route(
      method,
      path,
      HttpServerRequest.schemaSearchParams(schema, { onExcessProperty: "error" }).pipe(
        Effect.flatMap(act),
        Effect.flatMap((answer) => HttpServerResponse.json(answer ?? {})),
        Effect.catchTags({
          SchemaError: ({ message }) => HttpServerResponse.json({ error: message }, { status: 400 }),
          NotSimulated: ({ message }) => HttpServerResponse.json({ error: message }, { status: 404 }),
        }),
      ),
    )

  return HttpRouter.addAll([
    say("GET", "/simulator", Nothing, () =>
      Effect.map(control.mailboxes, (mailboxes) => ({
        mailboxes: mailboxes.map(({ address, snapshot }) => ({
          address,
          messages: snapshot.messages.length,
          labels: snapshot.labels.filter(({ type }) => type === "user").map(({ name }) => name),
        })),
        samples: [...samples.keys()],
      })),
    ),
    say("POST", "/simulator/mailboxes", InMailbox, ({ mailbox }) =>
      Effect.map(control.addMailbox(mailbox), ({ address }) => ({ mailbox: address })),
    ),
    say("POST", "/simulator/deliver", Deliver, ({ label, mailbox, sample }) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const body = new Uint8Array(yield* Effect.orDie(request.arrayBuffer))
        const raw = sample === undefined ? body : (samples.get(sample) ?? body)
        const id = yield* control.deliver(mailbox, raw, label === undefined ? {} : { labels: [label] })
        return { id }
      }),
    ),
    say("POST", "/simulator/label", OfMessage, ({ label, mailbox, message }) =>
      control.addLabel(mailbox, message, label),
    ),
    say("POST", "/simulator/unlabel", OfMessage, ({ label, mailbox, message }) =>
      control.removeLabel(mailbox, message, label),
    ),
    say("POST", "/simulator/labels", InLabel, ({ label, mailbox }) =>
      Effect.map(control.label(mailbox, label), (id) => ({ id })),
    ),
    say("POST", "/simulator/rename-label", Renaming, ({ label, mailbox, to }) =>
      Effect.flatMap(control.label(mailbox, label), (id) => control.renameLabel(mailbox, id, to)),
    ),
    say("POST", "/simulator/delete-label", InLabel, ({ label, mailbox }) =>
      Effect.flatMap(control.label(mailbox, label), (id) => control.deleteLabel(mailbox, id)),
    ),
    say("GET", "/simulator/watches", Nothing, () => Effect.map(control.watches, (watches) => ({ watches }))),
    say("POST", "/simulator/push", Pushing, ({ mailbox, times = 1, to, ...subscription }) =>
      Effect.gen(function* () {
        const { authorization, body } = yield* control.pushOf(mailbox, { ...subscription })
        const send = Effect.promise((signal) =>
          fetch(to, { method: "POST", headers: { authorization, "content-type": "application/json" }, body, signal }),
        )
        const answers = yield* Effect.replicateEffect(send, times, { concurrency: "unbounded" })
        return { statuses: answers.map(({ status }) => status) }
      }),
    ),
    say("POST", "/simulator/delete", Message, ({ mailbox, message }) => control.deleteMessage(mailbox, message)),
    say("POST", "/simulator/forget-history", InMailbox, ({ mailbox }) => control.forgetHistory(mailbox)),
    say("POST", "/simulator/expire", InAnyMailbox, ({ mailbox }) => control.expireAccessTokens(mailbox)),
    say("POST", "/simulator/revoke", InMailbox, ({ mailbox }) => control.revoke(mailbox)),
    say("POST", "/simulator/fail", FaultQuery, (fault) => control.fail(fault)),
    say("GET", "/simulator/requests", Nothing, () =>
      Effect.map(control.requests, (requests) => ({
        counts: Object.fromEntries(
          RequestKind.literals.map((kind) => [kind, requests.filter((r) => r.kind === kind).length]),
        ),
        latest: requests.slice(-100),
      })),
    ),
  ])
}

type Query<A> = Schema.Codec<A, Readonly<Record<string, string | ReadonlyArray<string> | undefined>>>
type Act = Effect.Effect<unknown, NotSimulated, HttpServerRequest.HttpServerRequest>

const Nothing = Schema.Struct({})
const InMailbox = Schema.Struct({ mailbox: Schema.NonEmptyString })
const InAnyMailbox = Schema.Struct({ mailbox: Schema.optionalKey(Schema.NonEmptyString) })
const Message = Schema.Struct({ ...InMailbox.fields, message: Schema.NonEmptyString })
const OfMessage = Schema.Struct({ ...Message.fields, label: Schema.NonEmptyString })
const Deliver = Schema.Struct({
  ...InMailbox.fields,
  label: Schema.optionalKey(Schema.NonEmptyString),
  /** One of the mails that come with the simulator, instead of the body. */
  sample: Schema.optionalKey(Schema.Literals([...samples.keys()])),
})
const InLabel = Schema.Struct({ ...InMailbox.fields, label: Schema.NonEmptyString })
const Renaming = Schema.Struct({ ...InLabel.fields, to: Schema.NonEmptyString })
const Count = Schema.FiniteFromString.pipe(Schema.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0)))
const Pushing = Schema.Struct({
  ...InMailbox.fields,
  /** The address that the subscription pushes to. */
  to: Schema.NonEmptyString,
  audience: Schema.NonEmptyString,
  serviceAccount: Schema.NonEmptyString,
  /** Where the mailbox stood; where it stands now if absent. */
  historyId: Schema.optionalKey(Schema.NonEmptyString),
  /** Once if absent. */
  times: Schema.optionalKey(Count),
})
const FaultQuery = Schema.Struct({
  failure: Failure,
  kind: Schema.optionalKey(RequestKind),
  times: Schema.optionalKey(Count),
  retryAfterSeconds: Schema.optionalKey(Count),
  retryAt: Schema.optionalKey(Schema.DateTimeUtcFromString),
})
