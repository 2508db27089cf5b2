/** What this host offers: its providers and its broker. */
import { GmailProvider } from "@holdfast/adapters-gmail"
import { type Nango, type Provider, Registration } from "@holdfast/domain"
import { Context, Effect, Layer, type Redacted } from "effect"

export class Offer extends Context.Service<
  Offer,
  {
    readonly gmail: Provider.Provider
    readonly nango: Nango.Settings
    /** Whether Google is the simulator. */
    readonly isSimulated: boolean
  }
>()("@holdfast/examples/Offer") {
  static readonly layer = (options: { readonly nangoKey: Redacted.Redacted; readonly isSimulated: boolean }) =>
    Layer.effect(
      Offer,
      Effect.map(GmailProvider.make, (gmail) => ({
        gmail,
        isSimulated: options.isSimulated,
        nango: {
          keys: [{ id: "nango", key: options.nangoKey }],
          integrations: { "google-calendar": "google-calendar" },
        },
      })),
    )
}

/** At most one live connection watches a label of a tenant; of a calendar each owner has one. */
export const providers = Registration.Providers.layer({
  gmail: {
    slot: ({ ownerId, settings }) => `gmail:${settings?.[GmailProvider.labelSetting] ?? ownerId}`,
    pollIntervalSeconds: 60,
  },
  "google-calendar": {},
})
