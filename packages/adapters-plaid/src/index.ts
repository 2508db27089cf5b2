export * as PlaidError from "./PlaidError.ts"
