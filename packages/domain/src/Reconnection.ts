/**
 * Reconnection: which of the accounts that an authorization delivers are held
 * already, under whatever connection they came before.
 *
 * ```text
 * sources ──▶ profiles ──▶ matched with the tenant's accounts ─┬─ sure      ──▶ linked, resumed where it was covered
 *                          (pure, by the policy)               ├─ it may be ──▶ a person is asked, nothing moves
 *                                                              ├─ new       ──▶ an account is opened
 *                                                              └─ another login than the one to be mended ──▶ refused
 * ```
 *
 * What is decided is one append: the connection, the links, the end of the
 * connection that it follows. Every decision is recorded with the grounds that it
 * was made on, and can be made again under another policy.
 *
 * Within a tenant one matching is made after the other, each on a view that has
 * caught up with the one before. That keeps two consents that arrive at once from
 * opening an account twice; that no account is linked wrongly does not rest on
 * it, but on the claims of feeds and the versions of the accounts' streams.
 */
import { Context, DateTime, Duration, Effect, Schedule, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

import * as Account from "./Account.ts"
import * as AccountKeysView from "./AccountKeysView.ts"
import * as AccountsView from "./AccountsView.ts"
import * as Aggregate from "./Aggregate.ts"
import * as Connection from "./Connection.ts"
import * as ConnectionsView from "./ConnectionsView.ts"
import { feedIdOf } from "./DerivedId.ts"
import { EventLog } from "./EventStore.ts"
import { AccountId, ConnectionId, type OwnerId, ReviewId, system, type TenantId } from "./Ids.ts"
import { InstitutionCounts } from "./InstitutionCounts.ts"
import { KeyedHash } from "./KeyedHash.ts"
import { LeaseHeld, LeaseLost, Leases } from "./Leases.ts"
import * as AccountMatching from "./matching/AccountMatching.ts"
import { type Decision } from "./matching/Decision.ts"
import { type Grounds, type Held, type Incoming, type Missing } from "./matching/Evidence.ts"
import * as Policy from "./matching/Policy.ts"
import * as Profile from "./matching/Profile.ts"
import * as Weighing from "./matching/Weighing.ts"
import * as Personal from "./Personal.ts"
import { type Provider, type Source } from "./Provider.ts"
import * as Registration from "./Registration.ts"
import * as ReviewsView from "./ReviewsView.ts"
import * as TransactionsView from "./TransactionsView.ts"
import { Views } from "./ViewStore.ts"

/** The policy that decides; a host may bring another version. */
export const MatchingPolicy = Context.Reference<Policy.Policy>("@holdfast/domain/Reconnection/MatchingPolicy", {
  defaultValue: () => Policy.recon1,
})

/** Days before the last one that is covered from which on an account is fetched again: banks book late. */
export const Overlap = Context.Reference("@holdfast/domain/Reconnection/Overlap", { defaultValue: () => 10 })

/**
 * What is held could not be looked at in time: another matching of the tenant takes long or took over, or the views are
 * behind or paused. Asking again helps: what may have been written before another one took over is found then.
 */
export class MatchingDelayed extends Schema.TaggedError<MatchingDelayed>()("MatchingDelayed", {
  reason: Schema.Literals(["another-matching", "view-behind"]),
}) {}

/** What of a provider matters to matching. */
export type Supplier = Pick<Provider, "id" | "itemsPerCall">

/** A consent, with the outside accounts that it is for. */
export interface Consent<R = never> {
  readonly request: Registration.Request
  readonly sources: ReadonlyArray<Source>
  /** The connection that the owner wants to mend. A consent for another login is refused then, not taken over. */
  readonly reconnects?: ConnectionId | undefined
  /**
   * Asks the provider for what would tell accounts apart, before a person is asked: the same sources with more about
   * them. What cannot be had is left out.
   */
  readonly acquire?: ((missing: ReadonlyArray<Missing>) => Effect.Effect<ReadonlyArray<Source>, never, R>) | undefined
}

/**
 * Registers a consent together with what becomes of its accounts, in one append. Repeated, it answers what was
 * registered, and matches only what was not matched before.
 *
 * Beside what {@link Registration.register} refuses: `AnotherLogin` when the consent is not for the connection that it
 * was to mend, `MatchingDelayed`.
 */
export const connect = Effect.fn("Reconnection.connect")(function* <R = never>(
  supplier: Supplier,
  { acquire, reconnects, request, sources }: Consent<R>,
) {
  const { ownerId, tenantId } = request
  return yield* oneAfterTheOther(
    tenantId,
    Effect.gen(function* () {
      const subject = { tenantId, ownerId, connectionId: request.connectionId ?? unregistered, reconnects }
      const missing = acquire === undefined ? [] : missingOf(yield* preview(supplier, subject, sources))
      const told = acquire === undefined || missing.length === 0 ? sources : yield* acquire(missing)
      return yield* Registration.register(request, (joined) =>
        decideOn(supplier, joined, told, { ownerId, reconnects }),
      )
    }),
  )
})

/**
 * Matches accounts that a connection was not known to deliver: new at the bank, shared later, or registered by a door
 * that knew of no accounts. `sources` are all that it delivers: nothing happens for those that are matched already, but
 * theirs is not the account of another one. Nothing happens for a connection that is over.
 */
export const adopt = Effect.fn("Reconnection.adopt")(function* (
  supplier: Supplier,
  tenantId: TenantId,
  connectionId: ConnectionId,
  sources: ReadonlyArray<Source>,
) {
  yield* oneAfterTheOther(
    tenantId,
    Aggregate.decidingAgain(
      Effect.gen(function* () {
        const loaded = yield* loadConnection(tenantId, connectionId)
        const { ownerId } = loaded.state
        if (ownerId === undefined) return
        const { changes, commands } = yield* decideOn(supplier, loaded, sources, { ownerId, reconnects: undefined })
        const adopted = yield* Effect.fromResult(decideConnection(loaded, ...commands))
        if (adopted.events.length > 0) yield* Aggregate.append([adopted, ...changes], { metadata: { actor: system } })
      }),
    ),
  )
})

/** What would be decided about sources now. Nothing is recorded. */
export const preview = Effect.fn("Reconnection.preview")(function* (
  supplier: Supplier,
  subject: Subject,
  sources: ReadonlyArray<Source>,
) {
  return (yield* match(supplier, subject, sources)).decisions
})

export interface Subject {
  readonly tenantId: TenantId
  readonly ownerId: OwnerId
  readonly connectionId: ConnectionId
  readonly reconnects: ConnectionId | undefined
}

/** The connection, its links and the end of what it follows, for the sources that it has not been matched with. */
const decideOn = Effect.fnUntraced(function* (
  supplier: Supplier,
  connection: Aggregate.Loaded<Connection.State>,
  sources: ReadonlyArray<Source>,
  { ownerId, reconnects }: Pick<Subject, "ownerId" | "reconnects">,
) {
  const { state, tenantId } = connection
  const connectionId = Connection.idOf(connection.streamId)
  const unmatched = sources.filter(({ key }) => !Object.hasOwn(state.sources, key))
  if (unmatched.length === 0 || !Connection.isLive(state)) return { commands: [], changes: [] }

  const at = yield* DateTime.now
  const overlap = yield* Overlap
  const random = yield* SecureRandom.SecureRandom
  const subject = { tenantId, ownerId, connectionId, reconnects }
  const { decisions, grounds, profiles, rows } = yield* match(supplier, subject, sources, state.sources)
  if (reconnects !== undefined && decisions.some(({ action }) => action === "reject")) {
    return yield* new Connection.AnotherLogin({ reconnects })
  }

  const settled = yield* Effect.forEach(unmatched, (source) =>
    Effect.gen(function* () {
      const decision = decisions.find((decision) => decision.source === source.key)
      const profile = profiles.get(source.key)
      if (decision === undefined || profile === undefined) return yield* Effect.die("a source that was not decided")
      const feedId = yield* feedIdOf(connectionId, source.key)
      const personal = Personal.reveal(appearanceOf(source))
      const link = { at, feedId, connectionId, source: source.key, ownerId, profile, personal }
      if (decision.action === "review") return { decision, feedId, link, row: undefined, change: undefined }

      const row = rows.get(decision.target ?? "")
      const isLinked = decision.action === "auto" || decision.action === "shared"
      const accountId = isLinked && row !== undefined ? row.account_id : AccountId.make(yield* random.uuidV7())
      const account = yield* loadAccount(tenantId, accountId)
      const change = yield* Effect.fromResult(
        isLinked
          ? decideAccount(account, {
              _tag: "Link",
              ...link,
              confidence: confidenceOf(decision.level),
              evidence: evidenceOf(decision.candidates[0]),
              ground: row?.links ?? 0,
            })
          : decideAccount(
              account,
              { _tag: "Open", at, provider: supplier.id },
              { _tag: "Link", ...link, confidence: "exact", evidence: ["new account"] },
            ),
      )
      return { decision, feedId, link, row: isLinked ? row : undefined, change, accountId }
    }),
  )

  const resumed = settled.flatMap(({ accountId, decision, feedId, row }) =>
    row === undefined || accountId === undefined
      ? []
      : [
          {
            accountId,
            feedId,
            confidence: confidenceOf(decision.level),
            kept: Math.max(0, row.items),
            ...resumeFrom(row.covered_to, overlap),
          },
        ],
  )
  // An owner goes on from connections of their own; those of others stand beside.
  const before = ({ feeds }: AccountsView.Row) =>
    feeds.findLast((link) => link.ownerId === ownerId && link.connectionId !== connectionId)?.connectionId
  const supersedes = [...new Set(settled.flatMap(({ row }) => (row && before(row)) ?? []))]
  const previous = supersedes[0]
  const delivered = new Set(settled.flatMap(({ accountId }) => accountId ?? []))
  const asked = new Set<string>(decisions.flatMap(({ candidates }) => candidates.map(({ accountId }) => accountId)))
  const notShared = [...rows.values()].filter((row) => {
    const id = before(row)
    return id !== undefined && supersedes.includes(id) && !delivered.has(row.account_id) && !asked.has(row.account_id)
  })

  const commands: ReadonlyArray<Connection.Command> = [
    {
      _tag: "RecordMatching",
      at,
      policy: decisions[0]?.policy ?? "",
      grounds,
      decisions: settled.map(({ accountId, decision, feedId, row }) => ({
        source: decision.source,
        feedId,
        action: decision.action === "reject" ? "create" : decision.action,
        level: decision.level,
        ...(accountId !== undefined && { accountId }),
        ...(row !== undefined && resumeFrom(row.covered_to, overlap)),
      })),
      notShared: notShared.map(({ account_id }) => account_id),
    },
    ...(previous === undefined
      ? []
      : [
          {
            _tag: "FollowOn" as const,
            at,
            previous,
            confidence: weakest(resumed.map(({ confidence }) => confidence)),
            evidence: [
              ...new Set(settled.flatMap(({ change, decision }) => (change ? evidenceOf(decision.candidates[0]) : []))),
            ],
            resume: [],
            accounts: resumed,
            callsSaved: resumed.reduce((sum, { kept }) => sum + Math.ceil(kept / (supplier.itemsPerCall ?? 1)), 0),
          },
        ]),
    ...(yield* Effect.forEach(
      settled.filter(({ change }) => change === undefined),
      ({ decision, feedId, link }) =>
        Effect.map(random.uuidV7(), (id): Connection.Command => {
          const follows = decision.candidates[0]?.connectionId
          return {
            _tag: "OpenReview",
            at,
            reviewId: ReviewId.make(id),
            feedId,
            source: decision.source,
            profile: link.profile,
            personal: link.personal,
            level: confidenceOf(decision.level),
            candidates: decision.candidates.map((candidate) => ({
              accountId: AccountId.make(candidate.accountId),
              ground: rows.get(candidate.accountId)?.links ?? 0,
              evidence: evidenceOf(candidate),
            })),
            ...(follows !== undefined && follows !== connectionId && { follows: ConnectionId.make(follows) }),
          }
        }),
    )),
  ]
  const ended = yield* Effect.forEach(supersedes, (id) =>
    Effect.flatMap(loadConnection(tenantId, id), (old) =>
      Effect.fromResult(decideConnection(old, { _tag: "Supersede", at, by: connectionId })),
    ),
  )
  return { commands, changes: [...ended, ...settled.flatMap(({ change }) => change ?? [])] }
})

interface Matched {
  readonly grounds: Grounds
  readonly decisions: ReadonlyArray<Decision>
  readonly profiles: ReadonlyMap<string, Profile.Profile>
  /** The held accounts, by their ids. */
  readonly rows: ReadonlyMap<string, AccountsView.Row>
}

/** Compares sources with the accounts that the tenant holds. What was matched before is a fact. */
const match = Effect.fnUntraced(function* (
  supplier: Supplier,
  { connectionId, ownerId, reconnects, tenantId }: Subject,
  sources: ReadonlyArray<Source>,
  matched: Connection.State["sources"] = {},
) {
  const policy = yield* MatchingPolicy
  const hashes = yield* KeyedHash
  const makeProfile = Profile.maker((kind, canonical) => hashes.hash(tenantId, kind, canonical))
  const delivered = yield* Effect.forEach(sources, ({ account, key }) =>
    Effect.map(makeProfile(account ?? { externalId: key }), (profile): Incoming => ({
      source: key,
      connectionId,
      ownerId,
      provider: supplier.id,
      profile,
      ...(account?.bookings !== undefined && { bookings: account.bookings }),
      ...(account?.balance !== undefined && { balance: account.balance }),
    })),
  )
  const isOurs = (one: Pick<Incoming, "connectionId" | "source">) =>
    one.connectionId === connectionId && sources.some(({ key }) => key === one.source)
  const incoming = [...delivered, ...(yield* undecided(tenantId)).filter((one) => !isOurs(one))]
  const { populations, shared } = yield* yield* InstitutionCounts
  const subject = { tenantId, ownerId, connectionId, reconnects }
  const { crowds, held, population, rows } = yield* heldFor(subject, incoming, populations.get(tenantId))
  const known = sources.flatMap(({ key }): ReadonlyArray<AccountMatching.Binding> => {
    const feedId = Object.hasOwn(matched, key) ? matched[key]?.feedId : undefined
    const row = feedId && [...rows.values()].find(({ feeds }) => feeds.some((link) => link.feedId === feedId))
    return row === undefined ? [] : [{ connectionId, source: key, accountId: row.account_id }]
  })
  const question = {
    incoming,
    held,
    known,
    population,
    crowds,
    shared,
    ...(reconnects !== undefined && { reconnecting: reconnects }),
  }
  const look = (held: ReadonlyArray<Held>) =>
    lighter(policy, withoutDenied(AccountMatching.observe({ ...question, held }), incoming, rows))
  const seen = look(held)
  const guessed = AccountMatching.decide(policy, seen)
  // What was booked tells most, and costs most to read: only where the provider tells it too, or could be asked.
  const isWanted =
    incoming.some(({ bookings }) => bookings !== undefined) || guessed.some(({ action }) => action === "review")
  const grounds = isWanted ? look(yield* withBookings(tenantId, held, rows, seen)) : seen
  const decisions = isWanted ? AccountMatching.decide(policy, grounds) : guessed
  return {
    grounds,
    decisions: decisions.filter(isOurs),
    profiles: new Map(delivered.map(({ profile, source }) => [source, profile])),
    rows,
  } satisfies Matched
})

/** Accounts that a person is asked about: as long as nobody answers, they may be what another one seems to be. */
const undecided = Effect.fnUntraced(function* (tenantId: TenantId) {
  const questions = yield* ReviewsView.open(tenantId)
  const asking = [...new Set(questions.map(({ connection_id }) => connection_id))]
  const connections = yield* Effect.forEach(asking, (id) => loadConnection(tenantId, id))
  return connections.flatMap(({ state, streamId }) => {
    const { ownerId, provider, reviews } = state
    if (ownerId === undefined || provider === undefined) return []
    const connectionId = Connection.idOf(streamId)
    return reviews.map(({ profile, source }): Incoming => ({ source, connectionId, ownerId, provider, profile }))
  })
})

/** Tenants with no more accounts than this are compared whole; of larger ones, what is sought. */
const wholeUpTo = 1000

const heldFor = Effect.fnUntraced(function* (
  subject: Subject,
  incoming: ReadonlyArray<Incoming>,
  countedLately: number | undefined,
) {
  const { connectionId, ownerId, reconnects, tenantId } = subject
  const keys = incoming.map(({ profile }) => AccountMatching.lookupKeys(profile))
  const sought = {
    keys: { narrow: keys.flatMap(({ narrow }) => narrow), broad: keys.flatMap(({ broad }) => broad) },
    ownerId,
    connectionIds: reconnects === undefined ? [connectionId] : [connectionId, reconnects],
  }
  const options = { wholeUpTo, countedLately }
  const { crowds, population, rows } = yield* AccountsView.candidates(tenantId, sought, options)
  const statuses = yield* ConnectionsView.statuses(
    tenantId,
    rows.flatMap(({ feeds }) => feeds.map(({ connectionId }) => connectionId)),
  )
  const isLive = ({ connectionId }: AccountsView.Link) => {
    const status = statuses.get(connectionId)
    return status === "active" || status === "paused"
  }
  const held = rows.flatMap((row): ReadonlyArray<Held> => {
    const link = standingFor(row, subject, isLive)
    const profile = link?.connectionId === subject.connectionId ? link.profile : row.profile
    if (link === undefined || link.ownerId === null || profile === null) return []
    return [
      {
        accountId: row.account_id,
        connectionId: link.connectionId,
        ownerId: link.ownerId,
        provider: row.provider,
        profile: AccountsView.profileIn(profile),
        isLive: isLive(link),
      },
    ]
  })
  return {
    held,
    population: Math.max(population, 1),
    crowds,
    rows: new Map(rows.map((row) => [row.account_id as string, row])),
  }
})

/** Of an account's links the one that it is compared by: what the consent is for, the owner's own, what is at work. */
const standingFor = (
  { feeds }: AccountsView.Row,
  { connectionId, ownerId, reconnects }: Subject,
  isLive: (link: AccountsView.Link) => boolean,
) =>
  feeds.findLast((link) => link.connectionId === connectionId) ??
  feeds.findLast((link) => link.connectionId === reconnects) ??
  feeds.findLast((link) => link.ownerId === ownerId) ??
  feeds.findLast(isLive) ??
  feeds.at(-1)

/** Pairs that are recorded at most: with them a matching is some hundreds of kilobytes. */
const mostPairs = 600

/**
 * Of more pairs than can be recorded, the best of each account that comes in, and those of the connection that is to be
 * mended. A decision is made from what is recorded of it, and from nothing else.
 */
const lighter = (policy: Policy.Policy, grounds: Grounds): Grounds => {
  const { accounts, incoming, pairs, reconnecting } = grounds
  if (pairs.length <= mostPairs) return grounds
  const most = Math.max(3, Math.floor(mostPairs / incoming.length))
  const { weigh } = Weighing.scaleOf(policy)
  const scores = new Map(pairs.map((pair) => [pair, weigh(pair).score]))
  const scoreOf = (pair: Grounds["pairs"][number]) => scores.get(pair) ?? 0
  const best = new Set(
    incoming.flatMap((_, at) =>
      pairs
        .filter((pair) => pair.incoming === at)
        .toSorted((one, other) => scoreOf(other) - scoreOf(one))
        .slice(0, most),
    ),
  )
  const isMended = (at: number) => reconnecting !== undefined && accounts[at]?.connectionId === reconnecting
  const kept = pairs.filter((pair) => best.has(pair) || isMended(pair.account))
  const known = new Set(incoming.flatMap(({ known }) => known ?? []))
  const paired = new Set(kept.map(({ account }) => account))
  const named = [...accounts.keys()].filter(
    (at) => paired.has(at) || isMended(at) || known.has(accounts[at]?.accountId ?? ""),
  )
  const places = new Map(named.map((at, place) => [at, place]))
  const placed = (pair: Grounds["pairs"][number]) => ({ ...pair, account: places.get(pair.account) ?? 0 })
  return {
    ...grounds,
    accounts: named.flatMap((at) => accounts[at] ?? []),
    pairs: kept.map(placed),
  }
}

/** The bookings of those accounts that anything speaks for. */
const withBookings = Effect.fnUntraced(function* (
  tenantId: TenantId,
  held: ReadonlyArray<Held>,
  rows: ReadonlyMap<string, AccountsView.Row>,
  { accounts, pairs }: Grounds,
) {
  const paired = new Set(pairs.map(({ account }) => accounts[account]?.accountId))
  return yield* Effect.forEach(held, (candidate) =>
    paired.has(candidate.accountId)
      ? Effect.map(bookingsOf(tenantId, rows.get(candidate.accountId)), (bookings): Held => ({
          ...candidate,
          ...(bookings !== undefined && { bookings }),
        }))
      : Effect.succeed(candidate),
  )
})

const bookingsOf = Effect.fnUntraced(function* (tenantId: TenantId, row: AccountsView.Row | undefined) {
  if (row === undefined || row.covered_from === null || row.covered_to === null) return undefined
  const days = { from: row.covered_from, to: row.covered_to }
  const transactions = yield* TransactionsView.ofAccount(tenantId, row.account_id, { days })
  return {
    ...days,
    rows: transactions.flatMap(({ amount, date, pending }) =>
      amount === null || date === null || pending === true ? [] : [{ on: date, amount }],
    ),
  } satisfies Profile.Bookings
})

/** What a person took apart is not put together again, unless it looks as much like what they left there. */
const withoutDenied = (
  grounds: Grounds,
  incoming: ReadonlyArray<Incoming>,
  rows: ReadonlyMap<string, AccountsView.Row>,
): Grounds => ({
  ...grounds,
  pairs: grounds.pairs.filter((pair) => {
    const source = grounds.incoming[pair.incoming]?.source
    const profile = incoming.find((account) => account.source === source)?.profile
    const row = rows.get(grounds.accounts[pair.account]?.accountId ?? "")
    if (profile === undefined || row === undefined) return true
    const isOneOf = (profiles: ReadonlyArray<Schema.Json>) =>
      profiles.some((other) => other !== null && isAlike(profile, AccountsView.profileIn(other)))
    return !isOneOf(row.denied) || isOneOf(row.feeds.map((link) => link.profile))
  }),
})

/** Whether two profiles say the same of what tells accounts apart. */
const isAlike = (one: Profile.Profile, other: Profile.Profile) => {
  if (one.persistentId !== undefined || other.persistentId !== undefined) return one.persistentId === other.persistentId
  const isSame = (of: (profile: Profile.Profile) => string | undefined) => of(one) === of(other)
  return (
    one.externalId === other.externalId ||
    (isSame(({ number }) => number?.token) &&
      isSame(({ iban }) => iban) &&
      isSame(({ currency }) => currency) &&
      isSame(({ institutionId }) => institutionId) &&
      isSame(({ mask }) => mask?.at(-1)) &&
      isSame(({ name }) => name?.whole))
  )
}

/** Under a lease that a tenant has once, on views that contain all that was appended before. */
const oneAfterTheOther = <A, E extends { readonly _tag: string }, R>(
  tenantId: TenantId,
  matching: Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const leases = yield* Leases
    return yield* leases
      .using(
        tenantId,
        "matching",
        Duration.seconds(30),
      )(
        // Somebody changed the links of an account meanwhile: it is another question now.
        Effect.retry(Effect.andThen(caughtUp, matching), { while: ({ _tag }) => stale.has(_tag), times: 5 }),
      )
      .pipe(
        Effect.retry({ while: (error) => error instanceof LeaseHeld, schedule: turn }),
        Effect.catchIf(
          (error): error is LeaseHeld | LeaseLost => error instanceof LeaseHeld || error instanceof LeaseLost,
          () => Effect.fail(new MatchingDelayed({ reason: "another-matching" })),
        ),
      )
  })

const stale: ReadonlySet<string> = new Set(["AccountMerged", "AccountNotOpen", "StaleGround"])

const caughtUp = Effect.gen(function* () {
  const log = yield* EventLog
  const views = yield* Views
  const head = yield* log.head
  for (const view of [AccountsView, AccountKeysView, ConnectionsView, ReviewsView]) {
    const isThere = yield* views.awaitPosition(view, head, patience)
    if (!isThere) return yield* new MatchingDelayed({ reason: "view-behind" })
  }
})

/** How long a view may take to catch up. */
const patience = Duration.seconds(10)

/** About half a minute, looking more and more seldom. */
const turn = Schedule.exponential("20 millis", 1.5).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(1)))),
  Schedule.jittered,
  Schedule.upTo({ times: 40 }),
)

const missingOf = (decisions: ReadonlyArray<Decision>): ReadonlyArray<Missing> => [
  ...new Set(decisions.flatMap(({ action, missing }) => (action === "review" ? missing : []))),
]

/** Some days before the last one that is held whole. */
export const resumeFrom = (coveredTo: string | null, overlap: number): { readonly resumeFrom?: Connection.Day } =>
  coveredTo === null
    ? {}
    : { resumeFrom: DateTime.formatIsoDateUtc(DateTime.subtract(DateTime.makeUnsafe(coveredTo), { days: overlap })) }

const confidenceOf = (level: Decision["level"]): Connection.Confidence => (level === "none" ? "low" : level)

const weakest = (confidences: ReadonlyArray<Connection.Confidence>): Connection.Confidence =>
  Connection.Confidence.literals.findLast((level) => confidences.includes(level)) ?? "exact"

/** What speaks for it, by name. */
const evidenceOf = (candidate: Decision["candidates"][number] | undefined): ReadonlyArray<string> =>
  (candidate?.evidence ?? []).flatMap(({ isOutdone, label, milliBits }) =>
    milliBits > 0 && isOutdone === undefined ? [label] : [],
  )

const appearanceOf = ({ account }: Source): Connection.Appearance => ({
  ...(account?.institution?.name !== undefined && { institution: account.institution.name }),
  ...(account?.name !== undefined && { name: account.name }),
  ...(account?.officialName !== undefined && { officialName: account.officialName }),
  ...(account?.mask !== undefined && { mask: account.mask }),
})

/** For a consent that has no connection yet: no account can be bound to it. */
const unregistered = ConnectionId.make("00000000-0000-0000-0000-000000000000")

const loadConnection = Aggregate.load(Connection)
const decideConnection = Aggregate.decide(Connection)
const loadAccount = Aggregate.load(Account)
const decideAccount = Aggregate.decide(Account)
