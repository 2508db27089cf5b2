/**
 * Replaces a master key: everything that is wrapped under another key than the
 * current one is wrapped anew.
 *
 * Nothing that is encrypted under a data key changes, and neither does any hash.
 * Readers and writers go on meanwhile. What is done is done: after a crash, or
 * when processes still wrapped under the old key, run it again.
 */
import { Effect } from "effect"

import { MasterKeys, type Purpose, type Wrapped } from "./MasterKeys.ts"
import { SubjectKeys } from "./SubjectKeys.ts"
import { CredentialRows, placeOf } from "./Vault.ts"

export interface Report {
  readonly subjectKeys: number
  readonly credentials: number
  /** Left as they are: damaged, or wrapped under a master key that is not among those given. */
  readonly unreadable: number
}

/** Wraps everything of all tenants under the current master key. An old one may go once this reports 0, 0, 0. */
export const rotate = Effect.fn("KeyRotation.rotate")(function* () {
  const master = yield* MasterKeys
  const keys = yield* SubjectKeys
  const credentials = yield* CredentialRows

  const rewrapped = yield* all(
    (after?: Entry<typeof keys>) => keys.wrappedOtherwise(master.current, after),
    (entry) =>
      rewrap("subject-keys", [entry.tenantId, entry.subject], entry.wrapped, (wrapped) => keys.rewrap(entry, wrapped)),
  )
  const reencrypted = yield* all(
    (after?: Entry<typeof credentials>) => credentials.wrappedOtherwise(master.current, after),
    (entry) =>
      rewrap("credentials", placeOf(entry.tenantId, entry.connectionId, entry.version), entry.wrapped, (wrapped) =>
        credentials.rewrap(entry, wrapped),
      ),
  )
  return {
    subjectKeys: rewrapped.changed,
    credentials: reencrypted.changed,
    unreadable: rewrapped.unreadable + reencrypted.unreadable,
  } satisfies Report
})

type Outcome = "changed" | "moved-on" | "unreadable"

type Entry<Rows extends { readonly rewrap: (entry: never, wrapped: Wrapped) => unknown }> = Parameters<
  Rows["rewrap"]
>[0]

const rewrap = Effect.fnUntraced(
  function* <E, R>(
    purpose: Purpose,
    place: ReadonlyArray<string>,
    wrapped: Wrapped,
    store: (wrapped: Wrapped) => Effect.Effect<boolean, E, R>,
  ) {
    const master = yield* MasterKeys
    const plain = yield* master.unwrap(purpose, place, wrapped)
    const isStored = yield* store(yield* master.wrap(purpose, place, plain))
    return (isStored ? "changed" : "moved-on") as Outcome
  },
  Effect.catchTag("CannotUnwrap", () => Effect.succeed<Outcome>("unreadable")),
)

/** Page by page to the end, holding nothing in between. */
const all = Effect.fnUntraced(function* <A, E, R>(
  pageAfter: (after?: A) => Effect.Effect<ReadonlyArray<A>, E, R>,
  change: (entry: A) => Effect.Effect<Outcome, E, R | MasterKeys>,
) {
  const counts = { changed: 0, "moved-on": 0, unreadable: 0 }
  let page = yield* pageAfter()
  while (page.length > 0) {
    for (const entry of page) counts[yield* change(entry)]++
    page = yield* pageAfter(page.at(-1))
  }
  return counts
})
