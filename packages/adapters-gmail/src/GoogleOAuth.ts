/**
 * Google's consent and tokens: the way from a person's click to a mailbox that can be read.
 *
 * The identity of a grant is Google's `sub`; the address may change and is never compared. Two things are left to the
 * caller on purpose: that a `state` is used once and by the session that it was made for, and that an `InvalidGrant` is
 * confirmed against the newest stored credentials before a connection is given up.
 *
 * Tokens are asked for with the stock client's transport and not with its `getToken` and `refreshAccessToken`: those
 * repeat a code exchange behind the caller's back, overwrite a rotated refresh token, and put tokens into their errors.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 */
import { Context, DateTime, Duration, Effect, Layer, Option, Redacted, Result, Schema, SchemaGetter } from "effect"

import { ask, decode, requestOptions } from "./GoogleAnswer.ts"
import { Denied, GoogleError, MissingScope, Refused, UnexpectedAnswer } from "./GoogleError.ts"

/** What reading a mailbox needs, and what tells whose it is. */
export const requiredScopes = [
  "openid",
  "https://www.googleapis.com/auth/userinfo.email",
  "https://www.googleapis.com/auth/gmail.readonly",
] as const

/** The host's registration at Google, and where Google is. */
export interface Settings {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  /** Where Google sends the person back to; registered at Google letter by letter. */
  readonly redirectUri: string
  /** Google's own by default; a simulator's in tests. */
  readonly endpoints?: Endpoints
  /** How long one answer may take; 30 seconds by default. */
  readonly timeout?: Duration.Input
}

export interface Endpoints {
  readonly authorization: string
  readonly token: string
  readonly revocation: string
}

/** Proof that whoever exchanges a code is who asked for it (RFC 7636). The verifier waits sealed until the callback. */
export interface Pkce {
  readonly verifier: Redacted.Redacted
  readonly challenge: string
}

/** What Google's redirect brings back. */
export interface Callback {
  /** As it was given to `authorizationUrl`, if it came back at all. Not verified here. */
  readonly state: Option.Option<string>
  /** The code to exchange, or why there is none (`Denied`). */
  readonly code: Result.Result<Redacted.Redacted, GoogleError>
}

/** What a consent gave. Everything in it is secret or personal except the scopes and the time. */
export interface Grant {
  readonly accessToken: Redacted.Redacted
  /** Absent where this person had consented before and was not asked again. */
  readonly refreshToken: Option.Option<Redacted.Redacted>
  /** By this process's clock, counted from before the request was sent. */
  readonly expiresAt: DateTime.Utc
  readonly scopes: ReadonlyArray<string>
  /** The Google account (`sub`): permanent, and never given to anyone else. */
  readonly subject: string
  /** The account's address as Google has it now. Personal data: show it, never compare it. */
  readonly email: Redacted.Redacted
}

/** What a refresh gave. */
export interface Refreshed {
  readonly accessToken: Redacted.Redacted
  /** The one to keep from now on: Google's new one, or that which was used if it sent none. */
  readonly refreshToken: Redacted.Redacted
  readonly expiresAt: DateTime.Utc
  readonly scopes: ReadonlyArray<string>
}

export class GoogleOAuth extends Context.Service<
  GoogleOAuth,
  {
    /** A new random verifier with its S256 challenge. */
    readonly pkce: Effect.Effect<Pkce>

    /** Where to send the person. Always asks for consent, because only then does Google surely give a refresh token. */
    authorizationUrl(options: {
      readonly state: string
      readonly challenge: string
      /** Which account to preselect. Personal data: it stands in the URL. */
      readonly loginHint?: string
    }): string

    /**
     * Exchanges a code for a grant. A code works once: after `Unavailable` or `UnexpectedAnswer` it may be spent, and
     * `InvalidGrant` then means that consent has to be asked for again. After `MissingScope` the grant exists at Google
     * but is not kept; it is not revoked either, because that would end every other grant of this person to this host.
     */
    exchange(code: Redacted.Redacted, verifier: Redacted.Redacted): Effect.Effect<Grant, GoogleError>

    /** A new access token. Nothing is changed at Google: after any retryable failure the same refresh token still works. */
    refresh(refreshToken: Redacted.Redacted): Effect.Effect<Refreshed, GoogleError>

    /**
     * Ends the grant behind a refresh or access token, and with it every grant of this person to this host. Revoking
     * what is already revoked succeeds. After `Unavailable` it may have happened; asking again is safe.
     */
    revoke(token: Redacted.Redacted): Effect.Effect<void, GoogleError>
  }
>()("@holdfast/adapters-gmail/GoogleOAuth") {
  static readonly layer = (settings: Settings) =>
    Layer.effect(
      GoogleOAuth,
      Effect.gen(function* () {
        const { CodeChallengeMethod, OAuth2Client } = yield* Effect.promise(() => import("google-auth-library"))
        const endpoints = settings.endpoints ?? google
        const timeout = Duration.fromInputUnsafe(settings.timeout ?? "30 seconds")
        const credentials = {
          client_id: settings.clientId,
          client_secret: Redacted.value(settings.clientSecret),
        }
        const client = new OAuth2Client({
          clientId: settings.clientId,
          redirectUri: settings.redirectUri,
          endpoints: { oauth2AuthBaseUrl: endpoints.authorization },
          // Its interceptors print tokens when the environment asks for the SDK's logs.
          useAuthRequestParameters: false,
        })

        const post = (method: string, url: string, form: Record<string, string>) =>
          ask(method, timeout, (signal) =>
            client.transporter.request({
              ...requestOptions,
              method: "POST",
              url,
              data: new URLSearchParams(form),
              signal,
            }),
          )

        return GoogleOAuth.of({
          pkce: Effect.map(
            Effect.promise(() => client.generateCodeVerifierAsync()),
            ({ codeChallenge = "", codeVerifier }) => ({
              verifier: Redacted.make(codeVerifier),
              challenge: codeChallenge,
            }),
          ),

          authorizationUrl: ({ challenge, loginHint, state }) =>
            client.generateAuthUrl({
              access_type: "offline",
              prompt: "consent",
              scope: [...requiredScopes],
              state,
              code_challenge: challenge,
              code_challenge_method: CodeChallengeMethod.S256,
              ...(loginHint === undefined ? {} : { login_hint: loginHint }),
            }),

          exchange: Effect.fn("GoogleOAuth.exchange")(function* (code, verifier) {
            const askedAt = yield* DateTime.now
            const answer = yield* post("token", endpoints.token, {
              ...credentials,
              grant_type: "authorization_code",
              redirect_uri: settings.redirectUri,
              code: Redacted.value(code),
              code_verifier: Redacted.value(verifier),
            })
            const tokens = yield* decode(ExchangeAnswer, "token")(answer)
            const missing = requiredScopes.filter((scope) => !tokens.scope.includes(scope))
            if (missing.length > 0) {
              return yield* new GoogleError({ method: "token", reason: new MissingScope({ missing }) })
            }
            const identity = yield* identityOf(tokens.id_token, settings.clientId)
            return {
              accessToken: tokens.access_token,
              refreshToken: tokens.refresh_token,
              expiresAt: DateTime.addDuration(askedAt, tokens.expires_in),
              scopes: tokens.scope,
              subject: identity.sub,
              email: identity.email,
            }
          }),

          refresh: Effect.fn("GoogleOAuth.refresh")(function* (refreshToken) {
            const askedAt = yield* DateTime.now
            const answer = yield* post("token", endpoints.token, {
              ...credentials,
              grant_type: "refresh_token",
              refresh_token: Redacted.value(refreshToken),
            })
            const tokens = yield* decode(RefreshAnswer, "token")(answer)
            return {
              accessToken: tokens.access_token,
              refreshToken: Option.getOrElse(tokens.refresh_token, () => refreshToken),
              expiresAt: DateTime.addDuration(askedAt, tokens.expires_in),
              scopes: tokens.scope,
            }
          }),

          revoke: Effect.fn("GoogleOAuth.revoke")(function* (token) {
            // In the body, not in the URL as the stock client does: URLs end up in the logs of proxies.
            const answer = yield* post("revoke", endpoints.revocation, { token: Redacted.value(token) })
            if (answer.status === 400 && isAlreadyRevoked(answer.data)) return
            yield* decode(Schema.Unknown, "revoke")({ ...answer, data: answer.data === "" ? {} : answer.data })
          }),
        })
      }),
    )
}

/** Reads the query of Google's redirect. A refusal comes back with its state too, so that the attempt can be closed. */
export const callback = (query: URLSearchParams): Callback => ({
  state: Option.fromNullishOr(query.get("state")),
  code: Result.mapError(codeOf(query), (reason) => new GoogleError({ method: "authorize", reason })),
})

const codeOf = (query: URLSearchParams): Result.Result<Redacted.Redacted, GoogleError["reason"]> => {
  const code = query.get("code")
  const error = query.get("error")
  if (error === "access_denied") return Result.fail(new Denied())
  if (error !== null && /^[a-z_]{1,48}$/.test(error)) return Result.fail(new Refused({ code: error }))
  if (error !== null || code === null || code === "") {
    return Result.fail(new UnexpectedAnswer({ problem: "a redirect with neither a code nor a reason" }))
  }
  return Result.succeed(Redacted.make(code))
}

const google: Endpoints = {
  authorization: "https://accounts.google.com/o/oauth2/v2/auth",
  token: "https://oauth2.googleapis.com/token",
  revocation: "https://oauth2.googleapis.com/revoke",
}

const Secret = Schema.RedactedFromValue(Schema.NonEmptyString)

const RefreshAnswer = Schema.Struct({
  access_token: Secret,
  refresh_token: Schema.OptionFromOptionalKey(Secret),
  /** Seconds. */
  expires_in: Schema.Natural.pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transform((seconds: number) => Duration.seconds(seconds)),
      encode: SchemaGetter.transform((duration: Duration.Duration) => Duration.toSeconds(duration)),
    }),
  ),
  scope: Schema.String.pipe(
    Schema.decodeTo(Schema.Array(Schema.String), {
      decode: SchemaGetter.transform((scopes: string) => scopes.split(" ").filter((scope) => scope !== "")),
      encode: SchemaGetter.transform((scopes: ReadonlyArray<string>) => scopes.join(" ")),
    }),
  ),
})

const ExchangeAnswer = Schema.Struct({ ...RefreshAnswer.fields, id_token: Secret })

/**
 * The claims that are read from the id_token. Its signature is not verified: it came straight from the token endpoint
 * over TLS, which OpenID Connect Core 3.1.3.7 accepts instead; that it was issued by Google and to this host is.
 */
const Identity = Schema.Struct({
  iss: Schema.Literals(["https://accounts.google.com", "accounts.google.com"]),
  aud: Schema.String,
  sub: Schema.NonEmptyString,
  email: Secret,
})
const decodeIdentity = Schema.decodeUnknownOption(
  Schema.StringFromBase64Url.pipe(Schema.decodeTo(Schema.fromJsonString(Identity))),
)

const identityOf = (idToken: Redacted.Redacted, clientId: string): Effect.Effect<typeof Identity.Type, GoogleError> =>
  decodeIdentity(Redacted.value(idToken).split(".")[1]).pipe(
    Option.filter(({ aud }) => aud === clientId),
    Effect.fromOption,
    Effect.mapError(
      () =>
        new GoogleError({ method: "token", reason: new UnexpectedAnswer({ problem: "an id_token that is not ours" }) }),
    ),
  )

const isAlreadyRevoked = Schema.is(Schema.Struct({ error: Schema.Literal("invalid_token") }))
