/**
 * How exclusive a value is at an institution: of so many pairs of accounts that one
 * login has there, so many show the same digits, number or IBAN. At a credit union
 * whose masks are member numbers, a mask that is equal proves nothing, even in a
 * tenant that holds a single account of it.
 *
 * Counted over all tenants, because one tenant sees too few. What is kept are bare
 * numbers for each institution: they say nothing about anybody.
 */
import { Context, Duration, Effect, Layer, Ref, Schedule, Stream } from "effect"

import * as AccountsView from "./AccountsView.ts"
import { type Shared, type SharedValues } from "./matching/Evidence.ts"
import { type Profile } from "./matching/Profile.ts"
import { ViewStore } from "./ViewStore.ts"

/** By the institution's id. */
export type Counts = ReadonlyMap<string, SharedValues>

/** The counts that matching uses. Without {@link layer} there are none, and the policy's own assumption holds everywhere. */
export const InstitutionCounts = Context.Reference<Effect.Effect<Counts>>("@holdfast/domain/InstitutionCounts", {
  defaultValue: () => Effect.succeed(new Map()),
})

/**
 * Counts at the start and then now and again, from the live rows of `accounts` of all tenants. It reads every row and
 * holds the profiles while it counts. What cannot be counted now is counted next time; until then the last counts hold.
 */
export const layer = (options: { readonly every?: Duration.Input | undefined } = {}) =>
  Layer.effect(
    InstitutionCounts,
    Effect.gen(function* () {
      const counts = yield* Ref.make<Counts>(new Map())
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
  if (live === undefined || live.version !== AccountsView.version) return new Map<string, SharedValues>()
  const logins = yield* Stream.runFold(
    views.rows<AccountsView.Row>(AccountsView, live),
    () => new Map<string, Array<Profile>>(),
    (logins, { row, tenantId }) => {
      for (const { connectionId, profile } of row.feeds) {
        if (profile === null) continue
        const login = JSON.stringify([tenantId, connectionId])
        const profiles = logins.get(login)
        if (profiles === undefined) logins.set(login, [AccountsView.profileIn(profile)])
        else profiles.push(AccountsView.profileIn(profile))
      }
      return logins
    },
  )
  return count(logins.values())
})

/** Counts what the accounts of each login share. */
export const count = (logins: Iterable<ReadonlyArray<Profile>>): Counts => {
  const counts = new Map<string, SharedValues>()
  for (const profiles of logins) {
    for (const [index, one] of profiles.entries()) {
      for (const other of profiles.slice(index + 1)) {
        const { institutionId } = one
        if (institutionId === undefined || institutionId !== other.institutionId) continue
        counts.set(institutionId, plus(counts.get(institutionId) ?? none, one, other))
      }
    }
  }
  return counts
}

const none: SharedValues = {
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
