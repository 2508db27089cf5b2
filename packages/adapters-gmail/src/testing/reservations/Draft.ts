/** A mail before it is laid out and put into bytes. */
import { type Language } from "./Calendars.ts"
import { type Truth } from "./Truth.ts"

export type Block =
  | { readonly type: "title"; readonly text: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "field"; readonly label: string; readonly value: string }
  /** Side by side: labels above values. */
  | { readonly type: "columns"; readonly columns: ReadonlyArray<Column> }
  | { readonly type: "link"; readonly text: string; readonly href: string }
  | { readonly type: "quote"; readonly intro: string; readonly blocks: ReadonlyArray<Block> }
  /** What is not the same in HTML and in text. */
  | { readonly type: "raw"; readonly html: string; readonly text: string }

export interface Column {
  readonly label: string
  readonly value: string
  readonly below: string
}

export interface Draft {
  readonly language: Language
  /** Display name and address. */
  readonly from: readonly [string, string]
  /** The domain whose signature the mail carries. */
  readonly signedBy: string
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly blocks: ReadonlyArray<Block>
  /** JSON-LD, as it stands in the script element. */
  readonly structured?: string
  readonly truth: Truth
}

export const title = (text: string): Block => ({ type: "title", text })
export const text = (text: string): Block => ({ type: "text", text })
export const field = (label: string, value: string): Block => ({ type: "field", label, value })
export const link = (text: string, href: string): Block => ({ type: "link", text, href })

/** Puts what a pattern names into it. */
export const filled = (pattern: string, values: Readonly<Record<string, string>>): string =>
  pattern.replace(/\{(\w+)\}/g, (hole, name: string) => values[name] ?? hole)
