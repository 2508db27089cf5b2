/** What went wrong, as a page with a way back for a person in a browser. Programs get the answer as it is. */
import { Effect, Option, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

import { isPerson } from "./Answers.ts"
import { html } from "./Html.ts"
import * as Layout from "./Layout.ts"

export const layer = HttpRouter.middleware(
  (handled) =>
    Effect.gen(function* () {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const response = yield* handled
      const problem = isPerson(headers) && response.status >= 400 ? saidIn(response) : Option.none()
      return Option.match(problem, {
        onNone: () => response,
        onSome: ({ at, message }) => {
          const text = at === undefined || at === "" ? message : `${at}: ${message}`
          return HttpServerResponse.mergeCookies(pageOf(text, response.status), response.cookies)
        },
      })
    }),
  { global: true },
)

const pageOf = (message: string, status: number) =>
  Layout.response(
    Layout.document(
      "Not done",
      html`<h1>This was not done</h1>
        <p><span class="warning">${message}.</span></p>
        ${Layout.back}`,
    ),
    status,
  )

const saidIn = ({ body }: HttpServerResponse.HttpServerResponse) =>
  body._tag === "Uint8Array" ? decodeProblem(new TextDecoder().decode(body.body)) : Option.none()

const decodeProblem = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ at: Schema.optionalKey(Schema.String), message: Schema.String })),
)
