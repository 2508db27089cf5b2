import { inspect } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Effect, Fiber, Option, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { CodeChallengeMethod, OAuth2Client } from "google-auth-library"

import { GmailApi, GoogleOAuth } from "../src/index.ts"
import { type Failure, GmailSimulator, simulatedClient } from "../src/testing/index.ts"
import { ada, consented, granted, redirectUri, simulated, tagOf } from "./support.ts"

const { GoogleOAuth: OAuth } = GoogleOAuth

describe("A consent", () => {
  it.effect("gives tokens, the scopes that were granted, and who it was", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const { code, verifier } = yield* consented()
      const grant = yield* oauth.exchange(code, verifier)
      assert.match(grant.subject, /^\d{21}$/)
      assert.strictEqual(Redacted.value(grant.email), ada)
      assert.deepStrictEqual(grant.scopes, [...GoogleOAuth.requiredScopes])
      assert.isTrue(Option.isSome(grant.refreshToken))
      assert.strictEqual(DateTime.toEpochMillis(grant.expiresAt), 3_599_000)

      const profile = yield* (yield* GmailApi.GmailApi).mailbox(grant.accessToken).profile
      assert.strictEqual(Redacted.value(profile.email), ada)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("asks for offline access with a state and an S256 challenge, and hides the verifier", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const { challenge, verifier } = yield* oauth.pkce
      const url = new URL(oauth.authorizationUrl({ state: "s-1", challenge, loginHint: ada }))
      assert.deepInclude(Object.fromEntries(url.searchParams), {
        access_type: "offline",
        prompt: "consent",
        response_type: "code",
        state: "s-1",
        code_challenge: challenge,
        code_challenge_method: "S256",
        login_hint: ada,
        redirect_uri: redirectUri,
      })
      assert.notInclude(url.href, Redacted.value(verifier))
      const again = yield* oauth.pkce
      assert.notStrictEqual(again.challenge, challenge)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("L12 can be clicked in a browser, wholly or in part", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const { challenge, verifier } = yield* oauth.pkce
      const url = oauth.authorizationUrl({ state: "s-2", challenge })
      const page = yield* Effect.promise(() => fetch(url).then((response) => response.text()))
      assert.include(page, `value="${ada}"`)

      const click = (answer: Record<string, string>) =>
        Effect.promise(() =>
          fetch(url, { method: "POST", body: new URLSearchParams(answer), redirect: "manual" }),
        ).pipe(Effect.map((response) => new URL(response.headers.get("location") ?? "").searchParams))
      const denied = GoogleOAuth.callback(yield* click({ decision: "deny", mailbox: ada }))
      assert.deepStrictEqual(denied.state, Option.some("s-2"))
      assert.isTrue(Result.isFailure(denied.code) && denied.code.failure.reason._tag === "Denied")

      const partial = GoogleOAuth.callback(yield* click({ decision: "allow", mailbox: ada, scope: "openid" }))
      const error = yield* Effect.flip(oauth.exchange(yield* Effect.fromResult(partial.code), verifier))
      assert.deepStrictEqual(error.reason._tag === "MissingScope" && error.reason.missing, [
        "https://www.googleapis.com/auth/userinfo.email",
        "https://www.googleapis.com/auth/gmail.readonly",
      ])
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("L11 gives a code that works once, with its own verifier and at its own client only", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const { code, verifier } = yield* consented()
      assert.strictEqual(yield* tagOf(oauth.exchange(code, (yield* oauth.pkce).verifier)), "InvalidGrant")
      yield* oauth.exchange(code, verifier)
      assert.strictEqual(yield* tagOf(oauth.exchange(code, verifier)), "InvalidGrant")
      assert.strictEqual(yield* tagOf(oauth.exchange(Redacted.make("4/0Anothing"), verifier)), "InvalidGrant")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("gives a refresh token the first time, and later only to who asks for consent again", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* GmailSimulator
      const simulator = yield* GmailSimulator
      const stock = stockClient(endpoints)
      const tokensOf = Effect.fnUntraced(function* (prompt?: string) {
        const { codeChallenge = "", codeVerifier } = yield* Effect.promise(() => stock.generateCodeVerifierAsync())
        const url = stock.generateAuthUrl({
          access_type: "offline",
          scope: ["openid", "email"],
          code_challenge: codeChallenge,
          code_challenge_method: CodeChallengeMethod.S256,
          ...(prompt === undefined ? {} : { prompt }),
        })
        const redirect = yield* simulator.consent(url, { mailbox: ada })
        const code = redirect.searchParams.get("code") ?? ""
        return (yield* Effect.promise(() => stock.getToken({ code, codeVerifier }))).tokens
      })
      assert.isString((yield* tokensOf()).refresh_token)
      assert.isUndefined((yield* tokensOf()).refresh_token)
      const { refresh_token: third = "" } = yield* tokensOf("consent")
      assert.notStrictEqual(third ?? "", "")

      yield* Effect.promise(() => stock.revokeToken(third ?? ""))
      assert.isString((yield* tokensOf()).refresh_token)
    }).pipe(Effect.provide(simulated())),
  )
})

describe("A grant", () => {
  it.effect("is refreshed when its access token is too old, and keeps the refresh token that it has", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const api = yield* GmailApi.GmailApi
      const grant = yield* granted()
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* tagOf(api.mailbox(grant.accessToken).profile), "Unauthorized")

      const refreshed = yield* oauth.refresh(grant.refreshToken)
      assert.strictEqual(Redacted.value(refreshed.refreshToken), Redacted.value(grant.refreshToken))
      assert.strictEqual(DateTime.toEpochMillis(refreshed.expiresAt), 2 * 3_600_000 + 3_599_000)
      yield* api.mailbox(refreshed.accessToken).profile

      yield* (yield* GmailSimulator).expireAccessTokens(ada)
      assert.strictEqual(yield* tagOf(api.mailbox(refreshed.accessToken).profile), "Unauthorized")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("L17 takes a rotated refresh token", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const grant = yield* granted()
      const refreshed = yield* oauth.refresh(grant.refreshToken)
      assert.notStrictEqual(Redacted.value(refreshed.refreshToken), Redacted.value(grant.refreshToken))
      yield* oauth.refresh(refreshed.refreshToken)
    }).pipe(Effect.provide(simulated({ rotateRefreshTokens: true }))),
  )

  it.effect("ends when the person withdraws it, with all its tokens", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const grant = yield* granted()
      yield* (yield* GmailSimulator).revoke(ada)
      assert.strictEqual(yield* tagOf(oauth.refresh(grant.refreshToken)), "InvalidGrant")
      const mailbox = (yield* GmailApi.GmailApi).mailbox(grant.accessToken)
      assert.strictEqual(yield* tagOf(mailbox.profile), "Unauthorized")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("ends when it is revoked, which may be said twice", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const grant = yield* granted()
      yield* oauth.revoke(grant.refreshToken)
      yield* oauth.revoke(grant.refreshToken)
      assert.strictEqual(yield* tagOf(oauth.refresh(grant.refreshToken)), "InvalidGrant")
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is of the same account after a second consent", () =>
    Effect.gen(function* () {
      const first = yield* granted()
      yield* (yield* GmailSimulator).revoke(ada)
      assert.strictEqual((yield* granted()).subject, first.subject)
      yield* (yield* GmailSimulator).addMailbox("grace@example.com")
      assert.notStrictEqual((yield* granted("grace@example.com")).subject, first.subject)
    }).pipe(Effect.provide(simulated())),
  )
})

describe("A request for tokens that goes wrong", () => {
  it.effect("L19 says in which way, is sent once, and never says the token", () =>
    Effect.gen(function* () {
      const oauth = yield* OAuth
      const simulator = yield* GmailSimulator
      const grant = yield* granted()
      const secret = Redacted.value(grant.refreshToken)
      const expected: ReadonlyArray<readonly [Failure, string]> = [
        ["tooManyRequests", "RateLimited"],
        ["rateLimitExceeded", "RateLimited"],
        ["internalError", "Unavailable"],
        ["unavailable", "Unavailable"],
        ["truncatedBody", "Unavailable"],
        ["emptyBody", "Unavailable"],
        ["dropBeforeWork", "Unavailable"],
        ["dropAfterWork", "Unavailable"],
      ]
      for (const [failure, reason] of expected) {
        yield* simulator.forgetRequests
        yield* simulator.fail({ kind: "token.refresh", failure })
        const exit = yield* Effect.exit(oauth.refresh(grant.refreshToken))
        assert.isTrue(exit._tag === "Failure", failure)
        if (exit._tag !== "Failure") continue
        const error = Cause.squash(exit.cause) as { readonly reason: { readonly _tag: string } }
        assert.strictEqual(error.reason._tag, reason, failure)
        assert.strictEqual(yield* simulator.count("token.refresh"), 1, failure)
        for (const text of [
          inspect(exit, { depth: Infinity, showHidden: true }),
          Cause.pretty(exit.cause),
          JSON.stringify(exit),
          String(error),
        ]) {
          assert.notInclude(text, secret)
          assert.notInclude(text, simulatedClient.secret)
          assert.notInclude(text, ada)
        }
      }
      yield* oauth.refresh(grant.refreshToken)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("L19 does not say a dead token either, as the stock client does", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* GmailSimulator
      const grant = yield* granted()
      const secret = Redacted.value(grant.refreshToken)
      yield* (yield* GmailSimulator).revoke(ada)

      const stock = stockClient(endpoints)
      stock.setCredentials({ refresh_token: secret })
      const leak: unknown = yield* Effect.promise(() => stock.refreshAccessToken().catch((error: unknown) => error))
      assert.include(inspect(leak, { depth: Infinity }), secret)

      const exit = yield* Effect.exit((yield* OAuth).refresh(grant.refreshToken))
      assert.notInclude(inspect(exit, { depth: Infinity, showHidden: true }), secret)
    }).pipe(Effect.provide(simulated())),
  )

  it.effect("is given up after its timeout", () =>
    Effect.gen(function* () {
      const grant = yield* granted()
      yield* (yield* GmailSimulator).fail({ kind: "token.refresh", failure: "hang" })
      const attempt = yield* Effect.forkChild(tagOf((yield* OAuth).refresh(grant.refreshToken)))
      yield* (yield* GmailSimulator).met("token.refresh")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Fiber.join(attempt), "Unavailable")
    }).pipe(Effect.provide(simulated())),
  )
})

/** Google's own client as its documentation shows it. */
const stockClient = (endpoints: GoogleOAuth.Endpoints) =>
  new OAuth2Client({
    clientId: simulatedClient.id,
    clientSecret: simulatedClient.secret,
    redirectUri,
    endpoints: {
      oauth2AuthBaseUrl: endpoints.authorization,
      oauth2TokenUrl: endpoints.token,
      oauth2RevokeUrl: endpoints.revocation,
    },
  })
