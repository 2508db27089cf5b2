/**
 * The peer: `@event-driven-io/emmett-postgresql`, used as its documentation does.
 */
import { type Event as EmmettEvent } from "@event-driven-io/emmett"
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql"
import { Effect } from "effect"
import { Pool } from "pg"

import { type Line, metadata } from "./Histories.ts"
import { connections } from "./Server.ts"

export type Event = EmmettEvent<string, Line["data"], typeof metadata>

/** An event store on a database of its own, with as many connections as everybody has. */
export const open = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const pool = new Pool({ connectionString: url, max: connections })
      const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } })
      await store.schema.migrate()
      return { pool, store }
    }),
    ({ pool, store }) =>
      Effect.promise(async () => {
        await store.close()
        await pool.end()
      }),
  )

export const eventOf = ({ data, type }: Line): Event => ({ type, data, metadata })
