/** How commands answer: text for people, or JSON for programs; always on stdout, and nothing else there. */
import { Console, DateTime, Effect } from "effect"

import { Json } from "./Settings.ts"

/** One answer. */
export const print = Effect.fnUntraced(function* (text: string, document: unknown) {
  if (yield* Json) return yield* Console.log(JSON.stringify(document, plain))
  yield* Console.log(
    text
      .split("\n")
      .map((line) => (line.length > width && !line.startsWith(" ") ? wrap(line, 0) : line))
      .join("\n"),
  )
})

/** A list: JSON has a line for each. */
export const list = Effect.fnUntraced(function* (text: string, documents: ReadonlyArray<unknown>) {
  if (!(yield* Json)) return yield* Console.log(text)
  yield* Effect.forEach(documents, (document) => Console.log(JSON.stringify(document, plain)), { discard: true })
})

/** Columns as wide as what is in them; numbers stand at the right. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const cells = [head, ...rows.map((row) => row.map((cell) => (typeof cell === "number" ? numeral(cell) : cell)))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const isNumber = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^([\d,]+|-)$/.test(String(row[column]))),
  )
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** Text in lines of at most 80 characters, the further ones indented. */
export const wrap = (text: string, indent: number, first = " ".repeat(indent)): string => {
  const lines: Array<string> = []
  let line = first
  let isEmpty = true
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = " ".repeat(indent)
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line].join("\n")
}

export const numeral = (n: number | bigint) => n.toLocaleString("en-US")

export const plural = (n: number, noun: string) => `${numeral(n)} ${noun}${n === 1 ? "" : "s"}`

/** To the second, in UTC. */
export const time = (iso: string | null) =>
  iso === null ? "never" : DateTime.formatIso(DateTime.makeUnsafe(iso)).slice(0, 19).replace("T", " ")

const width = 80

const plain = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value)
