import { Feed, Ids } from "@holdfast/domain"
import { providerContract, type ProviderWorld } from "@holdfast/domain/testing"
import { Effect, Redacted } from "effect"

import { GmailProvider, GmailSecret, Labels } from "../src/index.ts"
import { type Failure, GmailSimulator, Mails, simulatedClient } from "../src/testing/index.ts"
import { granted, simulated } from "./support.ts"

const label = "Reservations"

const failures = {
  // As Gmail usually says it, with 403.
  "rate-limited": "rateLimitExceeded",
  unavailable: "unavailable",
  dropped: "dropBeforeWork",
  unanswered: "dropAfterWork",
  truncated: "truncatedBody",
  hanging: "hang",
} as const satisfies Record<ProviderWorld.Mishap["kind"], Failure>

let mailboxes = 0
let mails = 0

/** A mailbox of somebody who has consented, with a label to watch. */
const open = Effect.gen(function* () {
  const simulator = yield* GmailSimulator
  yield* simulator.rotateRefreshTokens(true)
  const address = `guest-${++mailboxes}@example.com`
  yield* simulator.addMailbox(address)
  yield* simulator.label(address, label)
  const identity = Ids.IdentityHash.make(mailboxes.toString(16).padStart(64, "0"))
  const grant = yield* granted(address)
  return {
    provider: yield* GmailProvider.make,
    secret: GmailSecret.write({
      _tag: "Granted",
      state: "state",
      session: "browser",
      accessToken: Redacted.value(grant.accessToken),
      refreshToken: Redacted.value(grant.refreshToken),
      expiresAt: grant.expiresAt,
      scopes: grant.scopes,
      identity,
      address,
    }),
    settings: { [Labels.nameSetting]: label },
    identity,
    confidential: (secret: Parameters<typeof GmailSecret.granted>[0]) => {
      const { accessToken, refreshToken } = GmailSecret.granted(secret)
      return [accessToken, refreshToken, simulatedClient.secret, address, "HM000000"]
    },

    deliver: (count: number) =>
      Effect.map(
        Effect.orDie(
          simulator.deliverAll(
            address,
            Array.from({ length: count }, () => Mails.numbered(++mails)),
            { labels: [label] },
          ),
        ),
        (ids) => ids.map((id) => Feed.ItemId.make(id)),
      ),
    paged:
      (size: number) =>
      <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.provideService(effect, GmailProvider.PageSize, size),

    befall: ({ after = 0, kind, retryAfter, times = 1 }: ProviderWorld.Mishap) =>
      simulator.fail({
        failure: failures[kind],
        after,
        times,
        ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
      }),
    recover: simulator.clearFaults,
    requests: Effect.map(simulator.requests, (requests) => ({
      all: requests.length,
      hanging: requests.filter(({ outcome }) => outcome === "hang").length,
    })),

    revoke: Effect.orDie(simulator.revoke(address)),
    expireCredentials: Effect.orDie(simulator.expireAccessTokens(address)),
    replaceByRenewal: simulator.rotateRefreshTokens("replacing"),
    forgetCursors: Effect.orDie(Effect.andThen(simulator.forgetHistory(address), simulator.forgetPages(address))),
    withdraw: (id: Feed.ItemId) => Effect.orDie(simulator.deleteMessage(address, id)),
    misconfigured: { unset: {}, unknown: { [Labels.nameSetting]: `${label} of another year` } },
  }
})

providerContract(
  "Gmail as a provider",
  simulated(),
  open,
  // A message stays as it is, consents are withdrawn at Google, and mail is no bank.
  ["revision", "removal", "transactions"],
)
