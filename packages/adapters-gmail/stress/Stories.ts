/** Many stories, some at once, and what became of them. */
import { Cause, Effect, Exit, Logger } from "effect"

import { Broken, type Told } from "./Schedule.ts"

export interface Options {
  readonly schedules: number
  /** The seed of the first one. */
  readonly first: number
  readonly atOnce: number
}

/** Plays them, says how far it came, and ends the process with 1 at the first that does not hold. */
export const playAll = async <E>(
  story: (seed: number) => Effect.Effect<Told, E>,
  { atOnce, first, schedules }: Options,
): Promise<void> => {
  const began = performance.now()
  let [played, messages, runs, requests] = [0, 0, 0, 0]
  const playOne = (seed: number) =>
    Effect.gen(function* () {
      const told = yield* Effect.onError(Effect.provide(story(seed), Logger.layer([])), () =>
        say(`Seed ${seed} ended otherwise`),
      )
      played++
      messages += told.messages
      runs += told.runs
      requests += told.requests
      if (played % 1_000 !== 0 && played !== schedules) return
      const seconds = Math.round((performance.now() - began) / 1_000)
      const counts = `${messages} messages in ${runs} runs with ${requests} requests`
      yield* say(`${played} schedules: 0 lost, 0 doubled of ${counts}, ${seconds} s`)
    })
  const seeds = Array.from({ length: schedules }, (_, index) => first + index)
  const exit = await Effect.runPromiseExit(Effect.forEach(seeds, playOne, { concurrency: atOnce, discard: true }))
  if (Exit.isSuccess(exit)) return
  const failure = Cause.squash(exit.cause)
  await Effect.runPromise(say(failure instanceof Broken ? `Seed ${failure.seed}: ${failure.what}` : String(failure)))
  process.exitCode = 1
}

const say = (line: string) =>
  Effect.sync(() => {
    process.stdout.write(`${line}\n`)
  })
