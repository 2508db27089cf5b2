/** What this host offers: its providers and its broker. */
import { GmailProvider } from "@holdfast/adapters-gmail"
import { PlaidProvider } from "@holdfast/adapters-plaid"
import { type Control, PlaidSimulator } from "@holdfast/adapters-plaid/testing"
import { type Nango, type Provider, Registration } from "@holdfast/domain"
import { Context, Effect, Layer, Option, type Redacted } from "effect"

export class Offer extends Context.Service<
  Offer,
  {
    readonly gmail: Provider.Provider
    readonly plaid: Provider.Provider
    readonly nango: Nango.Settings
    /** Whether Google is the simulator. */
    readonly isSimulated: boolean
    /** The simulated Plaid; none where Plaid is Plaid. */
    readonly banks: Control | undefined
  }
>()("@holdfast/examples/Offer") {
  static readonly layer = (options: { readonly nangoKey: Redacted.Redacted; readonly isSimulated: boolean }) =>
    Layer.effect(
      Offer,
      Effect.gen(function* () {
        return {
          gmail: yield* GmailProvider.make,
          plaid: yield* PlaidProvider.make,
          isSimulated: options.isSimulated,
          banks: Option.getOrUndefined(yield* Effect.serviceOption(PlaidSimulator)),
          nango: {
            keys: [{ id: "nango", key: options.nangoKey }],
            integrations: { "google-calendar": "google-calendar" },
          },
        }
      }),
    )
}

/**
 * Of a mailbox's label and of a calendar each owner has one connection; two logins at one bank are both legitimate. Banks
 * are looked at every few hours, because Plaid tells when there is something new.
 */
export const providers = Registration.Providers.layer({
  gmail: { pollIntervalSeconds: 60 },
  "google-calendar": {},
  plaid: { slot: Registration.severalPerOwner, pollIntervalSeconds: 14_400 },
})
