/** The simulated world, and where it is kept between processes. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"

import { Option, Schema } from "effect"

import type { RequestKind } from "./Faults.ts"
import { failedPrecondition, type Reply } from "./GoogleReply.ts"
import { costs2026, type MeteredQuota, QuotaMeter } from "./QuotaMeter.ts"
import * as SimulatedMailbox from "./SimulatedMailbox.ts"
import * as SimulatedOAuth from "./SimulatedOAuth.ts"
import { SimulatedPushes } from "./SimulatedPushes.ts"

export interface WorldOptions {
  /** Addresses that exist from the start. Others are added with `addMailbox`. */
  readonly mailboxes?: ReadonlyArray<string>
  /** The hosts that are registered; `simulatedClient` if absent. */
  readonly clients?: ReadonlyArray<SimulatedOAuth.Client>
  /** Seconds that an access token lasts; 3599 if absent, as at Google. */
  readonly accessTokenLifetime?: number
  /**
   * Whether a refresh also gives a new refresh token, beside which the old one stays good; or which takes its place.
   * Google does neither.
   */
  readonly rotateRefreshTokens?: boolean | "replacing"
  /** What Google charges and allows; what newer projects are charged, without a limit, if absent. */
  readonly quota?: MeteredQuota
  /** Where the world is written after every change, and read from at the start. In memory only if absent. */
  readonly stateFile?: string
}

/** The registration that a simulator knows by default. */
export const simulatedClient: SimulatedOAuth.Client = { id: "simulated-client", secret: "simulated-secret" }

const Snapshot = Schema.fromJsonString(
  Schema.toCodecJson(
    Schema.Struct({ mailboxes: Schema.Array(SimulatedMailbox.Snapshot), oauth: SimulatedOAuth.Snapshot }),
  ),
)

export class SimulatedGoogle {
  readonly oauth: SimulatedOAuth.SimulatedOAuth
  readonly pushes = new SimulatedPushes()
  readonly meter: QuotaMeter
  private readonly byAddress: Map<string, SimulatedMailbox.SimulatedMailbox>
  private readonly stateFile: string | undefined

  private constructor(options: WorldOptions, snapshot?: typeof Snapshot.Type) {
    this.stateFile = options.stateFile
    this.meter = new QuotaMeter(options.quota ?? { costs: costs2026 })
    this.oauth = new SimulatedOAuth.SimulatedOAuth(
      {
        clients: options.clients ?? [simulatedClient],
        accessTokenLifetime: options.accessTokenLifetime ?? 3599,
        rotatesRefreshTokens: options.rotateRefreshTokens ?? false,
      },
      snapshot?.oauth,
    )
    this.byAddress = new Map(
      snapshot?.mailboxes.map((mailbox) => [mailbox.address, new SimulatedMailbox.SimulatedMailbox(mailbox)]),
    )
    for (const address of options.mailboxes ?? []) this.addMailbox(address)
  }

  /** The world of the state file, or a new one. A file that is there and cannot be read is not overwritten: it throws. */
  static open(options: WorldOptions) {
    const { stateFile } = options
    if (stateFile === undefined || !existsSync(stateFile)) return new SimulatedGoogle(options)
    const snapshot = Schema.decodeOption(Snapshot)(readFileSync(stateFile, "utf8"))
    if (Option.isSome(snapshot)) return new SimulatedGoogle(options, snapshot.value)
    throw new Error(`The state file ${stateFile} is malformed: move it away to begin a new world`)
  }

  /** Charges a request about a mailbox, or refuses it. */
  admit(kind: RequestKind, mailbox: SimulatedMailbox.SimulatedMailbox, now: number): Reply | undefined {
    return mailbox.isUnlicensed ? failedPrecondition : this.meter.charge(kind, mailbox.address, now)
  }

  get mailboxes(): ReadonlyArray<SimulatedMailbox.SimulatedMailbox> {
    return [...this.byAddress.values()]
  }

  mailbox(address: string) {
    return this.byAddress.get(address)
  }

  mailboxOf(subject: string) {
    return this.mailboxes.find((mailbox) => mailbox.subject === subject)
  }

  addMailbox(address: string) {
    const existing = this.byAddress.get(address)
    if (existing !== undefined) return existing
    const subject = String(100_000_000_000_000_000_000n + BigInt(this.byAddress.size + 1) * 7_919_104_729n)
    const mailbox = SimulatedMailbox.SimulatedMailbox.empty(address, subject)
    this.byAddress.set(address, mailbox)
    this.save()
    return mailbox
  }

  /** Synchronous, so that no answer about a change leaves before the change is on disk; renamed, so that none is torn. */
  save() {
    if (this.stateFile === undefined) return
    const json = Schema.encodeSync(Snapshot)({
      mailboxes: this.mailboxes.map((mailbox) => mailbox.snapshot),
      oauth: this.oauth.snapshot,
    })
    const next = `${this.stateFile}.${process.pid}`
    writeFileSync(next, json, { mode: 0o600 })
    renameSync(next, this.stateFile)
  }
}
