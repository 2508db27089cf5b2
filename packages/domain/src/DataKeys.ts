/**
 * The data keys of subjects, ready for use: made on first use, unwrapped, and
 * remembered for a minute at most.
 *
 * What is remembered bounds how long a key outlives its destruction in the memory
 * of another process. Nothing that is encrypted with it in that time can be read
 * once it is over.
 */
import { Clock, Context, Effect, Layer, Option } from "effect"
import { Aead, SecureRandom } from "effect/crypto"

import { type EventStoreUnavailable } from "./EventStore.ts"
import { type TenantId } from "./Ids.ts"
import { type CannotUnwrap, MasterKeys, type Wrapped } from "./MasterKeys.ts"
import { type Found, SubjectKeys } from "./SubjectKeys.ts"

export type DataKey = Aead.Key<Aead.AesGcm>

/** How long a data key may be remembered. */
export const memory = 60_000

/** How many are remembered at most: some megabytes. */
const capacity = 20_000

export type DataKeyError = CannotUnwrap | EventStoreUnavailable

export class DataKeys extends Context.Service<
  DataKeys,
  {
    /** The key of a subject, made now if it never had one; none once it was destroyed. */
    obtain(tenantId: TenantId, subject: string): Effect.Effect<Option.Option<DataKey>, DataKeyError>
    /** The key of a subject; none once it was destroyed; undefined if it never had one. */
    find(tenantId: TenantId, subject: string): Effect.Effect<Option.Option<DataKey> | undefined, DataKeyError>
    /** Looks at once, instead of within a minute, whether these subjects were forgotten. */
    evict(tenantId: TenantId, subjects: ReadonlyArray<string>): Effect.Effect<void>
  }
>()("@holdfast/domain/DataKeys") {
  static readonly layer = Layer.effect(
    DataKeys,
    Effect.gen(function* () {
      const stored = yield* SubjectKeys
      const master = yield* MasterKeys
      const random = yield* SecureRandom.SecureRandom
      const remembered = new Map<string, { readonly key: Option.Option<DataKey>; readonly until: number }>()
      let evictions = 0

      const recall = (tenantId: TenantId, subject: string) =>
        Clock.clockWith((clock) =>
          Effect.sync(() => {
            const entry = remembered.get(nameOf(tenantId, subject))
            return entry !== undefined && entry.until > clock.currentTimeMillisUnsafe() ? entry.key : undefined
          }),
        )

      const use = Effect.fnUntraced(function* (
        tenantId: TenantId,
        subject: string,
        lookUp: Effect.Effect<Found | undefined, EventStoreUnavailable>,
      ) {
        const evictionsBefore = evictions
        const asked = yield* Clock.currentTimeMillis
        const found = yield* lookUp
        if (found === undefined) return undefined
        const key =
          found._tag === "Destroyed"
            ? Option.none<DataKey>()
            : Option.some(yield* unwrap(master, tenantId, subject, found.wrapped))
        if (found.lasting && evictions === evictionsBefore) {
          const name = nameOf(tenantId, subject)
          remembered.delete(name)
          remembered.set(name, { key, until: asked + memory })
          if (remembered.size > capacity) forgetOldest(remembered)
        }
        return key
      })

      const find = Effect.fnUntraced(function* (tenantId: TenantId, subject: string) {
        const known = yield* recall(tenantId, subject)
        return known ?? (yield* use(tenantId, subject, stored.find(tenantId, subject)))
      })

      const create = Effect.fnUntraced(function* (tenantId: TenantId, subject: string) {
        const fresh = yield* random.randomBytes(32)
        const wrapped = yield* master.wrap("subject-keys", [tenantId, subject], fresh)
        return (yield* use(tenantId, subject, stored.keep(tenantId, subject, wrapped))) ?? Option.none<DataKey>()
      })

      return DataKeys.of({
        find,
        obtain: Effect.fnUntraced(function* (tenantId, subject) {
          return (yield* find(tenantId, subject)) ?? (yield* create(tenantId, subject))
        }),
        evict: (tenantId, subjects) =>
          Effect.sync(() => {
            evictions++
            for (const subject of subjects) remembered.delete(nameOf(tenantId, subject))
          }),
      })
    }),
  )
}

const unwrap = (master: MasterKeys["Service"], tenantId: TenantId, subject: string, wrapped: Wrapped) =>
  Effect.flatMap(master.unwrap("subject-keys", [tenantId, subject], wrapped), (bytes) =>
    Effect.orDie(Aead.key(Aead.aes256Gcm, bytes)),
  )

/** Neither part contains control characters. */
const nameOf = (tenantId: TenantId, subject: string) => `${tenantId}\n${subject}`

const forgetOldest = (remembered: Map<string, unknown>) => {
  for (const name of remembered.keys()) return void remembered.delete(name)
}
