/**
 * The callback door: how a person's consent at Google becomes a connection that watches a label.
 *
 * ```text
 * begin         pending connection, consent asked for (vault)  ──▶ the person goes to Google
 * complete      same browser, same consent, once               ──▶ code exchanged, credentials (vault)
 *                  the mailbox to be mended, or none is        ──▶ label found, its id pinned, registered
 *                  another mailbox                             ──▶ MailboxMismatch: connectAsNew, or begin again
 *                  the label cannot be watched                 ──▶ LabelNotSettled: chooseLabel, confirmLabel
 * recover       credentials are there, the connection is not   ──▶ label found, registered
 * lapse         nobody finished it (`GmailConsents`)           ──▶ ConsentRefused: begin again
 * ```
 *
 * Whatever is about to happen at Google is written down before. A process that
 * dies in between leaves a consent that can be finished, or one that has to be
 * given again, and in either case somebody who can see which. A consent is not
 * asked for again because of what can be settled without Google.
 */
import { createHash, timingSafeEqual } from "node:crypto"

import { Aggregate, Connection, Credentials, Ids, type Provider, Registration, Vault } from "@holdfast/domain"
import { DateTime, Duration, Effect, Equal, Option, Redacted, Result, Schedule, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"

import { GmailApi, type Label, type LabelId, type Mailbox } from "./GmailApi.ts"
import * as GmailConsents from "./GmailConsents.ts"
import * as GmailMailboxes from "./GmailMailboxes.ts"
import * as GmailProvider from "./GmailProvider.ts"
import * as GmailSecret from "./GmailSecret.ts"
import { GoogleError } from "./GoogleError.ts"
import { callback, GoogleOAuth } from "./GoogleOAuth.ts"
import * as Labels from "./Labels.ts"

/** Who is at the browser, as the host's session says. */
export interface Session extends Owner {
  /** Of this browser's session with the host. Whoever begins a consent must be the one who completes it. */
  readonly id: string
}

/** Whose connection it is. */
export interface Owner {
  readonly tenantId: Ids.TenantId
  readonly ownerId: Ids.OwnerId
}

export interface Begin {
  readonly session: Session
  /** The label to watch is in `label`; it may be chosen after the consent as well. */
  readonly settings: Connection.Settings
  readonly pollIntervalSeconds?: number | undefined
  /** The connection that the person wants to mend. A consent for another account is refused then, not taken over. */
  readonly reconnects?: Ids.ConnectionId | undefined
}

/**
 * The answer from Google does not belong to a consent that this browser was asked
 * for. Nothing was connected. Beginning again helps.
 */
export class ConsentRefused extends Schema.TaggedError<ConsentRefused>()("ConsentRefused", {
  reason: Schema.Literals(["unknown", "another-session", "expired", "used", "no-refresh-token"]),
}) {}

/**
 * The consent is for another mailbox than the one to be mended, which is left as it was. What the consent gave is kept
 * sealed: until then {@link connectAsNew} goes on with it, and beginning again makes the choice anew.
 */
export class MailboxMismatch extends Schema.TaggedError<MailboxMismatch>()("MailboxMismatch", {
  /** The connection that was to be mended. */
  reconnects: Ids.ConnectionId,
  /** The connection that it would be as a new one. */
  connectionId: Ids.ConnectionId,
  until: Schema.DateTimeUtc,
}) {
  override get message() {
    return "The consent is for another mailbox than the connected one"
  }
}

/**
 * The connection cannot watch its label. A consent that was just given is kept, and the connection waits for its label:
 * {@link chooseLabel}, or {@link confirmLabel} where one was made anew. Handle a reason with `Effect.catchReason`.
 */
export class LabelNotSettled extends Schema.TaggedError<LabelNotSettled>()("LabelNotSettled", {
  connectionId: Ids.ConnectionId,
  reason: Schema.Union([Labels.LabelNotConfigured, Labels.LabelRefused, Labels.LabelNotFound, Labels.LabelConflict]),
}) {
  override get message() {
    return `The label cannot be watched: ${this.reason._tag}`
  }
}

/** How long a person may take at Google, and over the choice after it. */
const patience = Duration.minutes(15)

/** What at most one live connection of a tenant may hold: a label of a mailbox. */
export const slotOf = (identity: Ids.IdentityHash, labelId: LabelId): string =>
  `${GmailProvider.id}:${identity}:${labelId}`

/** Prepares a pending connection, and says where to send the person. */
export const begin = Effect.fn("GmailConnect.begin")(function* ({
  pollIntervalSeconds,
  reconnects,
  session,
  settings,
}: Begin) {
  const oauth = yield* GoogleOAuth
  const vault = yield* Vault.Vault
  const random = yield* SecureRandom.SecureRandom
  const { ownerId, tenantId } = session
  const at = yield* DateTime.now
  const connectionId = Ids.ConnectionId.make(yield* random.uuidV4())
  const nonce = Base64Url.encode(yield* random.randomBytes(32))
  const { challenge, verifier } = yield* oauth.pkce
  const checked = Labels.check(Labels.wantedOf(settings))
  // That none is chosen yet can wait until after the consent.
  if (Result.isFailure(checked) && checked.failure._tag === "LabelRefused") {
    return yield* new LabelNotSettled({ connectionId, reason: checked.failure })
  }

  yield* Registration.configure({
    tenantId,
    ownerId,
    provider: GmailProvider.id,
    connectionId,
    settings,
    ...(pollIntervalSeconds !== undefined && { pollIntervalSeconds }),
    actor: { kind: "owner", id: ownerId },
  })
  yield* vault.put(
    tenantId,
    connectionId,
    GmailSecret.write({
      _tag: "Asked",
      state: nonce,
      verifier: Redacted.value(verifier),
      session: browserOf(session),
      ...(reconnects !== undefined && { reconnects }),
      expiresAt: DateTime.addDuration(at, patience),
    }),
    { replaces: 0 },
  )
  return { connectionId, url: oauth.authorizationUrl({ state: `${connectionId}.${nonce}`, challenge }) }
})

/**
 * Takes the person back from Google: exchanges the code, finds the label and
 * registers the connection. Coming back twice, by a reload say, gives the same answer.
 */
export const complete = Effect.fn("GmailConnect.complete")(function* ({
  query,
  session,
}: {
  readonly query: URLSearchParams
  readonly session: Session
}) {
  const vault = yield* Vault.Vault
  const { tenantId } = session
  const answer = callback(query)
  const [reference = "", nonce = ""] = Option.getOrElse(answer.state, () => "").split(".")
  const connectionId = yield* Effect.mapError(
    decodeConnectionId(reference),
    () => new ConsentRefused({ reason: "unknown" }),
  )
  const held = yield* askedOf(session, connectionId)
  const consent = GmailSecret.read(held.secret)

  if (!isEqual(consent.state, nonce)) return yield* refuse("unknown")
  if (consent.session !== browserOf(session)) return yield* refuse("another-session")
  if (consent._tag === "Granted") return yield* finish(tenantId, connectionId)
  if (consent._tag === "Offered") return yield* offer(session, connectionId, consent)
  if (consent._tag === "Exchanging") return yield* refuse("used")
  if (DateTime.isLessThan(consent.expiresAt, yield* DateTime.now)) return yield* refuse("expired")
  const code = yield* Effect.fromResult(answer.code)

  const { reconnects, state } = consent
  const exchanging = yield* vault
    .put(tenantId, connectionId, GmailSecret.write({ _tag: "Exchanging", state, session: consent.session }), {
      replaces: held.version,
    })
    .pipe(Effect.catchTag("CredentialsConflict", () => refuse("used")))
  const grant = yield* (yield* GoogleOAuth).exchange(code, Redacted.make(consent.verifier))
  if (Option.isNone(grant.refreshToken)) return yield* refuse("no-refresh-token")
  const identity = yield* GmailSecret.identityOf(tenantId, grant.subject)
  const granted = {
    state,
    session: consent.session,
    accessToken: Redacted.value(grant.accessToken),
    refreshToken: Redacted.value(grant.refreshToken.value),
    expiresAt: grant.expiresAt,
    scopes: grant.scopes,
    identity,
    subject: grant.subject,
    address: Redacted.value(grant.email),
  }
  const mended = yield* mendedBy(session, reconnects)
  if (mended?.state.identity !== undefined && mended.state.identity !== identity) {
    const until = DateTime.addDuration(yield* DateTime.now, patience)
    const offered = { _tag: "Offered", ...granted, reconnects: mended.connectionId, until } as const
    yield* keep(tenantId, connectionId, offered, exchanging)
    return yield* offer(session, connectionId, offered)
  }
  yield* keep(
    tenantId,
    connectionId,
    { _tag: "Granted", ...granted, ...(mended !== undefined && { reconnects: mended.connectionId }) },
    exchanging,
  )
  return yield* finish(tenantId, connectionId)
})

/**
 * Connects the mailbox that was offered instead of the one to be mended, as a connection of its own and without asking
 * for consent again. Fails with `ConsentRefused` once it is too late: the credentials are thrown away then.
 */
export const connectAsNew = Effect.fn("GmailConnect.connectAsNew")(function* (
  session: Session,
  connectionId: Ids.ConnectionId,
) {
  const vault = yield* Vault.Vault
  const { tenantId } = session
  const held = yield* askedOf(session, connectionId)
  const consent = GmailSecret.read(held.secret)
  if (consent.session !== browserOf(session)) return yield* refuse("another-session")
  if (consent._tag === "Granted") return yield* finish(tenantId, connectionId)
  if (consent._tag !== "Offered") return yield* refuse("unknown")
  yield* ensureOpen(tenantId, connectionId, consent)
  const { reconnects: _, until: __, ...granted } = consent
  yield* vault
    .put(tenantId, connectionId, GmailSecret.write({ ...granted, _tag: "Granted" }), { replaces: held.version })
    // Said twice at once, it is said.
    .pipe(Effect.catchTag("CredentialsConflict", () => Effect.void))
  return yield* finish(tenantId, connectionId)
})

/**
 * Looks for the label of a connection now: fails with what is wrong with it, and records what is new about it, such as
 * its name. One request to Google; none where the settings alone tell that it cannot be watched.
 */
export const verifyLabel = Effect.fn("GmailConnect.verifyLabel")(function* (
  owner: Owner,
  connectionId: Ids.ConnectionId,
) {
  const state = yield* ensureOwn(owner, connectionId)
  const label = yield* findLabel(owner.tenantId, connectionId, Labels.wantedOf(state.settings ?? {}))
  yield* watch(owner, connectionId, state, label)
  return label
})

/** The labels of the mailbox that a connection can watch, once there is consent. Their names are personal data. */
export const labels = Effect.fn("GmailConnect.labels")(function* (owner: Owner, connectionId: Ids.ConnectionId) {
  yield* ensureOwn(owner, connectionId)
  return Labels.choices(yield* ask(owner.tenantId, connectionId, ({ labels }) => labels))
})

/**
 * Makes a connection watch the label of this name from now on, and registers it if it was waiting for that. The whole
 * label is compared with what is held; what the connection holds already is not fetched again. Fails with
 * `ConsentRefused` where the connection has waited for too long.
 */
export const chooseLabel = Effect.fn("GmailConnect.chooseLabel")(
  function* (owner: Owner, connectionId: Ids.ConnectionId, name: string) {
    const { tenantId } = owner
    const state = yield* ensureOwn(owner, connectionId)
    const label = yield* findLabel(tenantId, connectionId, { name })
    yield* watch(owner, connectionId, state, label)
    if (state.status === "pending") yield* finish(tenantId, connectionId)
    return label
  },
  (effect, { tenantId }, connectionId) => unlessAbandoned(tenantId, connectionId)(effect),
)

/** Says that the label which was made anew under the old name is meant. */
export const confirmLabel = Effect.fn("GmailConnect.confirmLabel")(function* (
  owner: Owner,
  connectionId: Ids.ConnectionId,
) {
  const { settings = {} } = yield* ensureOwn(owner, connectionId)
  const { name } = Labels.wantedOf(settings)
  if (name === undefined) return yield* notSettled(connectionId)(new Labels.LabelNotConfigured())
  return yield* chooseLabel(owner, connectionId, name)
})

/** Registers the connection whose credentials are in the vault. Safe to repeat. */
const finish = Effect.fnUntraced(
  function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
    const { state } = yield* load(tenantId, connectionId)
    const { ownerId } = state
    if (ownerId === undefined) return yield* refuse("unknown")
    if (Connection.isAbandoned(state)) return yield* refuse("expired")
    const isPending = state.status === "pending"
    const { reconnects } = yield* grantOf(tenantId, connectionId)
    const mended = yield* mendedBy({ tenantId, ownerId }, reconnects)
    const wanted = inherited(Labels.wantedOf(state.settings ?? {}), mended?.state)
    const label = isPending ? yield* findLabel(tenantId, connectionId, wanted) : undefined

    // After the label was looked for, because that may have renewed them.
    const { address, identity, scopes, version } = yield* grantOf(tenantId, connectionId)
    const request: Registration.Request = {
      tenantId,
      ownerId,
      provider: GmailProvider.id,
      authorization: Ids.AuthorizationRef.make(connectionId),
      connectionId,
      identity,
      scopes,
      label: address,
      // Once registered it stays one consent, however often its credentials are renewed and the person comes back.
      credentialVersion: isPending ? version : state.credentialVersion,
      door: "callback",
      actor: { kind: "owner", id: ownerId },
    }
    if (label === undefined) return yield* Registration.register(request)
    const settings = yield* settingsFor(tenantId, state.settings ?? {}, label, address)
    const slot = slotOf(identity, label.id)
    return yield* Registration.register({ ...request, settings, slot }, () =>
      replacing(tenantId, mended, connectionId),
    ).pipe(labelConflicts(connectionId, label))
  },
  (effect, tenantId, connectionId) => unlessAbandoned(tenantId, connectionId)(effect),
)

/** What was asked of this browser's person. */
const askedOf = Effect.fnUntraced(function* ({ ownerId, tenantId }: Owner, connectionId: Ids.ConnectionId) {
  const vault = yield* Vault.Vault
  return yield* Effect.catchTag(vault.get(tenantId, connectionId), "CredentialsNotFound", () =>
    Effect.flatMap(load(tenantId, connectionId), ({ state }) =>
      refuse(state.ownerId === ownerId && Connection.isAbandoned(state) ? "expired" : "unknown"),
    ),
  )
})

/** What a connection was granted. Where consent was asked for and not given, or is over, there is nothing. */
const grantOf = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const { secret, version } = yield* (yield* Vault.Vault).get(tenantId, connectionId)
  const consent = GmailSecret.read(secret)
  if (consent._tag !== "Granted") return yield* new Vault.CredentialsNotFound({ connectionId })
  return { ...consent, version }
})

const keep = Effect.fnUntraced(
  function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, given: GmailSecret.Given, replaces: number) {
    yield* (yield* Vault.Vault).put(tenantId, connectionId, GmailSecret.write(given), { replaces })
  },
  (effect, tenantId, connectionId) => unlessAbandoned(tenantId, connectionId)(effect),
)

/** Whoever comes after the consent has lapsed is told so, whatever they met instead. */
const unlessAbandoned =
  (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchIf(
      effect,
      ({ _tag }) => metInstead.has(_tag),
      (error) =>
        Effect.flatMap(load(tenantId, connectionId), ({ state }) =>
          Effect.fail(Connection.isAbandoned(state) ? new ConsentRefused({ reason: "expired" }) : error),
        ),
    )

const metInstead: ReadonlySet<string> = new Set(["ConnectionNotReady", "CredentialsConflict", "CredentialsNotFound"])

/** The connection that is mended, if it is the same owner's and in use. */
const mendedBy = Effect.fnUntraced(function* (
  { ownerId, tenantId }: Owner,
  connectionId: Ids.ConnectionId | undefined,
) {
  if (connectionId === undefined) return undefined
  const { state } = yield* load(tenantId, connectionId)
  return state.ownerId === ownerId ? { connectionId, state } : undefined
})

/** Whoever mends a connection goes on with the label that it had pinned, unless they name another one. */
const inherited = (wanted: Labels.Wanted, mended: Connection.State | undefined): Labels.Wanted => {
  const held = Labels.wantedOf(mended?.settings ?? {})
  if (wanted.id !== undefined || held.id === undefined) return wanted
  const isSame = wanted.name === undefined || (held.name !== undefined && Labels.isSameName(wanted.name, held.name))
  return isSame ? held : wanted
}

/** A connection that is mended is over with it, whatever label it watched. */
const replacing = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  mended: { readonly connectionId: Ids.ConnectionId } | undefined,
  by: Ids.ConnectionId,
) {
  const at = yield* DateTime.now
  const old = mended && (yield* load(tenantId, mended.connectionId))
  if (mended === undefined || old === undefined || mended.connectionId === by || !Connection.isLive(old.state)) {
    return { commands: [], changes: [] }
  }
  return {
    commands: [Registration.followOn(at, mended.connectionId, old.state)],
    changes: [yield* Effect.fromResult(decide(old, { _tag: "Supersede", at, by }))],
  }
})

/** Finds a label in the mailbox of a connection. */
const findLabel = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  wanted: Labels.Wanted,
) {
  yield* Effect.mapError(Effect.fromResult(Labels.check(wanted)), notSettled(connectionId))
  const all = yield* ask(tenantId, connectionId, ({ labels }) => labels)
  return yield* Effect.mapError(Effect.fromResult(Labels.resolve(all, wanted)), notSettled(connectionId))
})

/** Makes a connection watch a label, if it does not yet. One that is live takes the label's slot. */
const watch = Effect.fnUntraced(function* (
  { ownerId, tenantId }: Owner,
  connectionId: Ids.ConnectionId,
  state: Connection.State,
  label: Label & { readonly renamed: boolean },
) {
  const { address, identity } = yield* grantOf(tenantId, connectionId)
  const settings = yield* settingsFor(tenantId, state.settings ?? {}, label, address)
  const slot = slotOf(identity, label.id)
  if (Equal.equals(settings, state.settings) && slot === state.slot) return
  if (label.renamed)
    yield* Effect.annotateLogs(Effect.logInfo("label_renamed"), { event: "label_renamed", connectionId })
  yield* Registration.change(
    tenantId,
    connectionId,
    { settings, slot },
    { actor: { kind: "owner", id: ownerId } },
  ).pipe(labelConflicts(connectionId, label))
})

const settingsFor = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  settings: Connection.Settings,
  label: Label,
  address: string,
) {
  const mailbox = yield* GmailMailboxes.hashOf(tenantId, address)
  return { ...Labels.pinned(settings, label), [GmailMailboxes.setting]: mailbox }
})

/** Two owners of a tenant who claim one label are told, and so are the operators. */
const labelConflicts =
  (connectionId: Ids.ConnectionId, { id: found }: Label) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchIf(
      effect,
      (error) => isHeld(error) && error.what === "slot",
      () =>
        Effect.logError("label_isolation_violation").pipe(
          Effect.annotateLogs({ event: "label_isolation_violation", connectionId, labelId: found }),
          Effect.andThen(notSettled(connectionId)(new Labels.LabelConflict({ conflict: "held", found }))),
        ),
    )

const isHeld = Schema.is(Registration.HeldByAnotherOwner)

const notSettled = (connectionId: Ids.ConnectionId) => (reason: Labels.Problem) =>
  new LabelNotSettled({ connectionId, reason })

/** Asks the mailbox of a connection, with credentials that work. What passes soon is waited for. */
const ask = Effect.fnUntraced(function* <A>(
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  request: (mailbox: Mailbox) => Effect.Effect<A, GoogleError>,
) {
  const api = yield* GmailApi
  const renewable = yield* GmailProvider.make
  const asking = ({ secret }: { readonly secret: Provider.Secret }) => {
    const { accessToken, identity } = GmailSecret.granted(secret)
    return request(api.mailbox(Redacted.make(accessToken), identity))
  }
  const fresh = (stale?: number) => Credentials.fresh(renewable, tenantId, connectionId, stale)
  yield* grantOf(tenantId, connectionId)
  const held = yield* fresh()
  return yield* asking(held).pipe(
    Effect.catchReason("GoogleError", "Unauthorized", () => Effect.flatMap(fresh(held.version), asking)),
    Effect.retry({ while: isPassing, times: 2, schedule: Schedule.jittered(Schedule.exponential("200 millis")) }),
  )
})

const isPassing = (error: { readonly _tag: string }) =>
  error instanceof GoogleError && error.reason._tag === "Unavailable" && error.retryable

const ensureOwn = Effect.fnUntraced(function* ({ ownerId, tenantId }: Owner, connectionId: Ids.ConnectionId) {
  const { state } = yield* load(tenantId, connectionId)
  if (state.ownerId !== ownerId) return yield* new Registration.HeldByAnotherOwner({ what: "connection" })
  if (Connection.isAbandoned(state)) return yield* refuse("expired")
  return state
})

type Offered = Extract<GmailSecret.Secret, { readonly _tag: "Offered" }>

/** Whoever mends a connection with another account than its own is told so, and so is its history. */
const offer = Effect.fnUntraced(function* (session: Session, connectionId: Ids.ConnectionId, consent: Offered) {
  const { ownerId, tenantId } = session
  const { identity: offered, reconnects, until } = consent
  yield* ensureOpen(tenantId, connectionId, consent)
  const at = yield* DateTime.now
  const refusal = Connection.Command.make({ _tag: "RefuseIdentity", at, offered })
  yield* handle(tenantId, reconnects, refusal, { metadata: { actor: { kind: "owner", id: ownerId } } })
  return yield* new MailboxMismatch({ reconnects, connectionId, until })
})

/** What was offered too long ago lapses, unless somebody accepted it while it was looked at. */
const ensureOpen = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  { until }: Offered,
) {
  if (DateTime.isGreaterThan(until, yield* DateTime.now)) return
  // What cannot be done about it now is done by whoever lets the others lapse.
  yield* Effect.ignore(GmailConsents.end(tenantId, connectionId))
  return yield* refuse("expired")
})

/**
 * Finishes what a process that died left behind: connections whose credentials
 * are in the vault and which were never registered. To be run when a host starts.
 * One that cannot be finished does not keep the others waiting: its owner has to
 * connect again, or to choose a label. Credentials that were offered and not
 * accepted in time are thrown away.
 */
export const recover = Effect.fn("GmailConnect.recover")(function* () {
  return (yield* Effect.forEach(yield* GmailConsents.pending, finishIfGranted)).flat()
})

const finishIfGranted = Effect.fnUntraced(function* ({ connectionId, tenantId }: GmailConsents.Place) {
  const vault = yield* Vault.Vault
  const held = yield* vault.get(tenantId, connectionId).pipe(
    // Nobody came back, or nobody can read what they brought: in either case consent is asked for again.
    Effect.catchTags({ CredentialsNotFound: () => Effect.undefined, CredentialsUnreadable: () => Effect.undefined }),
  )
  const consent = held && Option.getOrUndefined(GmailSecret.decode(held.secret))
  if (consent?._tag === "Offered") {
    yield* Effect.catchTag(ensureOpen(tenantId, connectionId, consent), "ConsentRefused", () => Effect.void)
  }
  if (consent?._tag !== "Granted") return []
  return yield* finish(tenantId, connectionId).pipe(
    Effect.map((registered) => [registered]),
    // Its owner has yet to choose.
    Effect.catchTag("LabelNotSettled", () => Effect.succeed([])),
    Effect.catchIf(
      (error) => error._tag !== "EventStoreUnavailable",
      ({ _tag }) =>
        Effect.as(Effect.annotateLogs(Effect.logWarning(`A consent was not finished: ${_tag}`), { connectionId }), []),
    ),
  )
})

/** The owner too: another person may sign in to the same browser. */
const browserOf = ({ id, ownerId }: Session) => JSON.stringify([ownerId, id])

const load = Aggregate.load(Connection)
const decide = Aggregate.decide(Connection)
const handle = Aggregate.handle(Connection)

const decodeConnectionId = Schema.decodeUnknownEffect(Ids.ConnectionId)

const refuse = (reason: ConsentRefused["reason"]) => Effect.fail(new ConsentRefused({ reason }))

/** Takes the same time wherever they differ. */
const isEqual = (ours: string, theirs: string) => timingSafeEqual(digest(ours), digest(theirs))

const digest = (text: string) => createHash("sha256").update(text).digest()
