/** Gmail: consent and tokens, labels and their messages, and mail as it reads. */
export * as GmailApi from "./GmailApi.ts"
export * as GoogleError from "./GoogleError.ts"
export * as GoogleOAuth from "./GoogleOAuth.ts"
export * as Mail from "./Mail.ts"
