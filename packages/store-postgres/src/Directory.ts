/** Directories of the machine. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"

/**
 * Makes a directory, and those above it that are missing; one that is there stays as it is. Fails with Node's own error,
 * and then has made at most some of those above it.
 *
 * Node's `recursive` never ends where a directory that is there takes no entries, as `/proc` does: the system says
 * `ENOENT`, and Node makes the parent that is there again and again.
 */
export const make = async (directory: string, mode = 0o777): Promise<void> => {
  try {
    await Fs.mkdir(directory, { mode })
  } catch (error) {
    if (is(error, "EEXIST") && (await Fs.stat(directory)).isDirectory()) return
    const parent = Path.dirname(Path.resolve(directory))
    if (!is(error, "ENOENT") || (await isThere(parent))) throw error
    await make(parent, mode)
    await make(directory, mode)
  }
}

const isThere = (path: string) =>
  Fs.stat(path).then(
    () => true,
    (error: unknown) => !is(error, "ENOENT"),
  )

const is = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code
