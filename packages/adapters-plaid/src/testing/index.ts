/** A Plaid to test against: banks, Link, Items and webhooks, over real HTTP. */
export {
  type AccountType,
  type Balance,
  type NewAccount,
  type NewTransaction,
  type Numbers,
  type Owner,
  type Posting,
  type RealAccount,
  type RealTransaction,
} from "./Bank.ts"
export { type Control, type ItemView, type NewItem, type NewLogin, NotSimulated } from "./Control.ts"
export { type Failure, type Fault, type Request } from "./Faults.ts"
export * as History from "./History.ts"
export { type Institution, institution, institutions } from "./Institutions.ts"
export { type Mishap, type Webhook } from "./Outbox.ts"
export { type Options, PlaidSimulator } from "./PlaidSimulator.ts"
export { type Limit, type Limits, productionLimits, sandboxLimits } from "./Quotas.ts"
export { userGood } from "./SandboxUsers.ts"
export { type Forgery } from "./SigningKeys.ts"
export { type Readiness, type UpdateStatus } from "./SimulatedItem.ts"
export { StateFileRefused } from "./StateFile.ts"
export { type Client, type LinkSuccess, simulatedClient } from "./SimulatedPlaid.ts"
