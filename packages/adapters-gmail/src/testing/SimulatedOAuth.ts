/**
 * Google's authorization server: consents, codes that work once, access tokens that expire, refresh tokens that are
 * given sparingly. All tokens are this simulator's inventions.
 */
import { createHash, createHmac, randomBytes } from "node:crypto"

import { Schema } from "effect"

import { oauthError, ok, type Reply } from "./GoogleReply.ts"

/** A host's registration. */
export interface Client {
  readonly id: string
  readonly secret: string
  /** Any is accepted where none is registered. */
  readonly redirectUris?: ReadonlyArray<string>
}

/** What a host asks a person for. */
export interface AuthorizationRequest {
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: ReadonlyArray<string>
  readonly state: string | null
  readonly offline: boolean
  readonly forceConsent: boolean
  readonly codeChallenge: string | null
}

const Code = Schema.Struct({
  code: Schema.String,
  clientId: Schema.String,
  redirectUri: Schema.String,
  subject: Schema.String,
  scopes: Schema.Array(Schema.String),
  codeChallenge: Schema.NullOr(Schema.String),
  givesRefreshToken: Schema.Boolean,
  expiresAt: Schema.Natural,
})
type Code = typeof Code.Type

const RefreshToken = Schema.Struct({
  token: Schema.String,
  clientId: Schema.String,
  subject: Schema.String,
  scopes: Schema.Array(Schema.String),
})
type RefreshToken = typeof RefreshToken.Type

const AccessToken = Schema.Struct({ ...RefreshToken.fields, expiresAt: Schema.Natural })
type AccessToken = typeof AccessToken.Type

export const Snapshot = Schema.Struct({
  codes: Schema.Array(Code),
  refreshTokens: Schema.Array(RefreshToken),
  accessTokens: Schema.Array(AccessToken),
})
export type Snapshot = typeof Snapshot.Type

export interface Account {
  readonly address: string
  readonly subject: string
}

export class SimulatedOAuth {
  private readonly clients: ReadonlyArray<Client>
  /** Seconds. */
  private readonly accessTokenLifetime: number
  rotatesRefreshTokens: boolean | "replacing"
  private codes: Array<Code>
  private refreshTokens: Array<RefreshToken>
  private readonly accessTokens: Map<string, AccessToken>

  constructor(
    options: {
      readonly clients: ReadonlyArray<Client>
      readonly accessTokenLifetime: number
      readonly rotatesRefreshTokens: boolean | "replacing"
    },
    snapshot: Snapshot = { codes: [], refreshTokens: [], accessTokens: [] },
  ) {
    this.clients = options.clients
    this.accessTokenLifetime = options.accessTokenLifetime
    this.rotatesRefreshTokens = options.rotatesRefreshTokens
    this.codes = [...snapshot.codes]
    this.refreshTokens = [...snapshot.refreshTokens]
    this.accessTokens = new Map(snapshot.accessTokens.map((token) => [token.token, token]))
  }

  get snapshot(): Snapshot {
    return { codes: this.codes, refreshTokens: this.refreshTokens, accessTokens: [...this.accessTokens.values()] }
  }

  /** What a consent page is asked for, or why Google shows an error page instead of sending anyone anywhere. */
  readAuthorizationRequest(query: URLSearchParams): AuthorizationRequest | string {
    const client = this.clients.find(({ id }) => id === query.get("client_id"))
    if (client === undefined) return "Error 401: invalid_client"
    const redirectUri = query.get("redirect_uri") ?? ""
    if (!URL.canParse(redirectUri) || client.redirectUris?.includes(redirectUri) === false) {
      return "Error 400: redirect_uri_mismatch"
    }
    const scopes = (query.get("scope") ?? "").split(" ").filter((scope) => scope !== "")
    const codeChallenge = query.get("code_challenge")
    if (query.get("response_type") !== "code" || scopes.length === 0) return "Error 400: invalid_request"
    if (codeChallenge !== null && query.get("code_challenge_method") !== "S256") return "Error 400: invalid_request"
    return {
      clientId: client.id,
      redirectUri,
      scopes: scopes.map((scope) => fullScopeNames.get(scope) ?? scope),
      state: query.get("state"),
      offline: query.get("access_type") === "offline",
      forceConsent: (query.get("prompt") ?? "").split(" ").includes("consent"),
      codeChallenge,
    }
  }

  /** The person allows some or all of what is asked: where the browser is sent next. */
  allow(request: AuthorizationRequest, account: Account, scopes: ReadonlyArray<string>, now: number): string {
    const hasConsented = this.refreshTokens.some(
      ({ clientId, subject }) => clientId === request.clientId && subject === account.subject,
    )
    const code = `4/0A${secret()}`
    this.codes.push({
      code,
      clientId: request.clientId,
      redirectUri: request.redirectUri,
      subject: account.subject,
      scopes: request.scopes.filter((scope) => scopes.includes(scope)),
      codeChallenge: request.codeChallenge,
      givesRefreshToken: request.offline && (request.forceConsent || !hasConsented),
      expiresAt: now + 10 * 60_000,
    })
    return redirectTo(request, { code, scope: scopes.join(" ") })
  }

  deny(request: AuthorizationRequest): string {
    return redirectTo(request, { error: "access_denied" })
  }

  token(form: URLSearchParams, accountOf: (subject: string) => Account | undefined, now: number): Reply {
    const client = this.clients.find(({ id }) => id === form.get("client_id"))
    if (client === undefined) return oauthError(401, "invalid_client", "The OAuth client was not found.")
    if (client.secret !== form.get("client_secret")) {
      return oauthError(401, "invalid_client", "The provided client secret is invalid.")
    }
    switch (form.get("grant_type")) {
      case "authorization_code":
        return this.exchange(client, form, accountOf, now)
      case "refresh_token":
        return this.refresh(client, form, accountOf, now)
      default:
        return oauthError(400, "unsupported_grant_type", `Invalid grant_type: ${form.get("grant_type") ?? ""}`)
    }
  }

  /** Ends everything this account has granted to the client of the token. */
  revokeToken(token: string): Reply {
    const found = this.accessTokens.get(token) ?? this.refreshTokens.find((refresh) => refresh.token === token)
    if (found === undefined) return oauthError(400, "invalid_token", "Token expired or revoked")
    this.revoke(found.subject, found.clientId)
    return ok({})
  }

  /** The person withdraws consent in the account's settings, or changes the password. */
  revoke(subject: string, clientId?: string) {
    const ends = (token: RefreshToken) =>
      token.subject === subject && (clientId === undefined || token.clientId === clientId)
    this.refreshTokens = this.refreshTokens.filter((token) => !ends(token))
    for (const token of this.accessTokens.values()) {
      if (ends(token)) this.accessTokens.delete(token.token)
    }
  }

  /** Every access token of the account, or of all, is from now on too old. Refresh tokens stay good. */
  expireAccessTokens(subject?: string) {
    for (const token of this.accessTokens.values()) {
      if (subject === undefined || token.subject === subject) {
        this.accessTokens.set(token.token, { ...token, expiresAt: 0 })
      }
    }
  }

  /** Whose mailbox a token opens and for what, while it is good. */
  authenticate(token: string, now: number): AccessToken | undefined {
    const found = this.accessTokens.get(token)
    return found !== undefined && found.expiresAt > now ? found : undefined
  }

  private exchange(
    client: Client,
    form: URLSearchParams,
    accountOf: (subject: string) => Account | undefined,
    now: number,
  ): Reply {
    const code = this.codes.find((candidate) => candidate.code === form.get("code"))
    const account = code && accountOf(code.subject)
    if (code === undefined || account === undefined || code.clientId !== client.id || code.expiresAt <= now) {
      return oauthError(400, "invalid_grant", "Bad Request")
    }
    if (code.redirectUri !== form.get("redirect_uri")) {
      return oauthError(400, "redirect_uri_mismatch", "Bad Request")
    }
    const verifier = form.get("code_verifier")
    if (code.codeChallenge !== null) {
      if (verifier === null) return oauthError(400, "invalid_grant", "Missing code verifier.")
      if (challengeOf(verifier) !== code.codeChallenge) {
        return oauthError(400, "invalid_grant", "Invalid code verifier.")
      }
    }
    this.codes = this.codes.filter((other) => other !== code)
    return ok({
      ...this.issueAccessToken(client, account, code.scopes, now),
      ...(code.givesRefreshToken ? { refresh_token: this.issueRefreshToken(code) } : {}),
    })
  }

  private refresh(
    client: Client,
    form: URLSearchParams,
    accountOf: (subject: string) => Account | undefined,
    now: number,
  ): Reply {
    const refresh = this.refreshTokens.find(({ token }) => token === form.get("refresh_token"))
    const account = refresh && accountOf(refresh.subject)
    if (refresh === undefined || account === undefined || refresh.clientId !== client.id) {
      return oauthError(400, "invalid_grant", "Token has been expired or revoked.")
    }
    if (this.rotatesRefreshTokens === "replacing") {
      this.refreshTokens = this.refreshTokens.filter((other) => other !== refresh)
    }
    return ok({
      ...this.issueAccessToken(client, account, refresh.scopes, now),
      ...(this.rotatesRefreshTokens !== false ? { refresh_token: this.issueRefreshToken(refresh) } : {}),
    })
  }

  private issueAccessToken(client: Client, account: Account, scopes: ReadonlyArray<string>, now: number) {
    const token = `ya29.${secret()}`
    for (const old of this.accessTokens.values()) {
      if (old.expiresAt <= now) this.accessTokens.delete(old.token)
    }
    this.accessTokens.set(token, {
      token,
      clientId: client.id,
      subject: account.subject,
      scopes,
      expiresAt: now + this.accessTokenLifetime * 1000,
    })
    return {
      access_token: token,
      expires_in: this.accessTokenLifetime,
      scope: scopes.join(" "),
      token_type: "Bearer",
      ...(scopes.includes("openid") ? { id_token: idToken(client, account, now) } : {}),
    }
  }

  /** Beyond a hundred for one account and client the oldest dies without a word, as at Google. */
  private issueRefreshToken({ clientId, scopes, subject }: Pick<RefreshToken, "clientId" | "scopes" | "subject">) {
    const token = `1//0${secret()}`
    this.refreshTokens.push({ token, clientId, subject, scopes })
    const siblings = this.refreshTokens.filter((other) => other.clientId === clientId && other.subject === subject)
    const dying = siblings.length > 100 ? siblings[0] : undefined
    this.refreshTokens = this.refreshTokens.filter((other) => other !== dying)
    return token
  }
}

const secret = () => randomBytes(32).toString("base64url")

const fullScopeNames = new Map([
  ["email", "https://www.googleapis.com/auth/userinfo.email"],
  ["profile", "https://www.googleapis.com/auth/userinfo.profile"],
])

const redirectTo = (request: AuthorizationRequest, answer: Record<string, string>) => {
  const url = new URL(request.redirectUri)
  if (request.state !== null) url.searchParams.set("state", request.state)
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  return url.href
}

const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url")

const idToken = (client: Client, account: Account, now: number) => {
  const issuedAt = Math.floor(now / 1000)
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({
    iss: "https://accounts.google.com",
    azp: client.id,
    aud: client.id,
    sub: account.subject,
    email: account.address,
    email_verified: true,
    iat: issuedAt,
    exp: issuedAt + 3600,
  })}`
  return `${signed}.${createHmac("sha256", client.secret).update(signed).digest("base64url")}`
}
