/**
 * Work that comes at the same time, done together.
 *
 * A commit has a price of its own, however little is in it: a write to disk, and some changes between processes. Whoever
 * comes while others are under way waits for the next departure and shares the price; whoever comes alone leaves at once.
 */
import { Effect, type Exit } from "effect"

export interface Options<Item, Answer, E> {
  /** How many groups are under way at most. */
  readonly lanes: number
  /** How many items are in a group at most. */
  readonly most: number
  /** Does the work of a group; answers each item in its place. */
  readonly send: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Answer>, E>
}

/**
 * Waits until the group of an item has arrived, and answers for the item.
 *
 * An interrupted caller takes an item back that has not left; a group that has left is not interrupted.
 */
export const make = <Item, Answer, E>({ lanes, most, send }: Options<Item, Answer, E>) => {
  const waiting = new Set<Passenger<Item, Answer, E>>()
  let underWay = 0

  const lane = Effect.gen(function* () {
    // Whoever was answered a moment ago may be coming again.
    yield* Effect.yieldNow
    while (waiting.size > 0) {
      const group = [...waiting].slice(0, most)
      for (const passenger of group) waiting.delete(passenger)
      // Whatever becomes of them, also before anything is sent: those who wait are told.
      const exit = yield* Effect.exit(Effect.suspend(() => send(group.map(({ item }) => item))))
      for (const [index, { arrive }] of group.entries()) arrive(exit, index)
      yield* Effect.yieldNow
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (underWay -= 1))))

  return (item: Item): Effect.Effect<Answer, E> =>
    Effect.callback((resume) => {
      const passenger: Passenger<Item, Answer, E> = {
        item,
        arrive: (exit, index) => resume(Effect.map(exit, (answers) => answers[index] as Answer)),
      }
      waiting.add(passenger)
      if (underWay < lanes) {
        underWay += 1
        Effect.runFork(lane)
      }
      return Effect.sync(() => waiting.delete(passenger))
    })
}

interface Passenger<Item, Answer, E> {
  readonly item: Item
  readonly arrive: (exit: Exit.Exit<ReadonlyArray<Answer>, E>, index: number) => void
}
