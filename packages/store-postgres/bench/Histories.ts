/**
 * Invented histories of connections: the same events for every contestant.
 *
 * A connection is made, synced again and again, its token is refreshed, and in
 * the end it breaks and is superseded. The events are those of the domain, encoded
 * by its codec; only the personal part is left out, so that no contestant is
 * measured at encryption.
 */
import { randomUUID } from "node:crypto"

import { Connection, type EventStore, Ids, Personal } from "@holdfast/domain"
import { DateTime, Schema } from "effect"

/** An event as contestants write it: the clear part as JSON. */
export interface Line {
  readonly streamId: string
  readonly version: number
  readonly eventId: string
  readonly type: string
  readonly data: EventStore.EncodedEvent["data"]
}

export const tenantId = Ids.TenantId.make("workspace-1")

export const metadata: EventStore.Metadata = {
  actor: { kind: "system" },
  correlationId: "6f1c2f6e-5a0e-4a5a-9b1e-3d9b8f9d2a11",
}

/** Events of each connection. */
const length = 20

/** `count` events of `count / 20` connections, as they come in: many connections at a time, in turn. */
export function* histories(count: number): Generator<Line> {
  const atOnce = 500
  for (let written = 0; written < count;) {
    const ids = Array.from({ length: Math.min(atOnce, Math.ceil((count - written) / length)) }, () => randomUUID())
    for (let version = 1; version <= length; version++) {
      for (const id of ids) {
        if (written === count) return
        yield lineOf(id, version)
        written += 1
      }
    }
  }
}

/** The events of a new connection, one by one and without end. */
export const endless = () => {
  const id = randomUUID()
  let version = 0
  return (): Line => {
    version += 1
    return lineOf(id, version)
  }
}

/** As the library is given it. */
export const encoded = ({ data, eventId, type }: Line): EventStore.EncodedEvent => ({
  id: Ids.EventId.make(eventId, { disableChecks: true }),
  type,
  schemaVersion: 1,
  data,
})

const lineOf = (id: string, version: number): Line => {
  const { data, type } = shapes[(version - 1) % length] ?? connected
  const own = type === "connected" ? { ...data, authorization: id, slot: `owner-1:gmail:${id}` } : data
  return { streamId: `connection-${id}`, version, eventId: randomUUID(), type, data: own }
}

const at = (version: number) => DateTime.makeUnsafe(Date.UTC(2026, 0, version, 12, 30))

const eventAt = (version: number): Connection.Event => {
  if (version === 1) {
    return {
      _tag: "connected",
      at: at(version),
      provider: Ids.ProviderId.make("gmail"),
      ownerId: Ids.OwnerId.make("owner-1"),
      slot: "overwritten",
      pollIntervalSeconds: 300,
      settings: { label: "Reservations" },
      authorization: Ids.AuthorizationRef.make("overwritten"),
      door: "callback",
      identity: Ids.IdentityHash.make("5e".repeat(32)),
      scopes: ["https://www.googleapis.com/auth/gmail.readonly"],
      credentialVersion: 1,
      personal: Personal.withheld,
    }
  }
  if (version === length) return { _tag: "disconnected", at: at(version), reason: "owner" }
  if (version === length - 1) return { _tag: "authorization_failed", at: at(version), reason: "expired" }
  if (version % 6 === 0) return { _tag: "token_refreshed", at: at(version), credentialVersion: version / 6 + 1 }
  return {
    _tag: "synced",
    at: at(version),
    feedId: Ids.FeedId.make("0c9d1d0a-3f0e-4f39-8e54-7b8a3c1d2e4f"),
    run: `run-${version}`,
    cursorBefore: version === 2 ? null : `history-${1_000_000 + version - 1}`,
    cursorAfter: `history-${1_000_000 + version}`,
    items: version * 3,
    complete: true,
  }
}

const encode = Schema.encodeSync(Connection.Event)

/** Encoded once: making up events is not what is measured. */
const shapes = Array.from({ length }, (_version, index) => {
  const { _tag: type, personal: _, ...data } = { personal: undefined, ...encode(eventAt(index + 1)) }
  return { type, data: data satisfies EventStore.EncodedEvent["data"] }
})

const [connected = { type: "connected", data: {} }] = shapes
