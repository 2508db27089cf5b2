declare module "pg-copy-streams" {
  import { type Readable, type Writable } from "node:stream"

  import { type Submittable } from "pg"

  export const from: (sql: string) => Writable & Submittable
  export const to: (sql: string) => Readable & Submittable
}
