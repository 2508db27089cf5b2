import { Effect, Layer } from "effect"

import { GmailApi, GoogleOAuth } from "../src/index.ts"
import { GmailSimulator, type Options } from "../src/testing/index.ts"

export const ada = "ada@example.com"
export const redirectUri = "http://127.0.0.1:9/api/connections/gmail/callback"

/** The adapter's Google side, turned to a simulator in which Ada has a mailbox. */
export const simulated = (options: Options = {}, timeout: "30 seconds" | "200 millis" = "30 seconds") =>
  GmailSimulator.adapter({ redirectUri, timeout }).pipe(
    Layer.provideMerge(GmailSimulator.layer({ mailboxes: [ada], ...options })),
  )

/** Ada is asked and allows: the code of the redirect and the verifier that goes with it. */
export const consented = Effect.fnUntraced(function* (mailbox = ada, scopes?: ReadonlyArray<string>) {
  const oauth = yield* GoogleOAuth.GoogleOAuth
  const simulator = yield* GmailSimulator
  const { challenge, verifier } = yield* oauth.pkce
  const url = oauth.authorizationUrl({ state: "state-of-this-attempt", challenge })
  const redirect = yield* simulator.consent(url, { mailbox, ...(scopes === undefined ? {} : { scopes }) })
  const { code } = GoogleOAuth.callback(redirect.searchParams)
  return { code: yield* Effect.fromResult(code), verifier }
})

export const granted = Effect.fnUntraced(function* (mailbox = ada) {
  const oauth = yield* GoogleOAuth.GoogleOAuth
  const { code, verifier } = yield* consented(mailbox)
  const grant = yield* oauth.exchange(code, verifier)
  return { ...grant, refreshToken: yield* Effect.fromOption(grant.refreshToken) }
})

/** Ada's mailbox as the real client sees it. */
export const mailbox = Effect.gen(function* () {
  const { accessToken } = yield* granted()
  return (yield* GmailApi.GmailApi).mailbox(accessToken)
})

/** Why it failed, which it must. */
export const tagOf = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)
