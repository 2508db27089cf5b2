/**
 * Sealing on Node.js's own cryptography and zlib: the same bytes as in any other
 * runtime, without a trip through the thread pool for each event and identifier.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from "node:crypto"
import { deflateRawSync, inflateRawSync } from "node:zlib"

import { NodeCrypto } from "@effect/platform-node"
import { Compression } from "@holdfast/domain"
import { Effect, Layer } from "effect"
import { Aead, type Digest, Mac } from "effect/crypto"

const tagLength = 16

const aes256Gcm: Aead.Implementation = {
  encrypt: (key, nonce, plaintext, aad) => {
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(aad)
    const sealed = new Uint8Array(plaintext.length + tagLength)
    sealed.set(cipher.update(plaintext))
    cipher.final()
    sealed.set(cipher.getAuthTag(), plaintext.length)
    return sealed
  },
  decrypt: (key, nonce, ciphertext, aad) => {
    const end = ciphertext.length - tagLength
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength })
      .setAAD(aad)
      .setAuthTag(ciphertext.subarray(end))
    const plaintext = decipher.update(ciphertext.subarray(0, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return plaintext
  },
}

/** A matching hashes some hundred identifiers, none longer than a line: to import the key takes five times as long. */
const hmac = (hash: Digest.Algorithm["name"], key: Uint8Array, data: Uint8Array): Uint8Array => {
  const imported = importedKeys.get(key) ?? createSecretKey(key)
  importedKeys.set(key, imported)
  return createHmac(hash, imported).update(data).digest()
}

/** As long as whoever has the bytes keeps them. They do not change. */
const importedKeys = new WeakMap<Uint8Array, KeyObject>()

/** Mails of 100 KB: level 1 is three times as fast as the default and a fifth larger. */
const level = 1

const compression = Layer.succeed(Compression.Compression, {
  deflate: (bytes) => Effect.sync(() => deflateRawSync(bytes, { level })),
  inflate: (bytes) => Effect.sync(() => inflateRawSync(bytes)),
})

/** All of `effect/crypto`, with AES-256-GCM, HMAC and compression on native code. */
export const layer = Layer.mergeAll(
  NodeCrypto.layer,
  Aead.layerWebCryptoWith({ implementations: { aes256Gcm } }).pipe(Layer.provide(NodeCrypto.layer)),
  Mac.layerWebCryptoWith({ hmac }).pipe(Layer.provide(NodeCrypto.layer)),
  compression,
)
