#!/usr/bin/env node
import * as Cli from "./Cli.ts"

/** What adapters bring along, where they are installed: this package knows their names, and needs none of them. */
const adapters: ReadonlyArray<string> = ["@holdfast/adapters-gmail/ExtractCommand"]

const commands: Array<Cli.FurtherCommand> = []
for (const adapter of adapters) {
  try {
    const { command }: { readonly command: Cli.FurtherCommand } = await import(adapter)
    commands.push(command)
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"
    if (!isAbsent || !error.message.includes(`'${adapter.split("/").slice(0, 2).join("/")}'`)) throw error
  }
}

Cli.run({ projections: Cli.projections, commands })
