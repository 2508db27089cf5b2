/**
 * The only place where credentials live: one current version for each connection,
 * encrypted with AES-256-GCM under a key derived from the host's master key, and
 * bound to its tenant, connection and version.
 *
 * Every write names the version it replaces. Versions only grow, through removals
 * too, so whoever comes late (a refresh that began before the owner connected
 * again, or before the connection was removed) is told so and changes nothing.
 */
import { Context, DateTime, Effect, Layer, Redacted, Schema } from "effect"

import { type EventStoreUnavailable } from "./EventStore.ts"
import { ConnectionId, type TenantId } from "./Ids.ts"
import { MasterKeys, type Wrapped } from "./MasterKeys.ts"
import * as Utf8 from "./Utf8.ts"

/** The credentials of a connection as they are now. */
export interface Credentials {
  /** From 1, growing with every write and removal. */
  readonly version: number
  readonly secret: Redacted.Redacted<string>
  /** By the store's clock. */
  readonly updatedAt: DateTime.Utc
}

/** There are none, or they were removed. Asking again helps once the owner has connected again. */
export class CredentialsNotFound extends Schema.TaggedError<CredentialsNotFound>()("CredentialsNotFound", {
  connectionId: ConnectionId,
}) {}

/** Somebody was first, or removed them. Nothing was written. Read them again and decide anew. */
export class CredentialsConflict extends Schema.TaggedError<CredentialsConflict>()("CredentialsConflict", {
  connectionId: ConnectionId,
  replaces: Schema.Natural,
  /** The version there is; 0 when there is none. */
  actual: Schema.Natural,
}) {}

/**
 * There are credentials, but their master key is not among those given, or they
 * are damaged or stand where they do not belong. Asking again helps only once the
 * key is given; connecting again always does.
 */
export class CredentialsUnreadable extends Schema.TaggedError<CredentialsUnreadable>()("CredentialsUnreadable", {
  connectionId: ConnectionId,
  reason: Schema.Literals(["unknown-master-key", "damaged"]),
}) {}

export class Vault extends Context.Service<
  Vault,
  {
    get(
      tenantId: TenantId,
      connectionId: ConnectionId,
    ): Effect.Effect<Credentials, CredentialsNotFound | CredentialsUnreadable | EventStoreUnavailable>

    /**
     * Writes the next version and returns it. `replaces` is the version that was read, 0 for none. Inside the host's
     * own transaction it commits and rolls back with it. After `EventStoreUnavailable` with outcome `unknown`, read the
     * version to find out.
     */
    put(
      tenantId: TenantId,
      connectionId: ConnectionId,
      secret: Redacted.Redacted<string>,
      options: { readonly replaces: number },
    ): Effect.Effect<number, CredentialsConflict | EventStoreUnavailable>

    /** Destroys what there is. Removing what is not there changes nothing. */
    remove(tenantId: TenantId, connectionId: ConnectionId): Effect.Effect<void, EventStoreUnavailable>
  }
>()("@holdfast/domain/Vault") {
  static readonly layer = Layer.effect(
    Vault,
    Effect.gen(function* () {
      const rows = yield* CredentialRows
      const master = yield* MasterKeys

      return Vault.of({
        get: Effect.fn("Vault.get")(function* (tenantId, connectionId) {
          const row = yield* rows.find(tenantId, connectionId)
          if (row?.wrapped === undefined) return yield* new CredentialsNotFound({ connectionId })
          const { updatedAt, version, wrapped } = row
          const bytes = yield* Effect.mapError(
            master.unwrap("credentials", placeOf(tenantId, connectionId, version), wrapped),
            ({ reason }) => new CredentialsUnreadable({ connectionId, reason }),
          )
          return { version, secret: Redacted.make(Utf8.decode(bytes), { label: "credentials" }), updatedAt }
        }),

        put: Effect.fn("Vault.put")(function* (tenantId, connectionId, secret, { replaces }) {
          const conflict = (row: CredentialRow | undefined) =>
            new CredentialsConflict({ connectionId, replaces, actual: row?.wrapped === undefined ? 0 : row.version })
          const before = yield* rows.find(tenantId, connectionId)
          const held = before?.wrapped === undefined ? 0 : before.version
          if (held !== replaces) return yield* conflict(before)
          const last = before?.version ?? 0
          const version = last + 1
          const place = placeOf(tenantId, connectionId, version)
          const wrapped = yield* master.wrap("credentials", place, Utf8.encode(Redacted.value(secret)))
          if (yield* rows.write(tenantId, connectionId, last, wrapped)) return version
          return yield* conflict(yield* rows.find(tenantId, connectionId))
        }),

        remove: Effect.fn("Vault.remove")(function* (tenantId, connectionId) {
          yield* rows.remove(tenantId, connectionId)
        }),
      })
    }),
  )
}

/** Where a version of credentials stands: it opens nowhere else. */
export const placeOf = (tenantId: TenantId, connectionId: ConnectionId, version: number) => [
  tenantId,
  connectionId,
  String(version),
]

/** What is kept for a connection. */
export interface CredentialRow {
  readonly version: number
  /** None once removed. */
  readonly wrapped: Wrapped | undefined
  readonly updatedAt: DateTime.Utc
}

/** The credentials of one connection, and whose they are. */
export interface CredentialEntry {
  readonly tenantId: TenantId
  readonly connectionId: ConnectionId
  readonly version: number
  readonly wrapped: Wrapped
}

/** The port behind the vault: where the encrypted credentials are kept. A row is never deleted. */
export class CredentialRows extends Context.Service<
  CredentialRows,
  {
    find(
      tenantId: TenantId,
      connectionId: ConnectionId,
    ): Effect.Effect<CredentialRow | undefined, EventStoreUnavailable>
    /** Makes the row's version one more than `last` (0: there is no row), if it still is at `last`. */
    write(
      tenantId: TenantId,
      connectionId: ConnectionId,
      last: number,
      wrapped: Wrapped,
    ): Effect.Effect<boolean, EventStoreUnavailable>
    /** Empties the row and raises its version, if there is something in it. */
    remove(tenantId: TenantId, connectionId: ConnectionId): Effect.Effect<void, EventStoreUnavailable>
    /**
     * Credentials of all tenants that are wrapped under another master key than this one: a page of them, after an
     * entry, by tenant and connection.
     */
    wrappedOtherwise(
      masterKeyId: string,
      after: Pick<CredentialEntry, "connectionId" | "tenantId"> | undefined,
    ): Effect.Effect<ReadonlyArray<CredentialEntry>, EventStoreUnavailable>
    /** Wraps the same version anew, unless it was replaced, removed or wrapped anew by somebody else meanwhile. */
    rewrap(entry: CredentialEntry, wrapped: Wrapped): Effect.Effect<boolean, EventStoreUnavailable>
  }
>()("@holdfast/domain/Vault/CredentialRows") {
  static readonly layerMemory = Layer.sync(CredentialRows, () => {
    const all = new Map<string, CredentialRow & { readonly tenantId: TenantId; readonly connectionId: ConnectionId }>()
    const keyOf = (tenantId: TenantId, connectionId: ConnectionId) => `${tenantId}\n${connectionId}`

    return CredentialRows.of({
      find: Effect.fn("CredentialRowsMemory.find")(function* (tenantId, connectionId) {
        yield* Effect.yieldNow
        return all.get(keyOf(tenantId, connectionId))
      }),
      write: Effect.fn("CredentialRowsMemory.write")(function* (tenantId, connectionId, last, wrapped) {
        yield* Effect.yieldNow
        const updatedAt = yield* DateTime.now
        const key = keyOf(tenantId, connectionId)
        if ((all.get(key)?.version ?? 0) !== last) return false
        all.set(key, { tenantId, connectionId, version: last + 1, wrapped, updatedAt })
        return true
      }),
      remove: Effect.fn("CredentialRowsMemory.remove")(function* (tenantId, connectionId) {
        yield* Effect.yieldNow
        const updatedAt = yield* DateTime.now
        const key = keyOf(tenantId, connectionId)
        const row = all.get(key)
        if (row?.wrapped === undefined) return
        all.set(key, { ...row, version: row.version + 1, wrapped: undefined, updatedAt })
      }),
      wrappedOtherwise: Effect.fn("CredentialRowsMemory.wrappedOtherwise")(function* (masterKeyId, after) {
        yield* Effect.yieldNow
        const afterKey = after === undefined ? "" : keyOf(after.tenantId, after.connectionId)
        return [...all]
          .filter(
            ([key, { wrapped }]) => key > afterKey && wrapped !== undefined && wrapped.masterKeyId !== masterKeyId,
          )
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .slice(0, 100)
          .flatMap(([, { wrapped, ...row }]) => (wrapped === undefined ? [] : [{ ...row, wrapped }]))
      }),
      rewrap: Effect.fn("CredentialRowsMemory.rewrap")(function* (
        { connectionId, tenantId, wrapped: before },
        wrapped,
      ) {
        yield* Effect.yieldNow
        const key = keyOf(tenantId, connectionId)
        const row = all.get(key)
        if (row === undefined || row.wrapped !== before) return false
        all.set(key, { ...row, wrapped })
        return true
      }),
    })
  })
}
