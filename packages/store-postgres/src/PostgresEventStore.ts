/**
 * The event store of one tenant at a time, in PostgreSQL.
 *
 * An append is one statement: a function that locks, looks, and writes only when
 * nothing is in the way. A conflict is its answer and not an error, so that inside
 * the host's own transaction a conflict leaves the transaction alive, with nothing
 * of the append in it: the host decides whether to go on.
 *
 * Appends of one event that come at the same time, outside a transaction of the host, are committed together; each has
 * its own answer, and none waits or fails for another.
 */
import { PgClient, PgTypes } from "@effect/sql-pg"
import { AppendRequest, EventStore, type Ids } from "@holdfast/domain"
import { Effect, Layer, Option, Result, Stream } from "effect"
import { type SqlError } from "effect/sql"

import * as Page from "./Page.ts"
import * as Together from "./Together.ts"
import { sqlState, unavailable } from "./Unavailable.ts"
import { Wakeup } from "./Wakeup.ts"

export const layer: Layer.Layer<EventStore.EventStore, never, PgClient.PgClient | Wakeup> = Layer.effect(
  EventStore.EventStore,
  Effect.gen(function* () {
    const sql = (yield* PgClient.PgClient).withoutTransforms()
    const wakeup = yield* Wakeup

    const ringFor = (answers: ReadonlyArray<Answer>) =>
      answers.some(({ outcome }) => outcome === "appended") ? sql.afterCommit(wakeup.ring) : Effect.void

    const appendOne = ({ data, event, expected, metadata, streamId, tenantId }: Single, wait: boolean) => sql<Answer>`
      SELECT * FROM holdfast.append(
        ${tenantId}::text, ${metadata}::jsonb, ${streamId}::text, ${expected}::int,
        ${event.id}::uuid, ${event.type}::text, ${event.schemaVersion}::smallint, ${data}::jsonb,
        ${event.sealed ?? null}::bytea, ${wait}::boolean)`

    /** Does not wait for locks: nobody may hold up those who only happen to come at the same time. */
    const appendTogether = (all: ReadonlyArray<Single>) => sql<Answer>`
      SELECT answer.* FROM unnest(
          ${all.map(({ tenantId }) => tenantId)}::text[], ${all.map(({ metadata }) => metadata)}::text[],
          ${all.map(({ streamId }) => streamId)}::text[], ${all.map(({ expected }) => expected)}::int[],
          ${all.map(({ event }) => event.id)}::uuid[], ${all.map(({ event }) => event.type)}::text[],
          ${all.map(({ event }) => event.schemaVersion)}::smallint[], ${all.map(({ data }) => data)}::text[],
          ${sealedOf(all.map(({ event }) => event))}::bytea[]
        ) WITH ORDINALITY AS e (tenant, metadata, stream, expected, id, type, schema_version, data, sealed, place),
        LATERAL holdfast.append(
          tenant, metadata::jsonb, stream, e.expected, id, type, schema_version, data::jsonb, sealed, false) AS answer
        ORDER BY place`

    const appendEach = Together.make({
      lanes: 3,
      most: 64,
      send: (all: ReadonlyArray<Single>) => {
        const [first, ...others] = all
        const appended = first !== undefined && others.length === 0 ? appendOne(first, false) : appendTogether(all)
        return Effect.tap(appended, ringFor)
      },
    })

    const appendMany = ({ data, metadata, request }: AppendRequest.Checked) => {
      const { acquire = [], forget = [], idempotency, release = [], streams, tenantId } = request
      const events = streams.flatMap(({ events }) => events)
      return sql<Answer>`
        SELECT * FROM holdfast.append(
          ${tenantId}::text, ${metadata}::jsonb,
          ${streams.map(({ streamId }) => streamId)}::text[], ${streams.map(({ expected }) => expectation(expected))}::int[],
          ${streams.map(({ events }) => events.length)}::int[],
          ${streams.flatMap(({ events }, index) => events.map(() => index + 1))}::int[],
          ${events.map(({ id }) => id)}::uuid[], ${events.map(({ type }) => type)}::text[],
          ${events.map(({ schemaVersion }) => schemaVersion)}::smallint[], ${data.flat()}::text[],
          ${sealedOf(events)}::bytea[],
          ${acquire.map(({ key }) => key)}::text[], ${acquire.map(({ holder }) => holder)}::text[],
          ${release.map(({ key }) => key)}::text[], ${release.map(({ holder }) => holder)}::text[],
          ${forget}::text[], ${idempotency?.key ?? null}::text, ${idempotency?.fingerprint ?? null}::text)`
    }

    const appendOnce = (checked: AppendRequest.Checked) => {
      const single = singleOf(checked)
      const ownWay = single === undefined ? appendMany(checked) : appendOne(single, true)
      const alone = Effect.map(Effect.tap(ownWay, ringFor), ([answer]) => answer)
      if (single === undefined || !isLight(single)) return alone
      const together = Effect.matchEffect(appendEach(single), {
        // What is wrong with one of a group fails them all, with nothing written.
        onFailure: (error) => (isRefusal(error) ? alone : Effect.fail(error)),
        onSuccess: (answer) => (answer.outcome === "busy" ? alone : Effect.succeed(answer)),
      })
      return Effect.flatMap(Effect.serviceOption(sql.transactionService), (joined) =>
        Option.isSome(joined) ? alone : together,
      )
    }

    return EventStore.EventStore.of({
      append: Effect.fn("PostgresEventStore.append")(function* (request) {
        const checked = yield* Effect.fromResult(AppendRequest.check(request))
        const answer = yield* Effect.catchTag(appendOnce(checked), "SqlError", (error) => Effect.fail(failureOf(error)))
        return yield* outcomeOf(request, answer)
      }),

      readStream: (tenantId, streamId, { direction = "forwards", from, limit = Infinity, sealed = true } = {}) => {
        const forwards = direction === "forwards"
        const columns = sql.literal(sealed ? `${Page.columns}, sealed` : Page.columns)
        const first = {
          from: Math.max(from ?? (forwards ? 1 : AppendRequest.limits.version), 0),
          left: limit,
          size: Page.first,
        }
        return Stream.paginate(first, ({ from, left, size }) => {
          const asked = Math.min(size, left)
          if (asked <= 0) return Effect.succeed([[], Option.none()] as const)
          return Effect.map(
            sql<Page.Row>`
              SELECT ${columns} FROM holdfast.read_stream(
                ${tenantId}::text, ${streamId}::text, ${from}::int, ${forwards}::boolean, ${asked}::int)`,
            (rows) => {
              const last = rows.at(-1)
              const more =
                rows.length < asked || last === undefined
                  ? Option.none()
                  : Option.some({
                      from: forwards ? last.version + 1 : last.version - 1,
                      left: left - rows.length,
                      size: Page.next(rows, size),
                    })
              return [Page.recorded(rows), more] as const
            },
          )
        }).pipe(Stream.mapError(unavailable))
      },

      holderOf: Effect.fn("PostgresEventStore.holderOf")(function* (tenantId: Ids.TenantId, key: string) {
        const [row] = yield* sql<{ holder: EventStore.StreamId | null }>`
          SELECT holdfast.holder_of(${tenantId}::text, ${key}::text) AS holder`
        return row?.holder ?? undefined
      }, Effect.mapError(unavailable)),
    })
  }),
)

/** What `holdfast.append` answers. */
interface Answer {
  readonly outcome: "appended" | "repeated" | "version_conflict" | "claim_conflict" | "idempotency_conflict" | "busy"
  /** Of the stream or the claim that is in the way, in the request. */
  readonly index: number | null
  /** The version of the stream that is in the way. */
  readonly actual: number | null
  /** Of the claim that is in the way. */
  readonly holder: EventStore.StreamId | null
  readonly position: EventStore.Position | null
  readonly versions: ReadonlyArray<number> | null
}

const outcomeOf = (
  request: EventStore.AppendRequest,
  answer: Answer | undefined,
): Effect.Effect<EventStore.Appended, EventStore.AppendError> => {
  const index = answer?.index ?? 0
  switch (answer?.outcome) {
    case "appended":
    case "repeated":
      return Effect.succeed({
        position: answer.position ?? EventStore.beginning,
        versions: answer.versions ?? [],
        repeated: answer.outcome === "repeated",
      })
    case "version_conflict": {
      const stream = request.streams[index]
      if (stream === undefined) break
      const { expected, streamId } = stream
      return Effect.fail(new EventStore.VersionConflict({ streamId, expected, actual: answer.actual ?? 0 }))
    }
    case "claim_conflict": {
      const claim = request.acquire?.[index]
      if (claim === undefined || answer.holder === null) break
      return Effect.fail(new EventStore.ClaimConflict({ key: claim.key, holder: answer.holder }))
    }
    case "idempotency_conflict":
      return Effect.fail(new EventStore.IdempotencyConflict({ key: request.idempotency?.key ?? "" }))
  }
  return Effect.die(new Error("holdfast.append answered what this version does not know"))
}

/** How `holdfast.append` is told what a stream must look like. */
const expectation = (expected: EventStore.ExpectedVersion): number => {
  switch (expected) {
    case "none":
      return 0
    case "any":
      return -1
    case "exists":
      return -2
    default:
      return expected
  }
}

/** An append of one event to one stream, and nothing else. */
interface Single {
  readonly tenantId: Ids.TenantId
  readonly streamId: EventStore.StreamId
  readonly expected: number
  readonly event: EventStore.EncodedEvent
  readonly data: string
  readonly metadata: string
}

const singleOf = ({ data: all, metadata, request }: AppendRequest.Checked): Single | undefined => {
  const { acquire = [], forget = [], idempotency, release = [], streams, tenantId } = request
  const data = all[0]?.[0]
  const [stream, ...others] = streams
  const [event, ...more] = stream?.events ?? []
  const rest = others.length + more.length + acquire.length + release.length + forget.length
  return stream === undefined || event === undefined || data === undefined || rest > 0 || idempotency !== undefined
    ? undefined
    : { tenantId, streamId: stream.streamId, expected: expectation(stream.expected), event, data, metadata }
}

/** Small enough that a group of them is no burden. */
const isLight = ({ data, event, metadata }: Single) =>
  data.length + metadata.length + (event.sealed?.byteLength ?? 0) <= 64 * 1024

/** Nothing where nothing is sealed: `unnest` fills up with nulls. The driver cannot tell the type of an array of nulls. */
const sealedOf = (events: ReadonlyArray<EventStore.EncodedEvent>) =>
  Result.getOrThrow(
    PgTypes.array(
      events.some(({ sealed }) => sealed !== undefined) ? events.map(({ sealed }) => sealed ?? null) : [],
      PgTypes.OID.bytea,
    ),
  )

const isRefusal = (error: SqlError.SqlError) =>
  sqlState(error) !== undefined && unavailable(error).outcome === "nothing-written"

const failureOf = (error: SqlError.SqlError) =>
  sqlState(error) === "HF001"
    ? new EventStore.InvalidAppend({ at: "tenantId", problem: "the transaction is bound to another tenant" })
    : unavailable(error)
