/**
 * The port behind forgetting: where the wrapped data key of each subject is kept,
 * once, and destroyed for good.
 *
 * A subject is a stream, or one of the tenant's own keys, whose names begin with
 * `@`. Its first key is its only one: whoever comes second gets the first one's.
 * A destroyed key leaves a tombstone, so that none can be made again.
 */
import { Context, Effect, Layer } from "effect"

import { type EventStoreUnavailable } from "./EventStore.ts"
import { DestroyKeys } from "./EventStoreMemory.ts"
import { type TenantId } from "./Ids.ts"
import { type Wrapped } from "./MasterKeys.ts"

/** What a subject has: a key, or none ever again. */
export type Found = { readonly _tag: "Held"; readonly wrapped: Wrapped; readonly lasting: boolean } | Destroyed

export interface Destroyed {
  readonly _tag: "Destroyed"
  /**
   * Whether this holds whatever becomes of the transaction in which it was seen. What was seen inside a host's own
   * transaction may be rolled back with it, so it is not remembered.
   */
  readonly lasting: boolean
}

/** One key, and whose it is. */
export interface Entry {
  readonly tenantId: TenantId
  readonly subject: string
  readonly wrapped: Wrapped
}

export class SubjectKeys extends Context.Service<
  SubjectKeys,
  {
    find(tenantId: TenantId, subject: string): Effect.Effect<Found | undefined, EventStoreUnavailable>

    /** Gives the subject this key if it never had one, and returns what it has. */
    keep(tenantId: TenantId, subject: string, candidate: Wrapped): Effect.Effect<Found, EventStoreUnavailable>

    /**
     * Keys of all tenants that are wrapped under another master key than this one: a page of them, after an entry, by
     * tenant and subject.
     */
    wrappedOtherwise(
      masterKeyId: string,
      after: Pick<Entry, "subject" | "tenantId"> | undefined,
    ): Effect.Effect<ReadonlyArray<Entry>, EventStoreUnavailable>

    /** Wraps a key anew, unless it was destroyed or wrapped anew by somebody else meanwhile. */
    rewrap(entry: Entry, wrapped: Wrapped): Effect.Effect<boolean, EventStoreUnavailable>
  }
>()("@holdfast/domain/SubjectKeys") {
  /** Keys in memory, which the log in memory destroys when it is told to forget. */
  static readonly layerMemory: Layer.Layer<SubjectKeys> = Layer.effectContext(
    Effect.sync(() => {
      const all = new Map<
        string,
        { readonly tenantId: TenantId; readonly subject: string; wrapped: Wrapped | undefined }
      >()
      const keyOf = (tenantId: TenantId, subject: string) => `${tenantId}\n${subject}`
      const found = (tenantId: TenantId, subject: string): Found | undefined => {
        const row = all.get(keyOf(tenantId, subject))
        if (row === undefined) return undefined
        return row.wrapped === undefined
          ? { _tag: "Destroyed", lasting: true }
          : { _tag: "Held", wrapped: row.wrapped, lasting: true }
      }

      const keys = SubjectKeys.of({
        find: Effect.fn("SubjectKeysMemory.find")(function* (tenantId, subject) {
          yield* Effect.yieldNow
          return found(tenantId, subject)
        }),
        keep: Effect.fn("SubjectKeysMemory.keep")(function* (tenantId, subject, candidate) {
          yield* Effect.yieldNow
          const held = found(tenantId, subject)
          if (held !== undefined) return held
          all.set(keyOf(tenantId, subject), { tenantId, subject, wrapped: candidate })
          return { _tag: "Held", wrapped: candidate, lasting: true } as const
        }),
        wrappedOtherwise: Effect.fn("SubjectKeysMemory.wrappedOtherwise")(function* (masterKeyId, after) {
          yield* Effect.yieldNow
          const afterKey = after === undefined ? "" : keyOf(after.tenantId, after.subject)
          return [...all]
            .filter(
              ([key, { wrapped }]) => key > afterKey && wrapped !== undefined && wrapped.masterKeyId !== masterKeyId,
            )
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .slice(0, 100)
            .flatMap(([, { subject, tenantId, wrapped }]) =>
              wrapped === undefined ? [] : [{ tenantId, subject, wrapped }],
            )
        }),
        rewrap: Effect.fn("SubjectKeysMemory.rewrap")(function* (entry, wrapped) {
          yield* Effect.yieldNow
          const row = all.get(keyOf(entry.tenantId, entry.subject))
          if (row === undefined || row.wrapped !== entry.wrapped) return false
          row.wrapped = wrapped
          return true
        }),
      })
      const destroy = (tenantId: TenantId, subjects: ReadonlyArray<string>) =>
        Effect.sync(() => {
          for (const subject of subjects) all.set(keyOf(tenantId, subject), { tenantId, subject, wrapped: undefined })
        })
      return Context.make(SubjectKeys, keys).pipe(Context.add(DestroyKeys, destroy))
    }),
  )
}
