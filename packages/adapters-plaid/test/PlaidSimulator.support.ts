/** The real client against the simulator: every answer and every webhook is held against Plaid's own description. */
import { createServer, type IncomingHttpHeaders } from "node:http"

import { assert } from "@effect/vitest"
import { Data, Effect, Schema } from "effect"
import { Configuration, PlaidApi, type TransactionsSyncResponse } from "plaid"

import { PlaidSimulator } from "../src/testing/index.ts"
import { problemsOfAnswer, problemsOfError, problemsOfWebhook } from "./PlaidOpenapi.ts"

export const clientOf = (url: string, headers: Record<string, string>, timeout = 0) =>
  new PlaidApi(new Configuration({ basePath: url, baseOptions: { headers, timeout } }))

/** What became of a call that did not get its answer. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly status: number | undefined
  readonly code: string | undefined
  readonly reason: string | null | undefined
  readonly retryAfter: string | undefined
}> {}

type Ask<A> = (api: PlaidApi) => Promise<{ readonly data: A; readonly config: { readonly url?: string } }>

/** Asks as the default client. The answer, or the error, is as Plaid describes it; faults are for those who expect them. */
export const call = Effect.fnUntraced(function* <A>(ask: Ask<A>) {
  const { client, url } = yield* PlaidSimulator
  const api = clientOf(url, { "PLAID-CLIENT-ID": client.id, "PLAID-SECRET": client.secret })
  return yield* asking(api, ask)
})

export const asking = <A>(api: PlaidApi, ask: Ask<A>) =>
  Effect.tryPromise({
    try: async () => {
      const { config, data } = await ask(api)
      const { pathname } = new URL(config.url ?? "")
      return { data, problems: problemsOfAnswer(pathname, data) }
    },
    catch: refused,
  }).pipe(
    Effect.map(({ data, problems }) => {
      assert.isUndefined(problems)
      return data
    }),
  )

/** As a client that does not wait. */
export const impatiently = <A>(ask: Ask<A>) =>
  Effect.flatMap(PlaidSimulator, ({ client, url }) =>
    asking(clientOf(url, { "PLAID-CLIENT-ID": client.id, "PLAID-SECRET": client.secret }, 300), ask),
  )

export const codeOf = <A>(ask: Ask<A>) => Effect.map(Effect.flip(call(ask)), ({ code }) => code)

const AxiosFailure = Schema.Struct({
  response: Schema.optional(
    Schema.Struct({
      status: Schema.Int,
      headers: Schema.Record(Schema.String, Schema.Unknown),
      data: Schema.Unknown,
    }),
  ),
})
const ErrorBody = Schema.Struct({
  error_code: Schema.String,
  error_code_reason: Schema.optionalKey(Schema.NullOr(Schema.String)),
})

const refused = (cause: unknown) => {
  const { response } = Schema.decodeUnknownSync(AxiosFailure)({ response: Reflect.get(Object(cause), "response") })
  const isError = Schema.is(ErrorBody)
  const body = isError(response?.data) ? response.data : undefined
  if (body !== undefined) assert.isUndefined(problemsOfError(body))
  const retryAfter = response?.headers["retry-after"]
  return new Refused({
    status: response?.status,
    code: body?.error_code,
    reason: body?.error_code_reason,
    retryAfter: typeof retryAfter === "string" ? retryAfter : undefined,
  })
}

/** All pages from a cursor on. */
export const syncAll = Effect.fnUntraced(function* (access_token: string, from = "", count = 500, account_id?: string) {
  const pages: Array<TransactionsSyncResponse> = []
  let cursor = from
  do {
    const options = account_id === undefined ? {} : { options: { account_id } }
    const page = yield* call((api) => api.transactionsSync({ access_token, cursor, count, ...options }))
    pages.push(page)
    cursor = page.next_cursor
  } while (pages.at(-1)?.has_more)
  return {
    cursor,
    pages,
    added: pages.flatMap(({ added }) => added),
    modified: pages.flatMap(({ modified }) => modified),
    removed: pages.flatMap(({ removed }) => removed),
  }
})

export const transactionsOf = Effect.fnUntraced(function* (access_token: string) {
  const found = yield* call((api) =>
    api.transactionsGet({ access_token, start_date: "1960-01-01", end_date: "2999-12-31", options: { count: 500 } }),
  )
  assert.strictEqual(found.transactions.length, found.total_transactions)
  return found.transactions
})

export interface Received {
  readonly code: string
  readonly type: string
  readonly itemId: string | undefined
  readonly body: string
  readonly headers: IncomingHttpHeaders
}

const WebhookBody = Schema.fromJsonString(
  Schema.Struct({
    webhook_type: Schema.String,
    webhook_code: Schema.String,
    item_id: Schema.optionalKey(Schema.String),
  }),
)

/** A host that takes webhooks, and answers these statuses first and 200 after. */
export const receiver = (...statuses: ReadonlyArray<number>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const received: Array<Received> = []
      const answers = [...statuses]
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const body = Buffer.concat(chunks).toString()
          const { item_id, webhook_code: code, webhook_type: type } = Schema.decodeSync(WebhookBody)(body)
          received.push({ code, type, itemId: item_id, body, headers: request.headers })
          response.writeHead(answers.shift() ?? 200).end()
        })
      })
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", () => listening()))
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return {
        url: `http://127.0.0.1:${port}/webhooks`,
        server,
        received,
        /** What came since it was asked last, each as Plaid describes it. */
        codes: () => {
          const taken = received.splice(0)
          for (const { body, code } of taken) assert.isUndefined(problemsOfWebhook(code, JSON.parse(body)))
          return taken.map(({ code }) => code)
        },
      }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
