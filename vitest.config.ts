import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["@holdfast/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/test/**/*.test.ts", "docs/test/**/*.test.ts"],
    globalSetup: ["packages/store-postgres/test/globalSetup.ts"],
    maxWorkers: 2,
    // The files of a worker share its modules: what takes seconds to load and to compile is loaded once.
    isolate: false,
    // What is logged on the way is of interest where something fails.
    silent: "passed-only",
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
