/**
 * One PostgreSQL for the whole run: the server that TEST_DATABASE_URL names, or an embedded one.
 *
 * Tests read its address with `inject("adminUrl")` and make databases of their own on it.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import { type TestProject } from "vitest/node"

import { EmbeddedPostgres } from "../src/testing/index.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** A user of the test server who may create databases. */
    adminUrl: string
  }
}

const scope = Scope.makeUnsafe()

export const setup = async (project: TestProject) => {
  const given = process.env["TEST_DATABASE_URL"]
  project.provide("adminUrl", given ?? (await startServer()))
}

export const teardown = () => Effect.runPromise(Scope.close(scope, Exit.void))

const startServer = async () => {
  const server = await Effect.runPromise(Scope.provide(EmbeddedPostgres.start({ fsync: false }), scope))
  return Redacted.value(server.url)
}
