/** Who hears all that is said while a provider is asked, and knows what may not be: errors, logs and spans. */
import { type Cause, Effect, Exit, Logger, References, Tracer } from "effect"

import { type Provider, type ProviderError, type Secret } from "../../Provider.ts"
import { type World } from "./World.ts"

export const make = () => {
  const causes: Array<Cause.Cause<unknown>> = []
  const logs: Array<unknown> = []
  const spans: Array<Tracer.NativeSpan> = []
  const texts = new Set<string>()
  let confidential: World["confidential"] = () => []

  const keeps = (of: World["confidential"], secret: Secret) => {
    confidential = of
    learn(secret)
  }
  const learn = (secret: Secret) => {
    for (const text of confidential(secret)) texts.add(text)
  }
  const watch = <A>(asked: Effect.Effect<A, ProviderError>) =>
    Effect.tapCause(asked, (cause) => Effect.sync(() => causes.push(cause)))

  return {
    keeps,
    watched: ({ provider }: World): Provider => {
      const { items, remove } = provider
      return {
        ...provider,
        refresh: (secret) =>
          Effect.tap(watch(provider.refresh(secret)), (renewed) => Effect.sync(() => learn(renewed))),
        sources: (...args) => watch(provider.sources(...args)),
        page: (...args) => watch(provider.page(...args)),
        ...(items !== undefined && { items: (...args) => watch(items(...args)) }),
        ...(remove !== undefined && { remove: (secret) => watch(remove(secret)) }),
      }
    },
    tracer: Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      },
    }),
    logger: Logger.make<unknown, void>(({ cause, fiber, message }) => {
      logs.push([
        message,
        cause,
        fiber.getRef(References.CurrentLogAnnotations),
        fiber.getRef(References.CurrentLogSpans),
      ])
    }),
    confidential: () => [...texts],
    escaped: (from: ReadonlyArray<unknown>) => {
      const said = textsIn(from)
      return [...texts].filter((text) =>
        said.some((one) => one.includes(text) || one.includes(encodeURIComponent(text))),
      )
    },
    all: (): ReadonlyArray<unknown> => [
      causes,
      logs,
      // What a request brought back is no part of what is told of it.
      spans.map(({ attributes, events, links, name, status }) => [
        name,
        attributes,
        events,
        links.map((link) => link.attributes),
        status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit.cause : undefined,
      ]),
    ],
    heard: () => ({ causes: causes.length, logs: logs.length, spans: spans.length }),
    unended: () => spans.filter(({ status }) => status._tag !== "Ended").map(({ name }) => name),
  }
}

/** All text that can be reached from a value, enumerable or not: whatever prints it can print no more. */
const textsIn = (value: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const seen = new Set<object>()
  const waiting: Array<unknown> = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next === "string") texts.push(next)
    if (typeof next !== "object" || next === null || seen.has(next)) continue
    seen.add(next)
    if (next instanceof Uint8Array) texts.push(String.fromCharCode(...next.subarray(0, 50_000)))
    if (next instanceof Map) waiting.push(...next.keys(), ...next.values())
    if (next instanceof Set) waiting.push(...next)
    if (next instanceof Error) waiting.push(next.message, String(next))
    for (const key of Reflect.ownKeys(next)) waiting.push(key, Reflect.get(next, key))
  }
  return texts
}
