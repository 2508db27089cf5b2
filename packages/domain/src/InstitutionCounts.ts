/**
 * How exclusive a value is at an institution: of so many pairs of accounts that one
 * login has there, so many show the same digits, number or IBAN. At a credit union
 * whose masks are member numbers, a mask that is equal proves nothing, even in a
 * tenant that holds a single account of it.
 *
 * Counted over all tenants, because one tenant sees too few. What is kept are bare
 * numbers for each institution: they say nothing about anybody. As every account is
 * read for it, it is counted on the way how many each tenant has.
 */
import { Context, Duration, Effect, Layer, Ref, Schedule, Stream } from "effect"

import * as AccountsView from "./AccountsView.ts"
import { type TenantId } from "./Ids.ts"
import { type Shared, type SharedValues } from "./matching/Evidence.ts"
import { type Profile } from "./matching/Profile.ts"
import { ViewStore } from "./ViewStore.ts"

export interface Counts {
  /** By the institution's id. */
  readonly shared: ReadonlyMap<string, SharedValues>
  /** Open accounts. A matching that knows of none counts them itself. */
  readonly populations: ReadonlyMap<TenantId, number>
}

/** The counts that matching uses. Without {@link layer} there are none, and the policy's own assumption holds everywhere. */
export const InstitutionCounts = Context.Reference<Effect.Effect<Counts>>("@holdfast/domain/InstitutionCounts", {
  defaultValue: () => Effect.succeed(none),
})

/**
 * Counts at the start and then now and again, from the live rows of `accounts` of all tenants. It reads every row and
 * holds the profiles while it counts. What cannot be counted now is counted next time; until then the last counts hold.
 */
export const layer = (options: { readonly every?: Duration.Input | undefined } = {}) =>
  Layer.effect(
    InstitutionCounts,
    Effect.gen(function* () {
      const counts = yield* Ref.make<Counts>(none)
      const refresh = Effect.flatMap(read, (read) => Ref.set(counts, read)).pipe(
        Effect.catch(({ _tag }) => Effect.logWarning(`The institutions were not counted: ${_tag}`)),
      )
      yield* Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced(options.every ?? Duration.hours(1))))
      return Ref.get(counts)
    }),
  )

/** Counts the live rows of `accounts`. */
export const read = Effect.gen(function* () {
  const views = yield* ViewStore
  const live = (yield* views.builds).find(({ state, view }) => view === AccountsView.name && state === "live")
  if (live === undefined || live.version !== AccountsView.version) return none
  const { logins, populations } = yield* Stream.runFold(
    views.rows<AccountsView.Row>(AccountsView, live),
    () => ({ logins: new Map<string, Array<Profile>>(), populations: new Map<TenantId, number>() }),
    (read, { row, tenantId }) => {
      if (row.status === "open") read.populations.set(tenantId, 1 + (read.populations.get(tenantId) ?? 0))
      for (const { connectionId, profile } of row.feeds) {
        if (profile === null) continue
        const login = JSON.stringify([tenantId, connectionId])
        const profiles = read.logins.get(login)
        if (profiles === undefined) read.logins.set(login, [AccountsView.profileIn(profile)])
        else profiles.push(AccountsView.profileIn(profile))
      }
      return read
    },
  )
  return { shared: count(logins.values()), populations } satisfies Counts
})

/** Counts what the accounts of each login share. */
export const count = (logins: Iterable<ReadonlyArray<Profile>>): Counts["shared"] => {
  const counts = new Map<string, SharedValues>()
  for (const profiles of logins) {
    for (const [index, one] of profiles.entries()) {
      for (const other of profiles.slice(index + 1)) {
        const { institutionId } = one
        if (institutionId === undefined || institutionId !== other.institutionId) continue
        counts.set(institutionId, plus(counts.get(institutionId) ?? nothing, one, other))
      }
    }
  }
  return counts
}

const none: Counts = { shared: new Map(), populations: new Map() }

const nothing: SharedValues = {
  iban: { pairs: 0, equal: 0 },
  number: { pairs: 0, equal: 0 },
  mask: { pairs: 0, equal: 0 },
}

const plus = (counts: SharedValues, one: Profile, other: Profile): SharedValues => ({
  iban: one.currency === other.currency ? counted(counts.iban, one.iban, other.iban) : counts.iban,
  number: counted(counts.number, one.number?.token, other.number?.token),
  mask: counted(counts.mask, one.mask?.at(-1), other.mask?.at(-1)),
})

const counted = ({ equal, pairs }: Shared, one: string | undefined, other: string | undefined): Shared =>
  one === undefined || other === undefined
    ? { pairs, equal }
    : { pairs: pairs + 1, equal: equal + (one === other ? 1 : 0) }
