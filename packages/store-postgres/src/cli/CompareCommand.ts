/** Says what would be otherwise if this program's version of a view were live. */
import { Comparison } from "@holdfast/domain"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"

import * as Output from "./Output.ts"
import * as Progress from "./Progress.ts"
import { telling, withProjection } from "./ViewCommands.ts"

const view = Argument.String("view").pipe(Argument.withDescription("The name of a view, as `projections` lists it"))

const show = Flag.Boolean("show").pipe(
  Flag.withDescription("Show the values too: they may be personal data"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

/** What says where a row comes from differs by its nature. */
const ignoring = ["extractor"]

export const compare = Command.make("compare", { view, show }, ({ show, view }) =>
  withProjection(view, (projection) =>
    Effect.gen(function* () {
      const compared = yield* Progress.shown((tell) =>
        Comparison.compare(projection, { ignoring, onProgress: telling(tell) }),
      )
      const { build, coming, columns, differences, differing, equal, going, version } = compared
      const isSame = differences.length === 0
      yield* Output.print(
        [
          `${view} is live in version ${build.version}; this program has version ${version}.`,
          isSame
            ? `All ${Output.plural(equal, "row")} would be the same.`
            : `${Output.plural(equal, "row")} would be the same, ${Output.numeral(differing)} different, ${Output.numeral(coming)} new, ${Output.numeral(going)} gone.`,
          ...(columns.length === 0
            ? []
            : [
                "",
                Output.table(
                  ["COLUMN", "OTHER VALUE", "VALUE FOUND", "VALUE LOST"],
                  columns.map(({ changed, column, emptied, filled }) => [column, changed, filled, emptied]),
                ),
              ]),
          ...(show ? ["", ...differences.slice(0, most).map(toText)] : []),
          "",
          build.version === version ? "Nothing is to be switched." : `To switch it on: holdfast rebuild ${view}`,
        ].join("\n"),
        {
          view,
          live: build.version,
          version,
          equal,
          differing,
          coming,
          going,
          columns,
          differences: differences.map(({ columns, is = null, key, wouldBe = null }) => {
            const difference = { tenant: key.tenantId, key: key.row, columns }
            return show ? Object.assign(difference, { is, wouldBe }) : difference
          }),
        },
      )
    }),
  ),
).pipe(
  Command.withShortDescription("Say what another version of a view would change, before it is live"),
  Command.withDescription(
    "Makes a view anew in memory, by this program's version of it, and compares it with the live one, row by row and column by column. Changes nothing: to switch it on, rebuild. No values are shown unless asked. JSON: view, live, version, equal, differing, coming, going, columns: [column, changed, filled, emptied], differences: [tenant, key, columns, is, wouldBe]",
  ),
)

/** Differences that are shown to people; programs get all. */
const most = 50

const toText = ({ columns, is, key, wouldBe }: Comparison.Difference) => {
  const named = `${key.tenantId} ${Object.values(key.row).join(" ")}`
  if (is === undefined) return `${named}: new`
  if (wouldBe === undefined) return `${named}: gone`
  const changes = columns.map(
    (column) => `${column} ${JSON.stringify(is[column])} → ${JSON.stringify(wouldBe[column])}`,
  )
  return `${named}: ${changes.join(", ")}`
}
