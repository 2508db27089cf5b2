/**
 * What arrived before there was anything to apply it to, and a record of who
 * knocked.
 *
 * A webhook about an authorization that nobody has registered is parked, applied
 * once the authorization is registered, and expires with a record when that never
 * happens. What is parked is delivered **at least once**, in order of arrival, so
 * applying it must be idempotent. Whoever parks looks again afterwards whether the
 * authorization has been registered meanwhile; a schedule asks {@link Inbox.waiting}.
 */
import { Context, DateTime, type Duration, Effect, Layer, type Schema } from "effect"

import { type EventStoreUnavailable } from "./EventStore.ts"
import { type AuthorizationRef, type ConnectionId, type ProviderId, type TenantId } from "./Ids.ts"

/** Something that a door received, for an authorization that is not registered. */
export interface Delivery {
  /** Where the sender says whose it is. Only that tenant will get it. */
  readonly tenantId?: TenantId | undefined
  readonly provider: ProviderId
  readonly authorization: AuthorizationRef
  /** Where it came in: `webhook`, … */
  readonly door: string
  /** The same delivery has the same key: a digest of the raw body, or the sender's own id for it. */
  readonly dedupeKey: string
  readonly kind: string
  /** Without personal data: the caller strips it. */
  readonly body: Schema.Json
  /** By the clock of the door. */
  readonly receivedAt: DateTime.Utc
}

/** A delivery that waits. Ids ascend in order of arrival. */
export interface Parked extends Delivery {
  readonly id: number
  /** How often it was claimed, this time included. */
  readonly claims: number
}

export type Outcome = "applied" | "ignored" | "refused" | "expired"

/** What became of a delivery; its body is gone. */
export interface Settled extends Omit<Delivery, "body"> {
  readonly id: number
  readonly claims: number
  readonly outcome: Outcome
  /** By the store's clock. */
  readonly settledAt: DateTime.Utc
}

/** Deliveries that wait for one authorization. */
export interface Waiting extends Pick<Delivery, "authorization" | "provider" | "tenantId"> {
  readonly count: number
  /** When the first of them was received. */
  readonly since: DateTime.Utc
}

/** That an authorization was offered to a tenant at a door, and what came of it. */
export interface Attempt extends Pick<Delivery, "authorization" | "door" | "provider"> {
  readonly tenantId: TenantId
  /** `created`, `already-registered`, the name of an error, … Never personal. */
  readonly outcome: string
  /** What it led to. */
  readonly connectionId?: ConnectionId | undefined
}

/** All attempts with one authorization at one door; the outcome is that of the last. */
export interface Attempts extends Attempt {
  readonly count: number
  readonly firstAt: DateTime.Utc
  readonly lastAt: DateTime.Utc
}

export class Inbox extends Context.Service<
  Inbox,
  {
    /** Keeps a delivery until it is settled. One that was parked before, even if it is settled by now, changes nothing. */
    park(delivery: Delivery): Effect.Effect<{ readonly repeated: boolean }, EventStoreUnavailable>

    /**
     * What waits for an authorization of a tenant, in order of arrival: what was sent to this tenant, and what nobody
     * said whose it was. Everything that is not settled is delivered again to the next who asks.
     */
    claim(
      tenantId: TenantId,
      provider: ProviderId,
      authorization: AuthorizationRef,
    ): Effect.Effect<ReadonlyArray<Parked>, EventStoreUnavailable>

    /** Says what became of it. False when that was said before; the first word stands. */
    settle(id: number, outcome: Exclude<Outcome, "expired">): Effect.Effect<boolean, EventStoreUnavailable>

    /** Settles what was parked longer ago than this, by the store's clock: nobody came for it. */
    expire(after: Duration.Input): Effect.Effect<ReadonlyArray<Settled>, EventStoreUnavailable>

    /** Who is waited for, longest first. */
    readonly waiting: Effect.Effect<ReadonlyArray<Waiting>, EventStoreUnavailable>

    /** What became of the deliveries about an authorization, in order of arrival. For audits. */
    settled(
      provider: ProviderId,
      authorization: AuthorizationRef,
    ): Effect.Effect<ReadonlyArray<Settled>, EventStoreUnavailable>

    /** Counts an attempt to register an authorization. */
    record(attempt: Attempt): Effect.Effect<void, EventStoreUnavailable>

    /** Who offered what to a tenant at which door, first come first. */
    attempts(
      tenantId: TenantId,
      about?: Partial<Pick<Attempt, "authorization" | "provider">>,
    ): Effect.Effect<ReadonlyArray<Attempts>, EventStoreUnavailable>
  }
>()("@holdfast/domain/Inbox") {
  static readonly layerMemory = Layer.sync(Inbox, () => {
    interface Row {
      parked: Parked
      readonly parkedAt: DateTime.Utc
      settled?: Pick<Settled, "outcome" | "settledAt">
    }
    const rows: Array<Row> = []
    const attempts = new Map<string, Attempts>()
    const open = () => rows.filter(({ settled }) => settled === undefined)
    const isAbout =
      (provider: ProviderId, authorization: AuthorizationRef) =>
      (about: Pick<Delivery, "authorization" | "provider">) =>
        about.provider === provider && about.authorization === authorization
    const toSettled = ({ parked, settled }: Row): ReadonlyArray<Settled> => {
      if (settled === undefined) return []
      const { body: _body, ...delivery } = parked
      return [{ ...delivery, ...settled }]
    }
    const identityOf = ({ authorization, dedupeKey, door, provider, tenantId }: Delivery) =>
      JSON.stringify([tenantId ?? null, provider, authorization, door, dedupeKey])

    return Inbox.of({
      park: Effect.fn("InboxMemory.park")(function* (delivery) {
        yield* Effect.yieldNow
        const parkedAt = yield* DateTime.now
        const repeated = rows.some(({ parked }) => identityOf(parked) === identityOf(delivery))
        if (!repeated) rows.push({ parked: { ...delivery, id: rows.length + 1, claims: 0 }, parkedAt })
        return { repeated }
      }),

      claim: Effect.fn("InboxMemory.claim")(function* (tenantId, provider, authorization) {
        yield* Effect.yieldNow
        const ours = open()
          .filter(({ parked }) => isAbout(provider, authorization)(parked))
          .filter(({ parked }) => parked.tenantId === undefined || parked.tenantId === tenantId)
        for (const row of ours) row.parked = { ...row.parked, claims: row.parked.claims + 1 }
        return ours.map(({ parked }) => parked)
      }),

      settle: Effect.fn("InboxMemory.settle")(function* (id, outcome) {
        yield* Effect.yieldNow
        const settledAt = yield* DateTime.now
        const row = open().find(({ parked }) => parked.id === id)
        if (row !== undefined) row.settled = { outcome, settledAt }
        return row !== undefined
      }),

      expire: Effect.fn("InboxMemory.expire")(function* (after) {
        yield* Effect.yieldNow
        const settledAt = yield* DateTime.now
        const limit = DateTime.subtractDuration(settledAt, after)
        const late = open().filter(({ parkedAt }) => DateTime.isLessThanOrEqualTo(parkedAt, limit))
        for (const row of late) row.settled = { outcome: "expired", settledAt }
        return late.flatMap(toSettled)
      }),

      waiting: Effect.gen(function* () {
        yield* Effect.yieldNow
        const groups = Map.groupBy(open(), ({ parked: { authorization, provider, tenantId } }) =>
          JSON.stringify([tenantId ?? null, provider, authorization]),
        )
        return [...groups.values()]
          .flatMap((group): ReadonlyArray<Waiting> => {
            const [first] = group
            if (first === undefined) return []
            const { authorization, provider, tenantId } = first.parked
            const since = group.map(({ parked }) => parked.receivedAt).reduce(DateTime.min)
            return [{ tenantId, provider, authorization, count: group.length, since }]
          })
          .toSorted((a, b) => DateTime.Order(a.since, b.since))
      }).pipe(Effect.withSpan("InboxMemory.waiting")),

      settled: Effect.fn("InboxMemory.settled")(function* (provider, authorization) {
        yield* Effect.yieldNow
        return rows.filter(({ parked }) => isAbout(provider, authorization)(parked)).flatMap(toSettled)
      }),

      record: Effect.fn("InboxMemory.record")(function* (attempt) {
        yield* Effect.yieldNow
        const lastAt = yield* DateTime.now
        const { authorization, door, provider, tenantId } = attempt
        const key = JSON.stringify([tenantId, provider, authorization, door])
        const before = attempts.get(key)
        attempts.set(key, {
          ...attempt,
          connectionId: attempt.connectionId ?? before?.connectionId,
          count: (before?.count ?? 0) + 1,
          firstAt: before?.firstAt ?? lastAt,
          lastAt,
        })
      }),

      attempts: Effect.fn("InboxMemory.attempts")(function* (tenantId, about = {}) {
        yield* Effect.yieldNow
        return [...attempts.values()].filter(
          (made) =>
            made.tenantId === tenantId &&
            (about.provider ?? made.provider) === made.provider &&
            (about.authorization ?? made.authorization) === made.authorization,
        )
      }),
    })
  })
}
