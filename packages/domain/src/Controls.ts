/**
 * Switches for emergencies: what they name does nothing until it is enabled again.
 *
 * They are events like any other, so that it can be seen who turned what off, when
 * and why. Nothing is lost by a switch: what was not done is done afterwards.
 */
import { Effect, Equal, Result, Schema } from "effect"

import * as Aggregate from "./Aggregate.ts"
import { StreamId } from "./EventStore.ts"
import { type Actor, ConnectionId, ProviderId, TenantId } from "./Ids.ts"

/** What a switch is for. */
export const Scope = Schema.Union([
  /** Everything that asks a provider or changes a booking. */
  Schema.Struct({ kind: Schema.Literal("all") }),
  /** What changes bookings: mails are still fetched and read. */
  Schema.Struct({ kind: Schema.Literal("enrichment") }),
  Schema.Struct({ kind: Schema.Literal("provider"), id: ProviderId }),
  Schema.Struct({ kind: Schema.Literal("connection"), id: ConnectionId }),
])
export type Scope = typeof Scope.Type

const turned = {
  at: Schema.DateTimeUtcFromString,
  scope: Scope,
  /** For operators; no personal data. */
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))),
}

/**
 * Tags and fields are the storage format: never rename or repurpose one.
 */
export const Event = Schema.TaggedUnion({ sync_disabled: turned, sync_enabled: turned })
export type Event = typeof Event.Type

export const Command = Schema.TaggedUnion({ Disable: turned, Enable: turned })
export type Command = typeof Command.Type

export interface State {
  readonly disabled: ReadonlyArray<Scope>
  /** How often something was enabled again. */
  readonly enabled: number
}

export const initial: State = { disabled: [], enabled: 0 }

export const evolve = (state: State, { _tag, scope }: Event): State => {
  const others = state.disabled.filter((other) => !Equal.equals(other, scope))
  return _tag === "sync_disabled"
    ? { ...state, disabled: [...others, scope] }
    : { disabled: others, enabled: state.enabled + 1 }
}

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>> => {
  const isDisabled = state.disabled.some((scope) => Equal.equals(scope, command.scope))
  if (isDisabled === (command._tag === "Disable")) return Result.succeed([])
  return Result.succeed([{ ...command, _tag: isDisabled ? "sync_enabled" : "sync_disabled" }])
}

export const claims = (): ReadonlyArray<string> => []

export const name = "controls"

/** A tenant has one. */
export const streamId = (): StreamId => StreamId.make(name)

/** The tenant whose switches are for all tenants. No host has one of that name. */
export const everywhere = TenantId.make("@everywhere")

/** An operator turned it off. Asking again helps once it is enabled. */
export class SyncDisabled extends Schema.TaggedError<SyncDisabled>()("SyncDisabled", { scope: Scope }) {}

/** What someone is about to do. */
export interface Work {
  readonly enrichment?: boolean | undefined
  readonly provider?: ProviderId | undefined
  readonly connectionId?: ConnectionId | undefined
}

/** Turns a switch off or on, for a tenant or {@link everywhere}. Says whether it was the other way round before. */
export const turn = Effect.fn("Controls.turn")(function* (
  tenantId: TenantId,
  command: Command,
  { actor }: { readonly actor: Actor },
) {
  const { events } = yield* handle(tenantId, undefined, command, { metadata: { actor } })
  return events.length > 0
})

/** What is turned off for a tenant now: its own switches, and those for all tenants. */
export const standing = Effect.fn("Controls.standing")(function* (tenantId: TenantId) {
  const [own, all] = yield* Effect.all([load(tenantId, undefined), load(everywhere, undefined)], { concurrency: 2 })
  return {
    disabled: [...all.state.disabled, ...own.state.disabled],
    enabled: own.state.enabled + all.state.enabled,
  } satisfies State
})

/** What keeps someone from doing this, if anything. */
export const hindrance = ({ disabled }: State, { connectionId, enrichment = false, provider }: Work) =>
  disabled.find(
    (scope) =>
      scope.kind === "all" ||
      (scope.kind === "enrichment" && enrichment) ||
      (scope.kind === "provider" && scope.id === provider) ||
      (scope.kind === "connection" && scope.id === connectionId),
  )

/** Fails with `SyncDisabled` where a switch is off. */
export const ensureEnabled = Effect.fn("Controls.ensureEnabled")(function* (tenantId: TenantId, work: Work) {
  const state = yield* standing(tenantId)
  const scope = hindrance(state, work)
  return scope === undefined ? state : yield* new SyncDisabled({ scope })
})

const controls = { Event, initial, evolve, decide, claims, streamId }
const load = Aggregate.load(controls)
const handle = Aggregate.handle(controls)
