/**
 * What every receiver of deliveries counts, whoever sends them. Both carry the
 * attributes `broker` and `reason`, and nothing of the delivery.
 */
import { type Effect, Metric } from "effect"

export const refused = Metric.counter("holdfast_deliveries_refused", {
  description: "Deliveries without a valid signature, by reason",
  incremental: true,
})

export const ignored = Metric.counter("holdfast_deliveries_ignored", {
  description: "Signed deliveries that nothing was done about, by reason",
  incremental: true,
})

/** Counts one. */
export const count = (
  counter: typeof refused,
  attributes: { readonly broker: string; readonly reason: string },
): Effect.Effect<void> => Metric.update(Metric.withAttributes(counter, attributes), 1)
