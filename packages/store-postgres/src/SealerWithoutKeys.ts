/**
 * Sealing where no master key was given: nothing is sealed, and what was sealed stays closed. For those who work with
 * the clear part of events only, so that they need not be trusted with keys.
 */
import { Sealer } from "@holdfast/domain"
import { Effect, Layer } from "effect"

const refused = Effect.fail(new Sealer.SealingError({ reason: "unknown-master-key" }))

export const service: Sealer.Sealer["Service"] = { seal: () => refused, open: () => refused }

export const layer = Layer.succeed(Sealer.Sealer, service)
