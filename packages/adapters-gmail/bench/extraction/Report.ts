/** The figures in words and tables. */
import { buckets, type Bar, calibrationError, f1, fields, type Found, macroF1, type Tally } from "./Tally.ts"

export const of = (tally: Tally): string =>
  [
    `${tally.mails} mails, ${tally.hostile} of them tricks`,
    `applied by themselves: ${tally.autos}, wrong ${tally.wrongAutos} (tricks: ${tally.hostileAutos}, wrong ${tally.hostileWrongAutos})`,
    `genuine confirmations: ${tally.confirmations}, read wholly and applied: ${percent(tally.applied, tally.confirmations)}`,
    `platforms right: ${percent(tally.platforms.right, tally.platforms.all)}`,
    table(
      ["field", "said", "right", "sure", "right", "required", "recall", "tricks: sure", "right"],
      fields.map((field) => {
        const found = tally.byField.get(field)
        const tricked = tally.hostileByField.get(field)
        return [field as string].concat(
          figures(found),
          `${tricked?.sure ?? 0}`,
          percent(tricked?.sureRight ?? 0, tricked?.sure ?? 0),
        )
      }),
    ),
    table(
      ["confirmations", "said", "right", "sure", "right", "required", "recall"],
      [...tally.confirmed]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, found]) => [name].concat(figures(found))),
    ),
    table(
      ["kind", "is", "said", "right", "F1"],
      [...tally.kinds].map(([kind, counts]) => [
        kind,
        `${counts.is}`,
        `${counts.said}`,
        `${counts.right}`,
        f1(counts).toFixed(4),
      ]),
    ),
    `macro F1 ${macroF1(tally).toFixed(4)}`,
    table(
      ["confidence", "said", "mean", "right"],
      [...tally.hundredths]
        .toSorted(([a], [b]) => a - b)
        .map(([hundredth, { right, said }]) => [
          (hundredth / 100).toFixed(2),
          `${said}`,
          (hundredth / 100).toFixed(3),
          (right / said).toFixed(3),
        ]),
    ),
    `by tenths: ${buckets(tally)
      .map(({ confidence, right, said }) =>
        said === 0 ? "-" : `${(confidence / said).toFixed(2)}→${(right / said).toFixed(2)}`,
      )
      .join(" ")}`,
    `calibration error ${calibrationError(tally).toFixed(4)}`,
    table(
      ["trick", "mails", "applied", "wrong"],
      [...tally.tricks]
        .toSorted(([, a], [, b]) => b.wrong - a.wrong || b.autos - a.autos)
        .filter(([, { autos }]) => autos > 0)
        .map(([name, { autos, mails, wrong }]) => [name, `${mails}`, `${autos}`, `${wrong}`]),
    ),
  ].join("\n\n")

export const barsOf = (bars: ReadonlyArray<Bar>): string =>
  `\n${bars.map(({ holds, name, value }) => `${holds ? "holds " : "MISSED"} ${name}: ${value}`).join("\n")}`

const figures = (found: Found | undefined): ReadonlyArray<string> =>
  found === undefined
    ? ["0", "-", "0", "-", "0", "-"]
    : [
        `${found.said}`,
        percent(found.right, found.said),
        `${found.sure}`,
        percent(found.sureRight, found.sure),
        `${found.required}`,
        percent(found.found, found.required),
      ]

const percent = (part: number, whole: number): string => (whole === 0 ? "-" : `${((100 * part) / whole).toFixed(2)} %`)

const table = (headings: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [headings, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n")
}
