/** A world of its own for a test, a provider that is watched, and what the test tells with. */
import { assert } from "@effect/vitest"
import { Clock, Duration, Effect, type Layer, Logger, Random, References, Tracer } from "effect"

import * as Credentials from "../../Credentials.ts"
import type * as Feed from "../../Feed.ts"
import * as Memory from "../../Memory.ts"
import { type Provider, type ProviderError, type Source } from "../../Provider.ts"
import { inhabited } from "../household.ts"
import * as Reader from "./Reader.ts"
import * as Witness from "./Witness.ts"
import { type World } from "./World.ts"

export const stores = inhabited(Memory.layer)
export type Stores = Layer.Success<typeof stores>

/** What a test has to tell with. */
export interface Scene {
  readonly world: World
  /** The world's, watched. */
  readonly provider: Provider
  readonly source: Source
  /** Asks with credentials that are renewed where they are too old, as the engine does. */
  readonly ask: Reader.Ask
  /** Whatever the provider can be asked for a source, from where a reader stands and from the beginning. */
  readonly everything: (reading: Reader.Reader) => ReadonlyArray<Effect.Effect<void, ProviderError>>
  readonly deliver: World["deliver"]
  readonly delivered: () => ReadonlyArray<Feed.ItemId>
  readonly paged: NonNullable<World["paged"]>
  readonly reader: (held?: ReadonlyArray<Feed.ItemId>, of?: Source) => Reader.Reader
  /** So much time is over, by the clock of the adapter and the engine. */
  readonly advance: (by: Duration.Input) => Effect.Effect<void>
  readonly confidential: () => ReadonlyArray<string>
  /** What of it can be reached from these. */
  readonly escaped: (from: ReadonlyArray<unknown>) => ReadonlyArray<string>
  readonly heard: () => { readonly causes: number; readonly logs: number; readonly spans: number }
  /** What was begun and has not ended, by name. */
  readonly unended: () => ReadonlyArray<string>
}

/** Opens a world for a test, and watches it. */
export const staged = <A, E, R, OpenError, OpenR>(
  open: Effect.Effect<World, OpenError, OpenR>,
  tell: (scene: Scene) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const witness = Witness.make()
    const { advance, clock } = movable(yield* Clock.Clock)
    yield* Effect.gen(function* () {
      const world = yield* open
      witness.keeps(world.confidential, world.secret)
      const provider = witness.watched(world)
      const [source] = yield* provider.sources(world.secret, world.settings)
      if (source === undefined) return yield* Effect.die("the world has no source")
      const delivered: Array<Feed.ItemId> = []
      const ask = Reader.asking(provider, world.secret)
      yield* Effect.ensuring(
        tell({
          world,
          provider,
          source,
          ask,
          everything: (reading) => [
            Effect.asVoid(reading.page),
            Effect.asVoid(Reader.make(provider, ask, source, [], () => delivered).page),
            Effect.asVoid(ask((secret) => provider.sources(secret, world.settings))),
          ],
          deliver: (count) => Effect.tap(world.deliver(count), (ids) => Effect.sync(() => delivered.push(...ids))),
          delivered: () => delivered,
          paged: world.paged ?? (() => (effect) => effect),
          reader: (held, of = source) => Reader.make(provider, ask, of, held ?? [], () => delivered),
          advance,
          ...witness,
        }),
        world.recover,
      )
    }).pipe(
      Effect.provideService(Clock.Clock, clock),
      Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 0, nextIntUnsafe: () => 0 }),
      Effect.provideService(Credentials.ConfirmAfter, Duration.zero),
      Effect.provideService(Tracer.Tracer, witness.tracer),
      Effect.provideService(References.MinimumLogLevel, "All"),
      Effect.provide(Logger.layer([witness.logger])),
    )
    assert.deepStrictEqual(witness.escaped(witness.all()), [], "what is confidential was told")
  })

/** A clock that can be put forward. */
const movable = (clock: Clock.Clock) => {
  let added = 0
  const now = () => clock.currentTimeMillisUnsafe() + added
  const nanos = () => clock.currentTimeNanosUnsafe() + BigInt(added) * 1_000_000n
  const moved: Clock.Clock = {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(added) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => clock.monotonicTimeNanosUnsafe() + BigInt(added) * 1_000_000n),
    sleep: (duration) => clock.sleep(duration),
  }
  return {
    clock: moved,
    advance: (by: Duration.Input) =>
      Effect.sync(() => {
        added += Duration.toMillis(Duration.fromInputUnsafe(by))
      }),
  }
}
