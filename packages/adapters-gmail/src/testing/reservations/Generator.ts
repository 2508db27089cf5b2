/**
 * Reservation mail whose truth is known, to measure an extractor with: mail of the platforms in the languages of their
 * hosts, laid out and encoded in the ways of real mail, and tricks against whoever believes it.
 *
 * A seed gives the same mail on every machine. The templates come from what such mail is known to look like, not from any
 * extractor: nothing here may import one. All people, places, codes and listings are invented.
 *
 * ```ts
 * const { raw, receivedAt, truth } = ReservationMails.generate(7, { platform: "airbnb", language: "fr" })
 * ```
 */
import { type Kind, type Platform } from "@holdfast/domain/reservations/ReservationFacts"
import * as Random from "@holdfast/domain/testing/population/Random"
import { DateTime } from "effect"

import * as Airbnb from "./Airbnb.ts"
import * as Booking from "./Booking.ts"
import { type Language, languages } from "./Calendars.ts"
import * as Direct from "./Direct.ts"
import { type Draft } from "./Draft.ts"
import * as Elsewhere from "./Elsewhere.ts"
import * as Hostile from "./Hostile.ts"
import { bytesOf, type Message, messageOf } from "./Message.ts"
import { sceneOf } from "./Scene.ts"
import { type Truth } from "./Truth.ts"
import * as Vrbo from "./Vrbo.ts"

export { type Language, languages } from "./Calendars.ts"
export { type Field, type Truth, type Values } from "./Truth.ts"

/** Where a mail comes from: a platform, or neither. */
export type Source = Exclude<Platform, "pms"> | "lodgify" | "engine" | "elsewhere"

export interface Options {
  readonly source?: Source
  readonly language?: Language
  /** Of those that the source has; otherwise drawn. */
  readonly kind?: Kind
  /** True: some trick; or the one of that name. Then the other options do not count. */
  readonly hostile?: boolean | string
  /** Characters of markup around what is said; otherwise drawn, from none to 100 KB. */
  readonly boilerplate?: number
}

export interface Generated {
  readonly raw: Uint8Array
  readonly receivedAt: DateTime.Utc
  readonly language: Language
  readonly truth: Truth
  /** The trick's name. */
  readonly hostile?: string
}

/** The names of all tricks. */
export const tricks: ReadonlyArray<string> = Hostile.names

export const generate = (seed: number, options: Options = {}): Generated => {
  const random = Random.make(0x5eed, seed)
  const source = options.source ?? Random.weighted(random, sources)
  const language = languageOf(random, source, options.language)
  const scene = sceneOf(random, language)
  const trick = trickOf(random, options.hostile)
  const message: Message =
    trick === undefined
      ? messageOf(scene, draftOf[source](scene, options.kind), options.boilerplate)
      : Hostile.tricks[trick](scene)
  return {
    raw: bytesOf(message),
    receivedAt: DateTime.makeUnsafe(scene.receivedAt),
    language: message.draft.language,
    truth: message.draft.truth,
    ...(trick === undefined ? {} : { hostile: trick }),
  }
}

const sources: Readonly<Record<Source, number>> = {
  airbnb: 44,
  vrbo: 24,
  booking: 20,
  lodgify: 4,
  engine: 4,
  elsewhere: 4,
}

const languageOf = (random: Random.Random, source: Source, chosen: Language | undefined): Language => {
  if (source === "lodgify") return chosen === "en-GB" || Random.chance(random, 0.3) ? "en-GB" : "en-US"
  return chosen ?? Random.pick(random, languages as readonly [Language, ...Array<Language>])
}

const trickOf = (random: Random.Random, hostile: boolean | string | undefined): Hostile.TrickName | undefined => {
  if (hostile === undefined || hostile === false) return undefined
  const name = hostile === true ? (Hostile.names[Random.below(random, Hostile.names.length)] ?? "") : hostile
  if (!Hostile.isTrick(name)) throw new RangeError(`no trick is called ${name}`)
  return name
}

const draftOf: Readonly<Record<Source, (scene: ReturnType<typeof sceneOf>, kind: Kind | undefined) => Draft>> = {
  airbnb: (scene, kind) => Airbnb.draft(scene, kindOf(scene.random, Airbnb.kinds, kind)),
  vrbo: (scene, kind) => Vrbo.draft(scene, kindOf(scene.random, Vrbo.kinds, kind)),
  booking: (scene, kind) => Booking.draft(scene, kindOf(scene.random, Booking.kinds, kind)),
  lodgify: (scene, kind) => Direct.lodgify(scene, kindOf(scene.random, Direct.lodgifyKinds, kind)),
  engine: (scene, kind) => Direct.engine(scene, kindOf(scene.random, Direct.engineKinds, kind)),
  elsewhere: (scene) => Elsewhere.draft(scene),
}

const kindOf = <K extends Kind>(
  random: Random.Random,
  weights: Readonly<Record<K, number>>,
  chosen: Kind | undefined,
): K => {
  const drawn = Random.weighted(random, weights)
  for (const kind in weights) if (kind === chosen) return kind
  return drawn
}
