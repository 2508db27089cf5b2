/** What the README and the documents show is compiled, run, and compared. */
import { execFile } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"

import { directory, start } from "../../examples/test/ServerProcess.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const scratch = Path.join(root, "docs/dist/fences")

interface Fence {
  readonly name: string
  readonly language: string
  readonly marks: ReadonlyArray<string>
  readonly text: string
}

const fencesOf = (file: string): ReadonlyArray<Fence> =>
  [...readFileSync(Path.join(root, file), "utf8").matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map(
    ([, language = "", marks = "", text = ""], index) => ({
      name: `${file.replaceAll(/\W/g, "-")}-${index + 1}`,
      language,
      marks: marks.trim().split(/ +/),
      text,
    }),
  )

const files = [
  "README.md",
  ...globSync(["docs/**/*.md", "packages/*/README.md"], { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] }),
]

const programs = files.flatMap(fencesOf).filter(({ language }) => language === "ts")

const run = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  Effect.callback<{ readonly code: number; readonly output: string }>((resume) => {
    const child = execFile(command, args, { cwd, encoding: "utf8" }, (error, stdout, stderr) =>
      resume(Effect.succeed({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr })),
    )
    return Effect.sync(() => child.kill())
  })

const node = (...args: ReadonlyArray<string>) => run(process.execPath, args, root)

describe("The programs in the documents", () => {
  it.live(
    "compile strictly and run",
    () =>
      Effect.gen(function* () {
        assert.isNotEmpty(programs)
        rmSync(scratch, { recursive: true, force: true })
        mkdirSync(scratch, { recursive: true })
        for (const { name, text } of programs) writeFileSync(Path.join(scratch, `${name}.ts`), text)
        writeFileSync(
          Path.join(scratch, "tsconfig.json"),
          JSON.stringify({
            extends: "../../../tsconfig.base.json",
            compilerOptions: {
              composite: false,
              declarationMap: false,
              noEmit: true,
              tsBuildInfoFile: null,
              rootDir: root,
              types: ["node"],
              rewriteRelativeImportExtensions: false,
              allowImportingTsExtensions: true,
            },
            include: ["*.ts"],
          }),
        )
        const compiled = yield* node("node_modules/typescript/bin/tsc", "-p", Path.join(scratch, "tsconfig.json"))
        // The packages themselves are checked by their own build.
        assert.deepStrictEqual(
          compiled.output.split("\n").filter((line) => line.startsWith("docs/")),
          [],
        )
        for (const { name } of programs.filter(({ marks }) => !marks.includes("no-run"))) {
          const ran = yield* node("--conditions=@holdfast/source", Path.join(scratch, `${name}.ts`))
          assert.strictEqual(ran.code, 0, `${name}\n${ran.output}`)
        }
      }),
    240_000,
  )
})

describe("The tour of the README", () => {
  it.live(
    "answers what it shows, in order",
    () =>
      Effect.gen(function* () {
        const { banks, server, simulator } = yield* start(yield* directory)
        const shell = makeShell(yield* directory, {
          "http://localhost:3000": server,
          "http://localhost:3001": simulator,
          "http://localhost:3002": banks,
        })
        const shown = makeNames()
        const fences = fencesOf("README.md")
        const steps = fences.flatMap((fence, index) =>
          fence.language === "sh" && !fence.marks.includes("no-run")
            ? [{ ...fence, expected: shown(fences[index + 1]?.text ?? "") }]
            : [],
        )
        assert.isAbove(steps.length, 10)
        const answered = makeNames()
        for (const { expected, marks, text } of steps) {
          const isSo = (answer: string) => answered.peek(answer) === expected
          const answer = marks.includes("eventually")
            ? yield* Effect.repeat(shell(text), { until: isSo, schedule: patience })
            : yield* shell(text)
          assert.strictEqual(answered(answer), expected, text)
        }
      }),
    240_000,
  )
})

const patience = Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: 100 }))

/** Stands in for what a machine may lack; what is there comes first. */
const tools = fileURLToPath(new URL("tools", import.meta.url))

/** A shell in which variables last from one fence to the next. */
const makeShell = (path: string, addresses: Readonly<Record<string, string>>) => {
  const state = Path.join(path, "variables")
  writeFileSync(state, "")
  return (text: string) => {
    const commands = Object.entries(addresses).reduce((text, [from, to]) => text.replaceAll(from, to), text)
    const script = `PATH="$PATH:${tools}"; . ${state}; set -a\n${commands}\nexport -p > ${state}`
    return Effect.map(run("sh", ["-c", script], root), ({ output }) => output)
  }
}

/**
 * Makes texts comparable: an id is called by its order of appearance, so that the same id in two places must be the same
 * in both; days are any day, and white space does not count.
 */
const makeNames = () => {
  let names: ReadonlyMap<string, string> = new Map()
  const named = (text: string) => {
    const next = new Map(names)
    const plain = text
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b19a[0-9a-f]{13}\b/g, (id) => {
        const name = next.get(id) ?? `id-${next.size + 1}`
        next.set(id, name)
        return name
      })
      .replaceAll(/\b20\d\d-\d\d-\d\d\b/g, "day")
      .replaceAll(/\s+/g, "")
    return [plain, next] as const
  }
  return Object.assign(
    (text: string) => {
      const [plain, next] = named(text)
      names = next
      return plain
    },
    { peek: (text: string) => named(text)[0] },
  )
}
