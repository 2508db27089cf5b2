/**
 * The host's master keys: the only secrets that are not in the database.
 *
 * A master key encrypts no data. From each one a key per {@link Purpose} is
 * derived (HKDF-SHA256), and those wrap the data keys of subjects and the
 * credentials in the vault. What is wrapped names the master key it needs, so
 * that several can be in use while one replaces another:
 *
 * 1. give every process the new key beside the old one;
 * 2. make the new one current;
 * 3. run `KeyRotation.rotate` until nothing is left under the old one;
 * 4. take the old one away.
 */
import { Config, Context, Effect, Layer, Redacted, Result, Schema } from "effect"
import { Aead, Kdf, SecureRandom } from "effect/crypto"
import { Base64 } from "effect/encoding"

import * as Utf8 from "./Utf8.ts"

/** What a derived key is for. The names are part of the derivation: they must never change. */
export type Purpose = "subject-keys" | "credentials"

/** Encrypted under a key derived from a master key. */
export interface Wrapped {
  readonly masterKeyId: string
  /** Nonce (12 bytes), ciphertext, tag (16 bytes). */
  readonly bytes: Uint8Array
}

/** The master keys that were given cannot be used. Nothing was read or written. */
export class InvalidMasterKeys extends Schema.TaggedError<InvalidMasterKeys>()("InvalidMasterKeys", {
  /** What is wrong, by the id of the key; never the key. */
  problem: Schema.String,
}) {}

/**
 * Something wrapped cannot be unwrapped: its master key is not among those given,
 * or it is damaged or stands where it does not belong. Asking again helps only
 * once the key is given.
 */
export class CannotUnwrap extends Schema.TaggedError<CannotUnwrap>()("CannotUnwrap", {
  reason: Schema.Literals(["unknown-master-key", "damaged"]),
}) {}

export interface Options {
  /** The id of the key under which everything new is wrapped. */
  readonly current: string
  /** 32 random bytes each, by id. An id is stored with what it wraps, and never used for another key. */
  readonly keys: Readonly<Record<string, Redacted.Redacted<Uint8Array>>>
}

export class MasterKeys extends Context.Service<
  MasterKeys,
  {
    readonly current: string
    /** `place` says where the result will stand; it opens nowhere else. */
    wrap(purpose: Purpose, place: ReadonlyArray<string>, plain: Uint8Array): Effect.Effect<Wrapped>
    unwrap(purpose: Purpose, place: ReadonlyArray<string>, wrapped: Wrapped): Effect.Effect<Uint8Array, CannotUnwrap>
  }
>()("@holdfast/domain/MasterKeys") {
  static readonly layer = (options: Options) => Layer.effect(MasterKeys, make(options))

  /** From one setting: `<id>:<base64>`, several separated by commas, the current one first. */
  static readonly layerConfig = (setting = "HOLDFAST_MASTER_KEYS") =>
    Layer.effect(
      MasterKeys,
      Effect.gen(function* () {
        const text = yield* Config.Redacted(setting)
        return yield* make(yield* Effect.fromResult(parse(Redacted.value(text))))
      }),
    )
}

/** Reads `<id>:<base64>,<id>:<base64>`: the current key first. */
export const parse = (text: string): Result.Result<Options, InvalidMasterKeys> =>
  Result.gen(function* () {
    const entries = text.split(",").map((entry) => entry.trim().split(":"))
    const keys = new Map<string, Redacted.Redacted<Uint8Array>>()
    for (const [index, [id = "", encoded = ""]] of entries.entries()) {
      const bytes = Base64.decode(encoded)
      if (id === "" || encoded === "" || Result.isFailure(bytes)) return yield* Result.fail(malformed(index))
      if (keys.has(id)) return yield* Result.fail(new InvalidMasterKeys({ problem: `Two keys are named ${id}` }))
      keys.set(id, Redacted.make(bytes.success))
    }
    return { current: entries[0]?.[0] ?? "", keys: Object.fromEntries(keys) }
  })

const malformed = (index: number) =>
  new InvalidMasterKeys({ problem: `Entry ${index + 1} is not of the form <id>:<base64>` })

const make = Effect.fnUntraced(function* ({ current, keys }: Options) {
  const aead = yield* Aead.Aead
  const random = yield* SecureRandom.SecureRandom
  const byId = new Map(
    yield* Effect.forEach(Object.entries(keys), ([id, key]) =>
      Effect.map(deriveAll(id, key), (all) => [id, all] as const),
    ),
  )
  const ours = byId.get(current)
  if (ours === undefined) return yield* new InvalidMasterKeys({ problem: "The current key is not among the keys" })

  return MasterKeys.of({
    current,

    wrap: Effect.fnUntraced(function* (purpose, place, plain) {
      const nonce = yield* random.randomBytes(nonceLength)
      const aad = boundTo(purpose, current, place)
      const sealed = yield* Effect.orDie(aead.encrypt(ours[purpose], plain, { nonce, aad }))
      const bytes = new Uint8Array(nonceLength + sealed.length)
      bytes.set(nonce)
      bytes.set(sealed, nonceLength)
      return { masterKeyId: current, bytes }
    }),

    unwrap: Effect.fnUntraced(function* (purpose, place, { bytes, masterKeyId }) {
      const derived = byId.get(masterKeyId)
      if (derived === undefined) return yield* new CannotUnwrap({ reason: "unknown-master-key" })
      const nonce = bytes.subarray(0, nonceLength)
      const aad = boundTo(purpose, masterKeyId, place)
      return yield* Effect.mapError(
        aead.decrypt(derived[purpose], bytes.subarray(nonceLength), { nonce, aad }),
        () => new CannotUnwrap({ reason: "damaged" }),
      )
    }),
  })
})

const nonceLength = 12

const deriveAll = Effect.fnUntraced(function* (id: string, key: Redacted.Redacted<Uint8Array>) {
  const secret = Redacted.value(key)
  if (secret.length !== 32) return yield* new InvalidMasterKeys({ problem: `The key ${id} must have 32 bytes` })
  const kdf = yield* Kdf.Kdf
  const derive = (purpose: Purpose) =>
    kdf
      .derive(Kdf.hkdfSha256, secret, {
        salt: new Uint8Array(32),
        info: Utf8.encode(`holdfast ${purpose}`),
        length: 32,
      })
      .pipe(
        Effect.flatMap((bytes) => Aead.key(Aead.aes256Gcm, bytes)),
        Effect.orDie,
      )
  return { "subject-keys": yield* derive("subject-keys"), credentials: yield* derive("credentials") }
})

const boundTo = (purpose: Purpose, masterKeyId: string, place: ReadonlyArray<string>) =>
  Utf8.encode(JSON.stringify([purpose, masterKeyId, ...place]))
