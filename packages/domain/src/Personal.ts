/**
 * Personal data inside an event.
 *
 * An event keeps what is personal in one field, `personal`. It never stands in
 * the clear part of the log: it is sealed under the data key of the event's
 * stream, and reads as `Forgotten` once that key is destroyed.
 */
import { Option, Redacted, Schema } from "effect"

export type Personal<A> =
  | { readonly _tag: "Revealed"; readonly value: Redacted.Redacted<A> }
  /** The subject was forgotten; nobody can read this any more. */
  | { readonly _tag: "Forgotten" }
  /** The reader did not ask for personal data. */
  | { readonly _tag: "Withheld" }

/** The field `personal` of an event whose personal part has this shape. */
export const of = <S extends Schema.Struct<Schema.Struct.Fields>>(shape: S) =>
  Schema.TaggedUnion({
    Revealed: { value: Schema.RedactedFromValue(shape) },
    Forgotten: {},
    Withheld: {},
  })

export const reveal = <A>(value: A): Personal<A> => ({ _tag: "Revealed", value: Redacted.make(value) })

export const forgotten: Personal<never> = { _tag: "Forgotten" }

export const withheld: Personal<never> = { _tag: "Withheld" }

/** What can still be read, for whoever is about to show it. */
export const value = <A>(personal: Personal<A>): Option.Option<A> =>
  personal._tag === "Revealed" ? Option.some(Redacted.value(personal.value)) : Option.none()
