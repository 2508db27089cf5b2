/** A Google to test against: a stateful Gmail and its consent, over real HTTP. */
export { type Control, type Delivery, NotSimulated } from "./Control.ts"
export { type Failure, type Fault, type Request, type RequestKind } from "./Faults.ts"
export { GmailSimulator, type Options } from "./GmailSimulator.ts"
export * as Mails from "./Mails.ts"
export { simulatedClient } from "./SimulatedGoogle.ts"
