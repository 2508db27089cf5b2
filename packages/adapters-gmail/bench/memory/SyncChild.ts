/** Connects a mailbox of the Google at an address, syncs it once, and says how many mails it recorded. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { GmailApi, GmailProvider, GmailSecret, GoogleOAuth, Labels } from "@holdfast/adapters-gmail"
import {
  Aggregate,
  Connection,
  EventStoreMemory,
  Ids,
  KeyedHash,
  Leases,
  Personal,
  Sealer,
  Sync,
  Vault,
  ViewStoreMemory,
} from "@holdfast/domain"
import { DateTime, Effect, Layer, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"

const rootUrl = process.argv.at(-1) ?? ""

const google = Layer.merge(
  GmailApi.GmailApi.layer({ rootUrl }),
  GoogleOAuth.GoogleOAuth.layer({ clientId: "", clientSecret: Redacted.make(""), redirectUri: "" }),
)

const stores = Layer.mergeAll(
  EventStoreMemory.layer,
  ViewStoreMemory.layer,
  KeyedHash.KeyedHash.layer,
  Leases.Leases.layerMemory,
  Layer.provide(Vault.Vault.layer, Vault.CredentialRows.layerMemory),
).pipe(Layer.provideMerge(Sealer.Sealer.layerMemory), Layer.provideMerge(NodeCrypto.layer))

const identity = Ids.IdentityHash.make("a".repeat(64))

const program = Effect.gen(function* () {
  const tenantId = Ids.TenantId.make("harbour")
  const id = Ids.ConnectionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV4())
  const secret = GmailSecret.write({
    _tag: "Granted",
    state: "",
    session: "",
    accessToken: "token",
    refreshToken: "token",
    expiresAt: DateTime.addDuration(yield* DateTime.now, "1 hour"),
    scopes: [],
    identity,
    address: "ada@example.com",
  })
  yield* (yield* Vault.Vault).put(tenantId, id, secret, { replaces: 0 })
  const connect: Connection.Command = {
    _tag: "Connect",
    at: yield* DateTime.now,
    provider: GmailProvider.id,
    ownerId: Ids.OwnerId.make("ada"),
    pollIntervalSeconds: 60,
    settings: { [Labels.nameSetting]: "Reservations", [Labels.idSetting]: "Label_1" },
    authorization: Ids.AuthorizationRef.make(id),
    door: "callback",
    identity,
    scopes: [],
    credentialVersion: 1,
    personal: Personal.withheld,
  }
  yield* Aggregate.handle(Connection)(tenantId, id, connect, { metadata: { actor: Ids.system } })
  return (yield* Sync.run(yield* GmailProvider.make, tenantId, id)).added
})

const added = await Effect.runPromise(Effect.provide(program, Layer.merge(google, stores)))
console.log(added)
