/** The figures in words and tables. */
import * as Calibration from "./Calibration.ts"
import { type Bar, f1, fields, type Found, macroF1, type Tally } from "./Tally.ts"

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
    ...calibration(tally),
    `a person is asked about ${percent(askedOf(tally, "genuine"), tally.mails - tally.hostile)} of genuine mails, and about ${percent(askedOf(tally, "tricks"), tally.hostile)} of the tricks`,
    table(
      ["asked, because", "genuine", "tricks"],
      [...tally.asked]
        .toSorted(([, a], [, b]) => b.genuine - a.genuine || b.tricks - a.tricks)
        .map(([why, { genuine, tricks }]) => [why, `${genuine}`, `${tricks}`]),
    ),
    table(
      ["trick", "mails", "applied", "wrong"],
      [...tally.tricks]
        .toSorted(([, a], [, b]) => b.wrong - a.wrong || b.autos - a.autos)
        .filter(([, { autos }]) => autos > 0)
        .map(([name, { autos, mails, wrong }]) => [name, `${mails}`, `${autos}`, `${wrong}`]),
    ),
  ].join("\n\n")

/** How sure it is against how often it is right: by level, by level and field, and the error of whatever may hide in the whole. */
const calibration = ({ claims, wholes }: Tally): ReadonlyArray<string> => {
  const byField = Calibration.byGroup(claims, 1).filter(([group]) => group.startsWith("field "))
  const [low, high] = Calibration.interval(claims)
  const { error, said, tooSure } = Calibration.of(claims)
  return [
    table(
      ["confidence", "values", "right", ...byField.map(([group]) => group.slice("field ".length))],
      Calibration.levels(claims).map((level) =>
        [level.confidence.toFixed(2), `${level.said}`, share(level)].concat(
          byField.map(([, all]) => {
            const here = Calibration.levels(all).find(({ confidence }) => confidence === level.confidence)
            return here === undefined ? "-" : `${share(here)} of ${here.said}`
          }),
        ),
      ),
    ),
    table(
      ["whole mails", "mails", "right"],
      Calibration.levels(wholes).map((level) => [level.confidence.toFixed(2), `${level.said}`, share(level)]),
    ),
    table(
      ["values of", "values", "error", "too sure by"],
      Calibration.byGroup(claims, 30).map(([group, all]) => {
        const { error, said, tooSure } = Calibration.of(all)
        return [group, `${said}`, error.toFixed(4), tooSure.toFixed(4)]
      }),
    ),
    [
      `expected calibration error ${error.toFixed(4)}, too sure by ${tooSure.toFixed(4)} of it; drawn again from these mails, 95 of 100 times ${low.toFixed(4)} to ${high.toFixed(4)}`,
      `over the ${said} values that were said, each level of confidence a bin of its own; null is no value, and a value where the truth is null is wrong`,
      "of mail whose sender nothing proves, the generator has half invented: that 0.50 is right there is its assumption and no measure",
      "no value is ever surer than 0.99: where all are right, that is an error of 0.01, and meant",
    ].join("\n"),
  ]
}

const askedOf = ({ asked }: Tally, which: "genuine" | "tricks"): number =>
  [...asked.values()].reduce((sum, counts) => sum + counts[which], 0)

const share = ({ right, said }: Calibration.Level): string => (right / said).toFixed(3)

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
