/** Answers that say anything of themselves: mail goes on being fetched, and not too much at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"

import { GmailApi } from "../src/index.ts"
import * as InFlight from "../src/InFlight.ts"
import { tagOf } from "./support.ts"

const id = GmailApi.MessageId.make("m")

/** A Gmail that answers every request for a message with these bytes under these headers. */
const answering = (headers: Readonly<Record<string, string>>, body: () => AsyncIterable<Uint8Array>) => {
  const unasked = () => Promise.reject(new Error("not asked"))
  const users: GmailApi.Users = {
    watch: unasked,
    stop: unasked,
    getProfile: unasked,
    labels: { list: unasked, get: unasked },
    messages: { list: unasked, get: () => Promise.resolve({ status: 200, headers, data: body() }) },
    history: { list: unasked },
  }
  return GmailApi.over(() => users, { rootUrl: "http://127.0.0.1" }).mailbox(Redacted.make("token"))
}

const head = (more = "") => `{"id":"m","threadId":"t","labelIds":[],"historyId":"1","internalDate":"1",${more}"raw":"`

/** A mail in two pieces, so that its size is nobody's but the answer's to say. */
async function* inPieces(more?: string) {
  yield Buffer.from(`${head(more)}aGV5`)
  await Promise.resolve()
  yield Buffer.from('aGV5"}')
}

describe("An answer", () => {
  for (const length of ["0", "3", "-5", "5, 5", "many", "", "1e30", "Infinity", "9007199254740993"]) {
    it.effect(`of the length '${length}' is of a size that can be waited for, and passes once it is given back`, () =>
      Effect.gen(function* () {
        const gmail = answering({ "content-length": length }, () => inPieces())
        const inFlight = InFlight.make(100)
        const sizes: Array<number> = []
        for (let time = 0; time < 2; time++) {
          const { raw } = yield* inFlight.using(({ take }) =>
            gmail.rawMessage(id, {
              admit: (size) =>
                Effect.andThen(
                  Effect.sync(() => void sizes.push(size)),
                  take(size),
                ),
            }),
          )
          assert.strictEqual(Buffer.from(raw).toString(), "heyhey")
        }
        for (const size of sizes) assert.isTrue(Number.isSafeInteger(size) && size >= 0, String(size))
        // Not more than there ever was.
        const both = yield* Effect.forkChild(
          inFlight.using(({ take }) =>
            Effect.andThen(
              take(100),
              inFlight.using((other) => other.take(1)),
            ),
          ),
        )
        yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        assert.isUndefined(both.pollUnsafe())
      }),
    )
  }

  for (const estimate of ["0", "-1", "999999999", "123456789012", "1.5", '"many"', "null"]) {
    it.effect(`that estimates ${estimate} bytes brings the mail that is there`, () =>
      Effect.gen(function* () {
        const sizes: Array<number> = []
        const { raw } = yield* answering({}, () => inPieces(`"sizeEstimate":${estimate},`)).rawMessage(id, {
          admit: (size) => Effect.sync(() => void sizes.push(size)),
        })
        assert.strictEqual(Buffer.from(raw).toString(), "heyhey")
        for (const size of sizes) assert.isTrue(Number.isSafeInteger(size) && size >= 0, String(size))
      }),
    )
  }

  for (const [what, beginning] of [
    ["whose mail", head('"sizeEstimate":10,')],
    ["that does not come to a mail and", '{"snippet":"'],
    ["of whose mail there is more than the mail and that", `${head()}aGV5","snippet":"`],
  ] as const) {
    it.effect(`${what} has no end is not read to the end of the memory`, () =>
      Effect.gen(function* () {
        let sent = 0
        const piece = Buffer.alloc(1 << 20, "QUFB")
        async function* endless() {
          yield Buffer.from(beginning)
          for (;;) {
            await Promise.resolve()
            sent += piece.length
            if (sent > 200_000_000) throw new Error("read on and on")
            yield piece
          }
        }
        assert.strictEqual(yield* tagOf(answering({}, endless).rawMessage(id)), "Unavailable")
        assert.isAtMost(sent, 110_000_000)
      }),
    )
  }
})
