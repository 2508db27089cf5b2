import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, DateTime, Duration, Schema } from "effect"

import { Connection, Ids } from "../src/index.ts"
import { isDue, judge } from "../src/SyncDrift.ts"

const Happening = Schema.Literals(["arrives", "arrives unseen", "is binned", "leaves", "leaves unseen", "nothing"])
const happenings = Arbitrary.array(Arbitrary.schema(Happening), { maxLength: 40 })
const seen = Arbitrary.array(Arbitrary.schema(Schema.Literals(["arrives", "is binned", "leaves", "nothing"])), {
  maxLength: 40,
})

describe("A count that is compared with what is known", () => {
  it.prop(
    "hides no loss for longer than a week, whatever it counts and whatever else went unnoticed",
    [happenings, Schema.Boolean],
    ([happenings, countsBin]) => {
      const box = new Mailbox(countsBin)
      box.look()
      for (const happening of happenings) {
        box.happens(happening)
        box.look()
      }
      for (let day = 0; day < 6; day++) box.look()
      assert.deepStrictEqual(box.lost, [])
    },
    { arbitrary: { runs: 400 } },
  )

  it.prop(
    "has everything listed once a week and no more where nothing was lost",
    [seen, Schema.Boolean],
    ([happenings, countsBin]) => {
      const box = new Mailbox(countsBin)
      for (const happening of happenings) {
        box.look()
        box.happens(happening)
      }
      box.look()
      assert.isAtMost(box.compared, 1 + Math.floor(happenings.length / 7))
    },
    { arbitrary: { runs: 400 } },
  )

  it("finds a loss by the second look where it does not agree", () => {
    const box = new Mailbox(false)
    box.look()
    box.happens("arrives unseen")
    box.look()
    assert.deepStrictEqual(box.lost, [1])
    box.look()
    assert.deepStrictEqual(box.lost, [])
  })

  // The smallest histories in which it agrees and something is missing.
  for (const happenings of [
    ["arrives", "is binned", "arrives unseen"],
    ["arrives", "leaves unseen", "arrives unseen"],
  ] as const) {
    it(`finds a loss within a week where it does agree: ${happenings.join(", ")}`, () => {
      const box = new Mailbox(false)
      box.look()
      for (const happening of happenings) box.happens(happening)
      for (let day = 1; day < 7; day++) {
        box.look()
        assert.deepStrictEqual([day, box.lost], [day, [2]])
      }
      box.look()
      assert.deepStrictEqual(box.lost, [])
    })
  }

  it("is compared at once where nobody knows when it was last, and where the clock was put back before that", () => {
    const week = Duration.days(7)
    const now = DateTime.makeUnsafe("2026-11-21T12:00:00Z")
    assert.isTrue(isDue(undefined, now, week))
    assert.isTrue(isDue(DateTime.add(now, { minutes: 1 }), now, week))
    assert.isTrue(isDue(DateTime.subtract(now, { days: 7 }), now, week))
    assert.isFalse(isDue(DateTime.subtract(now, { days: 6, hours: 23 }), now, week))
    assert.isFalse(isDue(now, now, week))
  })
})

type Happening = (typeof Happening)["Type"]

/** A mailbox, what is known of it, and a look at it every day. */
class Mailbox {
  readonly #listed = new Set<number>()
  readonly #binned = new Set<number>()
  readonly #held = new Set<number>()
  readonly #away = new Set<number>()
  readonly #countsBin: boolean
  #state = Connection.initial
  #now = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
  #next = 1
  compared = 0

  constructor(countsBin: boolean) {
    this.#countsBin = countsBin
  }

  /** What is listed and not held. */
  get lost() {
    return [...this.#listed].filter((id) => !this.#held.has(id))
  }

  happens(happening: Happening) {
    const [oldest] = this.#listed
    if (happening === "arrives" || happening === "arrives unseen") {
      const id = this.#next++
      this.#listed.add(id)
      if (happening === "arrives") this.#held.add(id)
    } else if (happening !== "nothing" && oldest !== undefined) {
      this.#listed.delete(oldest)
      if (happening === "is binned") this.#binned.add(oldest)
      if (happening === "leaves" && this.#held.has(oldest)) this.#away.add(oldest)
    }
  }

  look() {
    this.#now = DateTime.add(this.#now, { days: 1 })
    if (this.#judged(false)) {
      this.#compare()
      this.#judged(true)
    }
  }

  #judged(isCompared: boolean) {
    const binned = [...this.#binned].filter((id) => this.#held.has(id)).length
    const { drift, isToCompare } = judge(this.#state.drifts[feedId], {
      items:
        this.#listed.size + (this.#countsBin ? this.#binned.size : 0) - (this.#held.size - this.#away.size - binned),
      binned,
      away: this.#away.size,
      isCompared,
      isDue: isDue(this.#state.comparedAt[feedId], this.#now, Duration.days(7)),
    })
    if (drift !== undefined || isCompared) {
      const synced = Connection.Event.cases.synced.make({
        at: this.#now,
        feedId,
        run: "run",
        cursorBefore: null,
        cursorAfter: "1",
        items: 0,
        complete: true,
        ...(drift !== undefined && { drift }),
        ...(isCompared && { compared: true }),
      })
      this.#state = Connection.evolve(this.#state, synced)
    }
    return isToCompare
  }

  #compare() {
    this.compared++
    for (const id of this.#listed) {
      this.#held.add(id)
      this.#away.delete(id)
    }
    for (const id of this.#held) if (!this.#listed.has(id) && !this.#binned.has(id)) this.#away.add(id)
  }
}

const feedId = Ids.FeedId.make("00000000-0000-8000-a000-000000000003")
