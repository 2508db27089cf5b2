/**
 * The way from a person's login at their bank to a connection, and back.
 *
 * ```text
 * begin     pending connection, consent asked for (vault)       ──▶ the person logs in (Link)
 * complete  same browser, same consent, no Item held already    ──▶ exchange noted (vault)
 *             ──▶ exchanged, key kept (vault)                   ──▶ registered
 * repair    a connection that has an Item                       ──▶ the person logs in (Link, update mode)
 * repaired  Plaid says that the Item works                      ──▶ the same connection, reauthorized
 * release   superseded or disconnected                          ──▶ Item removed at Plaid, key destroyed
 * recover   whatever a process that died left in between        ──▶ finished, or removed
 *           a person who never came back                        ──▶ lapsed
 * ```
 *
 * An Item is paid for as long as it is there, and only its key removes it. So what
 * is about to happen at Plaid is written down before, the key is kept before
 * anything is done with it, and an Item ends only after it is recorded that its
 * connection did.
 */
import { createHash } from "node:crypto"

import {
  Aggregate,
  Connection,
  ConnectionsView,
  type EventStore,
  Ids,
  KeyedHash,
  Leases,
  LogFold,
  Reconnection,
  Registration,
  Vault,
} from "@holdfast/domain"
import { DateTime, Duration, Effect, Option, Redacted, Schedule, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import * as PlaidAccounts from "./PlaidAccounts.ts"
import { type Exchanged, PlaidApi } from "./PlaidApi.ts"
import { type PlaidError, unexpectedAnswer } from "./PlaidError.ts"
import { id as plaid, supplier } from "./PlaidProvider.ts"
import * as PlaidSecret from "./PlaidSecret.ts"
import * as PlaidStatus from "./PlaidStatus.ts"
import * as PlaidWebhook from "./PlaidWebhook.ts"

/** Who is at the browser, as the host's session says. */
export interface Session {
  readonly tenantId: Ids.TenantId
  readonly ownerId: Ids.OwnerId
  /** Of this browser's session with the host. Whoever begins a consent must be the one who completes it. */
  readonly id: string
}

export interface Begin {
  readonly session: Session
  readonly settings?: Connection.Settings | undefined
  readonly pollIntervalSeconds?: number | undefined
  /** The connection that the person wants to mend by connecting anew. Another login is refused then, not taken over. */
  readonly reconnects?: Ids.ConnectionId | undefined
}

export interface Complete {
  readonly session: Session
  readonly connectionId: Ids.ConnectionId
  readonly publicToken: Redacted.Redacted
  /** As Link gave it to the browser with the public token. */
  readonly metadata: PlaidSecret.Metadata
  /** The person insists: neither the Item that is held already nor the connection to be mended is the one they mean. */
  readonly asNew?: boolean | undefined
}

/**
 * The answer does not belong to a consent that this browser was asked for, or the consent is not good any more.
 * Nothing was connected. Beginning again helps.
 */
export class ConsentRefused extends Schema.TaggedError<ConsentRefused>()("ConsentRefused", {
  reason: Schema.Literals(["unknown", "another-session", "expired", "used", "invalid-token", "not-repaired"]),
}) {}

/**
 * The owner holds a healthy Item with these very accounts. Nothing was exchanged, and nothing is billed. Repair that
 * one, or insist (`asNew`).
 */
export class AlreadyConnected extends Schema.TaggedError<AlreadyConnected>()("AlreadyConnected", {
  connectionId: Ids.ConnectionId,
}) {}

/**
 * The exchange may have been made, and its answer is lost. Plaid may have an Item that nobody has the key to, and may
 * bill it; its support finds it by the visit that the vault notes. Beginning again gives a working connection.
 */
export class ExchangeLost extends Schema.TaggedError<ExchangeLost>()("ExchangeLost", {
  connectionId: Ids.ConnectionId,
}) {}

/** A connection that an owner holds with some of the same accounts at the same institution. */
export interface Duplicate {
  readonly connectionId: Ids.ConnectionId
  readonly status: Connection.Status
  /** `same`: every account offered is held. `overlapping`: some are, as with a joint account or an account added. */
  readonly accounts: "same" | "overlapping"
}

/** Prepares a pending connection, and the token that opens Link for it. */
export const begin = Effect.fn("PlaidConnect.begin")(function* ({
  pollIntervalSeconds,
  reconnects,
  session,
  settings,
}: Begin) {
  const { ownerId, tenantId } = session
  const random = yield* SecureRandom.SecureRandom
  const connectionId = Ids.ConnectionId.make(yield* random.uuidV4())
  const { expiresAt, token } = yield* (yield* PlaidApi).linkToken({
    tenantId,
    clientUserId: yield* clientUserId(session),
  })
  yield* Registration.configure({
    tenantId,
    ownerId,
    provider: plaid,
    connectionId,
    ...(settings !== undefined && { settings }),
    ...(pollIntervalSeconds !== undefined && { pollIntervalSeconds }),
    actor: { kind: "owner", id: ownerId },
  })
  yield* (yield* Vault.Vault).put(
    tenantId,
    connectionId,
    PlaidSecret.write({
      _tag: "Asked",
      session: browserOf(session),
      ...(reconnects !== undefined && { reconnects }),
      expiresAt: DateTime.addDuration(expiresAt, publicTokenLife),
    }),
    { replaces: 0 },
  )
  return { connectionId, linkToken: token, expiresAt }
})

/**
 * Takes the person back from Link: exchanges the public token and registers the
 * connection. Coming back twice, also at once, exchanges once and gives the same
 * answer. After `MatchingDelayed`, and `PlaidError` that is `retryable`, the same
 * call goes on where this one stopped. After `AnotherLogin` nothing was taken over,
 * and the person may insist (`asNew`) until the consent lapses.
 */
export const complete = Effect.fn("PlaidConnect.complete")(function* ({
  asNew = false,
  connectionId,
  metadata,
  publicToken,
  session,
}: Complete) {
  const { ownerId, tenantId } = session
  const held = yield* Effect.catchTag((yield* Vault.Vault).get(tenantId, connectionId), "CredentialsNotFound", () =>
    Effect.flatMap(load(tenantId, connectionId), ({ state }) =>
      refuse(state.ownerId === ownerId && Connection.isAbandoned(state) ? "expired" : "unknown"),
    ),
  )
  const consent = PlaidSecret.read(held.secret)
  const answer = digest(Redacted.value(publicToken))
  if (consent.session !== browserOf(session)) return yield* refuse("another-session")
  if (consent._tag === "Asked") {
    if (DateTime.isLessThan(consent.expiresAt, yield* DateTime.now)) return yield* refuse("expired")
    const duplicate = asNew ? undefined : yield* detectDuplicate(session, metadata)
    if (duplicate !== undefined && duplicate.accounts === "same" && isHealthy(duplicate)) {
      return yield* new AlreadyConnected({ connectionId: duplicate.connectionId })
    }
  } else if (consent.answer !== answer) {
    return yield* refuse("used")
  }
  yield* oneAtATime(tenantId, connectionId, exchange(tenantId, connectionId, { answer, metadata, publicToken }))
  return yield* finish(tenantId, connectionId, asNew)
})

/**
 * Compares what Link tells before any exchange with what the same owner holds:
 * institution, and the name and mask of each account. Another owner's Item is
 * none of theirs: joint accounts are legitimate. An account without name or mask
 * is not told apart by either, and matches nothing.
 */
export const detectDuplicate = Effect.fn("PlaidConnect.detectDuplicate")(function* (
  { ownerId, tenantId }: Session,
  metadata: PlaidSecret.Metadata,
) {
  const rows = yield* ConnectionsView.list(tenantId, { owner_id: ownerId, provider: plaid })
  const live = rows.filter(({ status }) => status === "active" || status === "paused" || status === "needs_reauth")
  const held = yield* Effect.forEach(live, ({ connection_id: connectionId, status }) =>
    Effect.map(keyOf(tenantId, connectionId), (granted) => {
      const accounts = granted === undefined ? "other" : compare(granted.metadata, metadata)
      return accounts === "other" ? [] : [{ connectionId, status, accounts } satisfies Duplicate]
    }),
  )
  const duplicates = held.flat()
  return duplicates.find(({ accounts }) => accounts === "same") ?? duplicates[0]
})

/**
 * Opens Link for the Item that a connection has (update mode): to log in again, or, with `accountSelection`, to choose
 * other accounts. What is in use stays in use meanwhile.
 */
export const repair = Effect.fn("PlaidConnect.repair")(function* ({
  accountSelection = false,
  connectionId,
  session,
}: {
  readonly session: Session
  readonly connectionId: Ids.ConnectionId
  readonly accountSelection?: boolean | undefined
}) {
  const { tenantId } = session
  yield* ownLive(session, connectionId)
  const granted = yield* keyOf(tenantId, connectionId)
  if (granted === undefined) return yield* refuse("unknown")
  const { expiresAt, token } = yield* (yield* PlaidApi).linkToken({
    tenantId,
    clientUserId: yield* clientUserId(session),
    mends: { accessToken: PlaidSecret.access(granted).accessToken, accountSelection },
  })
  return { connectionId, linkToken: token, expiresAt }
})

/**
 * Takes the person back from Link in update mode. Nothing is exchanged: key, Item and history stay. That the login
 * worked is Plaid's to say, not the browser's.
 */
export const repaired = Effect.fn("PlaidConnect.repaired")(function* ({
  connectionId,
  session,
}: {
  readonly session: Session
  readonly connectionId: Ids.ConnectionId
}) {
  const { tenantId } = session
  yield* ownLive(session, connectionId)
  const vault = yield* Vault.Vault
  const held = yield* vault.get(tenantId, connectionId)
  const granted = PlaidSecret.granted(held.secret)
  const item = (yield* PlaidApi).item(PlaidSecret.access(granted))
  const status = yield* item.get
  if (status.error !== undefined && status.error !== null) return yield* refuse("not-repaired")
  const accounts = (yield* item.accounts).map(({ account_id: id, mask, name, subtype, type }) => ({
    id,
    name: name ?? null,
    mask: mask ?? null,
    type: type ?? null,
    subtype: subtype ?? null,
  }))
  const renewed = PlaidSecret.write({ ...granted, metadata: { ...granted.metadata, accounts } })
  yield* vault
    .put(tenantId, connectionId, renewed, { replaces: held.version })
    // Whoever wrote meanwhile came from the same visit.
    .pipe(Effect.catchTag("CredentialsConflict", () => Effect.void))
  return yield* finish(tenantId, connectionId, true)
})

/**
 * Ends the Item of a connection that is over, and destroys its key: an exchange that was noted is made first. The note of
 * a lost exchange is kept. Of a connection that is not over nothing is done. Safe to repeat; after an error the Item may
 * be there, and {@link recover} tries again.
 */
export const release = Effect.fn("PlaidConnect.release")(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
) {
  const { state } = yield* load(tenantId, connectionId)
  if (state.status !== "superseded" && state.status !== "disconnected") return
  const consent = yield* consentOf(tenantId, connectionId)
  if (consent?._tag === "Lost") return
  if (consent?._tag === "Exchanging") yield* oneAtATime(tenantId, connectionId, exchange(tenantId, connectionId))
  yield* abandon(tenantId, connectionId)
})

/** What {@link recover} found and did. */
export interface Recovered {
  /** Consents that were given and are registered now. */
  readonly finished: ReadonlyArray<Registration.Registered>
  /** Connections whose Item was removed: they are over, or could not be registered. */
  readonly removed: ReadonlyArray<Ids.ConnectionId>
  /** Connections that could not be dealt with now. The next run will. */
  readonly left: ReadonlyArray<Ids.ConnectionId>
}

/**
 * Finishes what a process that died left behind, and ends the consents that nobody came back for in time. To be run when
 * a host starts, and now and then. One connection that cannot be dealt with does not keep the others waiting.
 */
export const recover = Effect.fn("PlaidConnect.recover")(function* () {
  const open = Array.from((yield* known).values()).flatMap((connection) =>
    connection === undefined || connection.last === "connected" || connection.last === "resumed" ? [] : [connection],
  )
  const outcomes = yield* Effect.forEach(open, recoverOne)
  return {
    finished: outcomes.flatMap((outcome) => (outcome._tag === "Finished" ? [outcome.registered] : [])),
    removed: outcomes.flatMap((outcome) => (outcome._tag === "Removed" ? [outcome.connectionId] : [])),
    left: outcomes.flatMap((outcome) => (outcome._tag === "Left" ? [outcome.connectionId] : [])),
  } satisfies Recovered
})

interface Open {
  readonly tenantId: Ids.TenantId
  readonly streamId: EventStore.StreamId
  /** By the store's clock. */
  readonly begunAt: DateTime.Utc
  /** The type of the last event that says where the connection stands. */
  readonly last: string
}

/** By tenant and stream; nothing is kept of what is not at Plaid. */
const known = LogFold.make(
  {
    categories: [Connection.name],
    types: ["configured", "connected", "resumed", "superseded", "disconnected"],
    sealed: false,
  },
  () => new Map<string, Open | undefined>(),
  (known, { event, recordedAt, streamId, tenantId }) => {
    const key = JSON.stringify([tenantId, streamId])
    const before = known.get(key)
    if (before === undefined) {
      const isOurs = !known.has(key) && event.data["provider"] === plaid
      return known.set(key, isOurs ? { tenantId, streamId, begunAt: recordedAt, last: event.type } : undefined)
    }
    // What a connection is asked for later does not begin it again.
    return event.type === "configured" ? known : known.set(key, { ...before, last: event.type })
  },
)

type Outcome =
  | { readonly _tag: "Finished"; readonly registered: Registration.Registered }
  | { readonly _tag: "Removed" | "Left"; readonly connectionId: Ids.ConnectionId }
  | { readonly _tag: "Nothing" }

const recoverOne = Effect.fnUntraced(function* ({ begunAt, last, streamId, tenantId }: Open) {
  const connectionId = Connection.idOf(streamId)
  const nothing: Outcome = { _tag: "Nothing" }
  const removed: Outcome = { _tag: "Removed", connectionId }
  return yield* Effect.gen(function* () {
    const consent = yield* consentOf(tenantId, connectionId)
    // Nothing is left of it.
    if (consent === undefined && last !== "configured") return nothing
    const { state } = yield* load(tenantId, connectionId)
    const isOver = state.status === "superseded" || state.status === "disconnected"
    if (consent === undefined || consent._tag === "Asked" || consent._tag === "Lost") {
      const until = consent?.expiresAt ?? DateTime.addDuration(begunAt, publicTokenLife)
      const isUnfinished = consent?._tag === "Asked" || state.status === "pending"
      if (isUnfinished && DateTime.isLessThan(until, yield* DateTime.now)) {
        yield* oneAtATime(tenantId, connectionId, lapse(tenantId, connectionId))
      }
      return nothing
    }
    if (!isOver && state.status !== "pending") return nothing
    if (isOver) return yield* Effect.as(release(tenantId, connectionId), removed)
    if (consent._tag === "Exchanging") yield* oneAtATime(tenantId, connectionId, exchange(tenantId, connectionId))
    return yield* finish(tenantId, connectionId, false).pipe(
      Effect.map((registered): Outcome => ({ _tag: "Finished", registered })),
      // Whoever could still insist on it has gone.
      Effect.catchIf(isMismatch, (mismatch) =>
        Effect.flatMap(DateTime.now, (now) =>
          DateTime.isLessThan(consent.expiresAt, now)
            ? Registration.lapse(tenantId, connectionId, { actor: Ids.system }).pipe(
                Effect.andThen(abandon(tenantId, connectionId)),
                Effect.as(removed),
              )
            : Effect.fail(mismatch),
        ),
      ),
    )
  }).pipe(
    Effect.catchIf(
      (error) => error._tag !== "EventStoreUnavailable",
      ({ _tag }) =>
        Effect.as(Effect.annotateLogs(Effect.logWarning(`A consent was not finished: ${_tag}`), { connectionId }), {
          _tag: "Left",
          connectionId,
        } satisfies Outcome),
    ),
  )
})

/**
 * Ends a consent that nobody came back for, unless somebody just did. Only for the holder of its lease: while an exchange
 * is made, what the vault holds is its business. The note of a lost exchange is kept.
 */
const lapse = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const consent = yield* consentOf(tenantId, connectionId)
  if (consent?._tag === "Exchanging" || consent?._tag === "Granted") return
  const isOver = yield* Registration.lapse(tenantId, connectionId, { actor: Ids.system })
  if (isOver && consent?._tag === "Asked") yield* (yield* Vault.Vault).remove(tenantId, connectionId)
})

/** A new answer to a consent; without one, an exchange that was noted is made. */
interface Answer extends Pick<Complete, "metadata" | "publicToken"> {
  readonly answer: string
}

/**
 * Notes the exchange, makes it and keeps the key, or finds that it is done. Only
 * for the holder of the consent's lease.
 */
const exchange = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, given?: Answer) {
  const vault = yield* Vault.Vault
  const before = yield* vault.get(tenantId, connectionId)
  const consent = PlaidSecret.read(before.secret)
  if (consent._tag !== "Asked" && given !== undefined && consent.answer !== given.answer) return yield* refuse("used")
  if (consent._tag === "Granted") return
  if (consent._tag === "Lost") return yield* new ExchangeLost({ connectionId })
  if (consent._tag === "Exchanging") return yield* exchangeNoted(tenantId, connectionId, consent, before.version)
  if (given === undefined) return yield* refuse("unknown")
  const { answer, metadata, publicToken } = given
  const noted: PlaidSecret.Exchanging = {
    ...consent,
    _tag: "Exchanging",
    metadata,
    answer,
    publicToken: Redacted.value(publicToken),
  }
  const version = yield* vault.put(tenantId, connectionId, PlaidSecret.write(noted), { replaces: before.version })
  return yield* exchangeNoted(tenantId, connectionId, noted, version, consent)
})

/**
 * Makes an exchange that is noted, and keeps the key. `asked`: nobody tried before; the consent is put back as it was
 * if the exchange certainly was not made. After `PlaidError` that is `retryable` it may have been: try again.
 *
 * It is not interrupted: between Plaid's answer and the vault the key exists nowhere else.
 */
const exchangeNoted = Effect.fnUntraced(function* (
  tenantId: Ids.TenantId,
  connectionId: Ids.ConnectionId,
  { publicToken, ...noted }: PlaidSecret.Exchanging,
  version: number,
  asked?: PlaidSecret.Asked,
) {
  const { daysRequested } = yield* PlaidApi
  const historyFrom = DateTime.formatIsoDateUtc(DateTime.subtract(yield* DateTime.now, { days: daysRequested }))
  const attempted = yield* attempt(Redacted.make(publicToken), asked === undefined)
  switch (attempted._tag) {
    case "Made": {
      const { accessToken, itemId } = attempted.exchanged
      const granted: PlaidSecret.Granted = {
        ...noted,
        _tag: "Granted",
        accessToken: Redacted.value(accessToken),
        itemId,
        historyFrom: Connection.Day.make(historyFrom),
      }
      yield* Effect.tapError(keep(tenantId, connectionId, granted, version), () => removeUnkept(connectionId, granted))
      return
    }
    case "NotMade":
      if (asked !== undefined) yield* keep(tenantId, connectionId, asked, version)
      return yield* attempted.error.code === invalidToken ? refuse("invalid-token") : attempted.error
    case "Spent": {
      yield* keep(tenantId, connectionId, { ...noted, _tag: "Lost" }, version)
      const visit = noted.metadata.link_session_id ?? "unknown"
      yield* Effect.annotateLogs(Effect.logError("An exchange may have been made, and its answer is lost"), {
        connectionId,
        visit,
      })
      return yield* new ExchangeLost({ connectionId })
    }
    case "Unknown":
      return yield* attempted.error
  }
}, Effect.uninterruptible)

type Attempt =
  | { readonly _tag: "Made"; readonly exchanged: Exchanged }
  | { readonly _tag: "NotMade"; readonly error: PlaidError }
  /** The token was exchanged before, by whoever did not get to hear of it. */
  | { readonly _tag: "Spent" }
  | { readonly _tag: "Unknown"; readonly error: PlaidError }

/** Exchanges a public token, some times over where the answer does not come. */
const attempt = Effect.fnUntraced(function* (publicToken: Redacted.Redacted, mayBeMadeBefore: boolean) {
  const api = yield* PlaidApi
  let mayBeMade = mayBeMadeBefore
  const exchanging = Effect.tapError(api.exchange(publicToken), (error) =>
    Effect.sync(() => {
      mayBeMade ||= isWithoutAnswer(error)
    }),
  )
  return yield* Effect.match(
    Effect.retry(exchanging, { while: ({ reason }) => reason._tag === "Unavailable", schedule: soon }),
    {
      onSuccess: (exchanged): Attempt => ({ _tag: "Made", exchanged }),
      onFailure: (error): Attempt => {
        if (!mayBeMade) return { _tag: "NotMade", error }
        return error.code === invalidToken ? { _tag: "Spent" } : { _tag: "Unknown", error }
      },
    },
  )
})

/** Plaid may have done what it was asked for: it did not say otherwise. */
const isWithoutAnswer = ({ code, reason }: PlaidError) => reason._tag === "Unavailable" || code === unexpectedAnswer

/** The key cannot be kept: without it nobody could ever end the Item. */
const removeUnkept = Effect.fnUntraced(function* (connectionId: Ids.ConnectionId, granted: PlaidSecret.Granted) {
  const api = yield* PlaidApi
  yield* Effect.retry(api.item(PlaidSecret.access(granted)).remove, {
    while: ({ retryable }) => retryable,
    schedule: soon,
  }).pipe(
    Effect.catch(({ code }) =>
      Effect.annotateLogs(Effect.logError(`An Item was not kept and could not be removed: ${code}`), {
        connectionId,
        itemId: granted.itemId,
      }),
    ),
  )
})

const keep = (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, secret: PlaidSecret.Secret, replaces: number) =>
  Effect.flatMap(Vault.Vault, (vault) =>
    Effect.retry(vault.put(tenantId, connectionId, PlaidSecret.write(secret), { replaces }), {
      while: ({ _tag }) => _tag === "EventStoreUnavailable",
      schedule: soon,
    }),
  ).pipe(
    // Our own write, whose answer was lost, is no conflict.
    Effect.catchTag("CredentialsConflict", (conflict) =>
      Effect.flatMap(readableOf(tenantId, connectionId), (held) =>
        held !== undefined && held._tag === secret._tag && conflict.actual === replaces + 1
          ? Effect.succeed(conflict.actual)
          : Effect.fail(conflict),
      ),
    ),
  )

/**
 * Registers the connection whose key is in the vault, with what Plaid says of it. Safe to repeat: of a key that is
 * registered nothing is asked.
 */
const finish = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, asNew: boolean) {
  const held = yield* (yield* Vault.Vault).get(tenantId, connectionId)
  const granted = PlaidSecret.granted(held.secret)
  const { state } = yield* load(tenantId, connectionId)
  const { ownerId } = state
  if (ownerId === undefined) return yield* refuse("unknown")
  const authorization = Ids.AuthorizationRef.make(granted.itemId)
  const request: Registration.Request = {
    tenantId,
    ownerId,
    provider: plaid,
    authorization,
    connectionId,
    credentialVersion: held.version,
    door: "post",
    actor: { kind: "owner", id: ownerId },
  }
  if (held.version === state.credentialVersion) return yield* Registration.register(request)

  const item = (yield* PlaidApi).item(PlaidSecret.access(granted))
  const status = yield* item.get
  const institution = PlaidAccounts.institutionOf(granted.metadata, status)
  const sources = yield* PlaidAccounts.sources(item, status, institution)
  const registered = yield* Reconnection.connect(supplier, {
    request: {
      ...request,
      scopes: status.products ?? [],
      ...(institution?.name !== undefined && {
        label: institution.name,
        // No secret and nobody's name: what the connection is called in views.
        settings: { ...state.settings, name: institution.name },
      }),
    },
    sources,
    ...(!asNew && granted.reconnects !== undefined && { reconnects: granted.reconnects }),
    // Numbers and holders are among the sources where the Item has them; what else tells accounts apart is their history.
    acquire: (missing) =>
      missing.includes("history")
        ? PlaidAccounts.withBookings(item, sources, granted.historyFrom)
        : Effect.succeed(sources),
  }).pipe(
    Effect.tapError((error) => (isHopeless(error) ? Effect.ignore(abandon(tenantId, connectionId)) : Effect.void)),
  )
  yield* PlaidStatus.noticeExpiry(tenantId, connectionId, status.consent_expiration_time)
  // Neither is the consent's business: the schedule and the next start do it again.
  yield* Effect.ignore(PlaidWebhook.collect(tenantId, connectionId, authorization))
  yield* Effect.forEach(yield* supersededBy(tenantId, registered), (id) =>
    id === undefined ? Effect.void : Effect.ignore(release(tenantId, id)),
  )
  return registered
})

/** What is superseded by a consent: its slot, or the connection whose accounts it goes on with. */
const supersededBy = (tenantId: Ids.TenantId, { connectionId, superseded }: Registration.Registered) =>
  Effect.map(load(tenantId, connectionId), ({ state }) =>
    [superseded, state.previous].filter((id) => id !== undefined && id !== connectionId),
  )

/** Ends the Item at Plaid and destroys its key. An Item that is gone is ended. A key that cannot be read is kept. */
const abandon = Effect.fnUntraced(function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
  const consent = yield* consentOf(tenantId, connectionId)
  if (consent?._tag === "Granted") {
    yield* (yield* PlaidApi)
      .item(PlaidSecret.access(consent))
      .remove.pipe(Effect.catchReason("PlaidError", "AuthorizationEnded", () => Effect.void))
  }
  yield* (yield* Vault.Vault).remove(tenantId, connectionId)
})

/** What the vault holds of a consent; none where nothing is there. What another version wrote is not ours to read. */
const consentOf = Effect.fnUntraced(
  function* (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) {
    const { secret } = yield* (yield* Vault.Vault).get(tenantId, connectionId)
    const consent = PlaidSecret.decode(secret)
    if (Option.isNone(consent)) return yield* new Vault.CredentialsUnreadable({ connectionId, reason: "damaged" })
    return consent.value
  },
  Effect.catchTag("CredentialsNotFound", () => Effect.undefined),
)

/** As {@link consentOf}, where what cannot be read is as good as nothing. */
const readableOf = (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) =>
  Effect.catchTag(consentOf(tenantId, connectionId), "CredentialsUnreadable", () => Effect.undefined)

const keyOf = (tenantId: Ids.TenantId, connectionId: Ids.ConnectionId) =>
  Effect.map(readableOf(tenantId, connectionId), (consent) => (consent?._tag === "Granted" ? consent : undefined))

/** A connection that this person may mend. */
const ownLive = Effect.fnUntraced(function* ({ ownerId, tenantId }: Session, connectionId: Ids.ConnectionId) {
  const { state } = yield* load(tenantId, connectionId)
  if (state.ownerId !== ownerId || state.provider !== plaid || !Connection.isLive(state))
    return yield* refuse("unknown")
  return state
})

const oneAtATime = <A, E, R>(tenantId: Ids.TenantId, connectionId: Ids.ConnectionId, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Leases.Leases, (leases) => leases.using(tenantId, `exchange:${connectionId}`, leaseTime)(effect)).pipe(
    Effect.retry({ while: (error) => error instanceof Leases.LeaseHeld, schedule: turn }),
  )

/** Whom a consent is of, in words that say nothing outside of the tenant. */
const clientUserId = ({ ownerId, tenantId }: Session) =>
  Effect.flatMap(KeyedHash.KeyedHash, (hashes) => hashes.hash(tenantId, "plaid.client_user_id", ownerId))

const compare = (held: PlaidSecret.Metadata, offered: PlaidSecret.Metadata): Duplicate["accounts"] | "other" => {
  const [ours, theirs] = [held.institution?.institution_id, offered.institution?.institution_id]
  if (typeof ours !== "string" || ours !== theirs) return "other"
  const faces = new Set(held.accounts.flatMap(faceOf))
  const known = offered.accounts.filter((account) => faceOf(account).some((face) => faces.has(face))).length
  if (known === 0) return "other"
  return known === offered.accounts.length ? "same" : "overlapping"
}

/** What a person tells an account by. */
const faceOf = ({ mask, name }: PlaidSecret.Metadata["accounts"][number]) =>
  typeof mask !== "string" || typeof name !== "string" || mask === "" || name.trim() === ""
    ? []
    : [JSON.stringify([name.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase(), mask.toLowerCase()])]

const isHealthy = ({ status }: Duplicate) => status === "active" || status === "paused"

/** The owner can insist on it as something else. */
const isMismatch = (error: { readonly _tag: string }) =>
  error._tag === "AnotherLogin" || error._tag === "IdentityMismatch"

/** It can never be registered. */
const isHopeless = ({ _tag }: { readonly _tag: string }) =>
  _tag === "HeldByAnotherOwner" || _tag === "InvalidRegistration" || _tag === "ConnectionNotReady"

const invalidToken = "INVALID_PUBLIC_TOKEN"

const publicTokenLife = Duration.minutes(30)

const leaseTime = Duration.seconds(30)

const soon = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 3 }))

/** About a minute, looking more and more seldom. */
const turn = Schedule.exponential("50 millis", 1.5).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(1)))),
  Schedule.jittered,
  Schedule.upTo({ times: 65 }),
)

/** The owner too: another person may sign in to the same browser. */
const browserOf = ({ id, ownerId }: Session) => JSON.stringify([ownerId, id])

const load = Aggregate.load(Connection)

const refuse = (reason: ConsentRefused["reason"]) => Effect.fail(new ConsentRefused({ reason }))

const digest = (text: string) => createHash("sha256").update(text).digest("hex")
