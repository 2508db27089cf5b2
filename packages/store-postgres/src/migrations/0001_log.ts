/**
 * The log: events, claims, commands, and the only way to write them.
 *
 * **Positions and the low-water fence.** A position is drawn from a sequence, so a
 * transaction that draws an early one may commit late. Whoever inserts therefore
 * first notes how far the sequence had come, as a shared advisory lock that lives
 * as long as the transaction; all its positions are beyond that. A reader reads the
 * sequence, then the lowest note of a live transaction, and then, in a new snapshot,
 * the rows up to the lower of the two:
 * - a note that the reader saw: its positions are beyond it;
 * - a note made after the reader looked: its positions are beyond the sequence as the reader saw it;
 * - a note that is gone: that transaction is over, and its rows are visible (or never will be).
 *
 * Nobody waits for anybody, nothing is remembered about gaps, and the position stays
 * one number that survives dump and restore.
 *
 * **Conflicts are answers, not errors.** An append locks the streams and keys that it
 * is about, in one order for all, and looks before it writes. It can so tell what is
 * in the way without drawing a position and without aborting the host's transaction.
 * The unique indexes stay as the last line: under another isolation level than
 * `READ COMMITTED` they are what stops a late writer.
 */

/**
 * A function that runs with the owner's rights must not find the caller's operators and functions. A search path of its
 * own costs an append 5 %; on the way of a single event everything is named in full instead.
 */
const op = (operator: string) => `OPERATOR(pg_catalog.${operator})`

/** The first key of the fence's advisory locks ("HOLD"); the second is the low half of a position. */
export const fenceNamespace = 0x48_4f_4c_44

/**
 * A transaction that is already bound to one tenant may not act for another. Whoever finds it unbound leaves it
 * unbound. The binding is what row-level security compares.
 */
const bindTenant = `
    IF coalesce(bound, '') ${op("<>")} '' AND bound ${op("<>")} p_tenant THEN
      RAISE EXCEPTION 'the transaction is bound to another tenant' USING ERRCODE = 'HF001';
    END IF;
    ignored := pg_catalog.set_config('holdfast.tenant', p_tenant, true);`

const unbindTenant = `
    ignored := pg_catalog.set_config('holdfast.tenant', coalesce(bound, ''), true);`

/** Whether a stream at version `actual` is as expected: -1 is any version, -2 any but 0. */
const isExpected = (expected: string) =>
  `(actual ${op("=")} ${expected} OR ${expected} ${op("=")} -1 OR (${expected} ${op("=")} -2 AND actual ${op(">")} 0))`

/** Tenants contain no control characters, so a line feed keeps them apart; a collision would only make one wait. */
const lockKey = (kind: "stream" | "claim" | "command", name: string) =>
  `pg_catalog.hashtextextended(p_tenant ${op("||")} E'\\n${kind}\\n' ${op("||")} ${name}, 0)`

const answer = `
  OUT outcome text, OUT index int, OUT actual int, OUT holder text, OUT "position" bigint, OUT versions int[]`

const asOwner = `LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp`

const tenantTables = ["events", "claims", "commands"]

export const statements: ReadonlyArray<string> = [
  // A reader of one category or type finds its positions in the primary key alone, and then touches only its own rows.
  // A third index would cost each append more than the two included columns do.
  `CREATE TABLE holdfast.events (
    position       bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_id       uuid        NOT NULL,
    version        int         NOT NULL CHECK (version > 0),
    schema_version smallint    NOT NULL CHECK (schema_version > 0),
    tenant_id      text        COLLATE "C" NOT NULL CHECK (tenant_id <> ''),
    stream_id      text        COLLATE "C" NOT NULL,
    category       text        COLLATE "C" GENERATED ALWAYS AS (split_part(stream_id, '-', 1)) STORED,
    type           text        COLLATE "C" NOT NULL,
    data           jsonb       NOT NULL,
    metadata       jsonb       NOT NULL,
    sealed         bytea,
    PRIMARY KEY (position) INCLUDE (category, type),
    UNIQUE (tenant_id, stream_id, version)
  ) WITH (autovacuum_vacuum_insert_scale_factor = 0.02)`,
  // Already compressed. As a statement of its own, because PostgreSQL 15 does not take it in the table's definition.
  `ALTER TABLE holdfast.events ALTER COLUMN sealed SET STORAGE EXTERNAL`,

  `CREATE TABLE holdfast.claims (
    tenant_id text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    holder    text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, key)
  )`,

  `CREATE TABLE holdfast.commands (
    tenant_id   text        COLLATE "C" NOT NULL,
    key         text        COLLATE "C" NOT NULL,
    fingerprint text        NOT NULL,
    position    bigint      NOT NULL,
    versions    int[]       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, key)
  )`,

  ...tenantTables.flatMap((table) => [
    `ALTER TABLE holdfast.${table} OWNER TO holdfast_owner`,
    `ALTER TABLE holdfast.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE holdfast.${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY own_tenant ON holdfast.${table} TO holdfast_app, holdfast_owner
      USING (tenant_id = current_setting('holdfast.tenant', true))
      WITH CHECK (tenant_id = current_setting('holdfast.tenant', true))`,
    `CREATE POLICY all_tenants ON holdfast.${table} TO holdfast_runner USING (true) WITH CHECK (true)`,
    `GRANT SELECT ON holdfast.${table} TO holdfast_app, holdfast_runner`,
  ]),
  `GRANT SELECT ON SEQUENCE holdfast.events_position_seq TO holdfast_app, holdfast_runner`,

  // As a trigger the fence cannot be gone round: not by COPY, not by hand, not by the next function that inserts.
  // That costs an append a few microseconds more than the same lines inside the functions would (within the noise).
  // Further inserts of one transaction use its first note again, so that a long transaction does not fill the lock
  // table; a note is never later than the sequence, so a setting that was tampered with is harmless.
  `CREATE FUNCTION holdfast.raise_fence() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    reached pg_catalog.int8 := coalesce(pg_catalog.pg_sequence_last_value('holdfast.events_position_seq'), 0);
    noted pg_catalog.text := coalesce(pg_catalog.current_setting('holdfast.fence', true), '');
    note pg_catalog.int8 := CASE WHEN noted ${op("=")} '' THEN reached ELSE least(reached, noted::pg_catalog.int8) END;
  BEGIN
    noted := pg_catalog.set_config('holdfast.fence', note::pg_catalog.text, true);
    noted := pg_catalog.pg_advisory_xact_lock_shared(${fenceNamespace}, note::pg_catalog.bit(32)::pg_catalog.int4);
    RETURN NULL;
  END $$`,
  `ALTER FUNCTION holdfast.raise_fence() OWNER TO holdfast_owner`,
  `CREATE TRIGGER raise_fence BEFORE INSERT ON holdfast.events
    FOR EACH STATEMENT EXECUTE FUNCTION holdfast.raise_fence()`,

  // `last` is read before the locks are: see the top. The difference of two 32-bit halves is signed, so that a note
  // made after `last` was read counts as none. \`head < last\` means that somebody is still writing.
  `CREATE FUNCTION holdfast.head(OUT head bigint, OUT last bigint)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'the log is read under READ COMMITTED only' USING ERRCODE = 'HF002';
    END IF;
    last := coalesce(pg_sequence_last_value('holdfast.events_position_seq'), 0);
    head := last - coalesce((
      SELECT max(greatest((last - objid::bigint)::bit(32)::int, 0))
      FROM pg_locks
      WHERE locktype = 'advisory' AND classid = ${fenceNamespace} AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), 0);
  END $$`,

  // The append of a single event, without the arrays: the common case, and the fast one. Without \`p_wait\` it answers
  // that the stream is busy where it would have to wait: appends of others may be in the same transaction.
  `CREATE FUNCTION holdfast.append(
    p_tenant text, p_metadata jsonb, p_stream text, p_expected int,
    p_id uuid, p_type text, p_schema_version smallint, p_data jsonb, p_sealed bytea, p_wait boolean DEFAULT true,${answer}
  ) LANGUAGE plpgsql SECURITY DEFINER AS $$
  #variable_conflict use_column
  DECLARE
    bound pg_catalog.text := pg_catalog.current_setting('holdfast.tenant', true);
    ignored pg_catalog.text;
  BEGIN${bindTenant}
    IF p_wait THEN
      ignored := pg_catalog.pg_advisory_xact_lock(${lockKey("stream", "p_stream")});
    ELSIF NOT pg_catalog.pg_try_advisory_xact_lock(${lockKey("stream", "p_stream")}) THEN
      outcome := 'busy';${unbindTenant}
      RETURN;
    END IF;

    SELECT e.version INTO actual FROM holdfast.events e
    WHERE e.tenant_id ${op("=")} p_tenant AND e.stream_id ${op("=")} p_stream
    ORDER BY e.version DESC LIMIT 1;
    actual := coalesce(actual, 0);

    IF ${isExpected("p_expected")} THEN
      INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, sealed, metadata)
      VALUES (p_tenant, p_stream, actual ${op("+")} 1, p_id, p_type, p_schema_version, p_data, p_sealed, p_metadata);
      outcome := 'appended';
      position := pg_catalog.currval('holdfast.events_position_seq');
      versions := ARRAY[actual ${op("+")} 1];
    ELSE
      outcome := 'version_conflict';
      index := 0;
    END IF;${unbindTenant}
  END $$`,

  // Everything else. The events come stream by stream: each stream says how many are its own, each event names its
  // stream by index (from 1). A list that unnest reads costs a tuplestore of its own, so that lists of numbers, which are
  // found by arithmetic, are subscripted instead. `bases` is what a stream adds to an event's place among all events.
  `CREATE FUNCTION holdfast.append(
    p_tenant text, p_metadata jsonb, p_streams text[], p_expected int[], p_counts int[], p_stream_indexes int[],
    p_ids uuid[], p_types text[], p_schema_versions smallint[], p_data text[], p_sealed bytea[],
    p_acquire text[], p_acquirers text[], p_release text[], p_releasers text[],
    p_forget text[], p_key text, p_fingerprint text,${answer}
  ) ${asOwner} AS $$
  #variable_conflict use_column
  DECLARE
    bound pg_catalog.text := pg_catalog.current_setting('holdfast.tenant', true);
    ignored pg_catalog.text;
    command holdfast.commands;
    bases int[] := '{}';
    reached int[] := '{}';
    placed int := 0;
  BEGIN${bindTenant}
    PERFORM pg_advisory_xact_lock(k) FROM (
      SELECT ${lockKey("command", "p_key")} AS k WHERE p_key IS NOT NULL
      UNION SELECT ${lockKey("stream", "s")} FROM unnest(p_streams) s
      UNION SELECT ${lockKey("claim", "c")} FROM unnest(p_acquire || p_release) c
      ORDER BY k
    ) locks;

    IF p_key IS NOT NULL THEN
      SELECT * INTO command FROM holdfast.commands c WHERE c.tenant_id = p_tenant AND c.key = p_key;
      IF FOUND THEN
        outcome := CASE WHEN command.fingerprint = p_fingerprint THEN 'repeated' ELSE 'idempotency_conflict' END;
        position := command.position;
        versions := command.versions;${unbindTenant}
        RETURN;
      END IF;
    END IF;

    FOR i IN 1..cardinality(p_streams) LOOP
      SELECT e.version INTO actual FROM holdfast.events e
      WHERE e.tenant_id = p_tenant AND e.stream_id = p_streams[i]
      ORDER BY e.version DESC LIMIT 1;
      actual := coalesce(actual, 0);
      IF NOT ${isExpected("p_expected[i]")} THEN
        outcome := 'version_conflict';
        index := i - 1;${unbindTenant}
        RETURN;
      END IF;
      bases := bases || actual - placed;
      placed := placed + p_counts[i];
      reached := reached || actual + p_counts[i];
    END LOOP;

    IF cardinality(p_acquire) > 0 THEN
      SELECT a.n - 1, c.holder INTO index, holder
      FROM unnest(p_acquire, p_acquirers) WITH ORDINALITY AS a (key, acquirer, n)
      JOIN holdfast.claims c ON c.tenant_id = p_tenant AND c.key = a.key AND c.holder <> a.acquirer
      WHERE NOT EXISTS (
        SELECT FROM unnest(p_release, p_releasers) AS r (key, releaser) WHERE r.key = c.key AND r.releaser = c.holder)
      ORDER BY a.n LIMIT 1;
      IF FOUND THEN
        outcome := 'claim_conflict';${unbindTenant}
        RETURN;
      END IF;
    END IF;

    IF cardinality(p_release) > 0 THEN
      DELETE FROM holdfast.claims c USING unnest(p_release, p_releasers) AS r (key, releaser)
      WHERE c.tenant_id = p_tenant AND c.key = r.key AND c.holder = r.releaser;
    END IF;
    IF cardinality(p_acquire) > 0 THEN
      INSERT INTO holdfast.claims (tenant_id, key, holder)
      SELECT p_tenant, a.key, a.acquirer FROM unnest(p_acquire, p_acquirers) AS a (key, acquirer)
      ON CONFLICT DO NOTHING;
    END IF;

    outcome := 'appended';
    position := 0;
    versions := reached;
    IF cardinality(p_ids) > 0 THEN
      INSERT INTO holdfast.events (tenant_id, stream_id, version, event_id, type, schema_version, data, sealed, metadata)
      SELECT p_tenant, p_streams[p_stream_indexes[e.place]], bases[p_stream_indexes[e.place]] + e.place::int,
        e.id, e.type, p_schema_versions[e.place], e.data::jsonb, e.sealed, p_metadata
      FROM unnest(p_ids, p_types, p_data, p_sealed) WITH ORDINALITY AS e (id, type, data, sealed, place);
      position := currval('holdfast.events_position_seq');
    END IF;

    IF p_key IS NOT NULL THEN
      INSERT INTO holdfast.commands (tenant_id, key, fingerprint, position, versions)
      VALUES (p_tenant, p_key, p_fingerprint, position, versions);
    END IF;
    IF cardinality(p_forget) > 0 THEN
      PERFORM holdfast.destroy_keys(p_tenant, p_forget);
    END IF;${unbindTenant}
  END $$`,

  // Reads of one tenant, with the caller's rights: bound and answered in one round trip.
  `CREATE FUNCTION holdfast.read_stream(p_tenant text, p_stream text, p_from int, p_forwards boolean, p_limit int)
  RETURNS SETOF holdfast.events LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    bound pg_catalog.text := pg_catalog.current_setting('holdfast.tenant', true);
    ignored pg_catalog.text;
  BEGIN${bindTenant}
    IF p_forwards THEN
      RETURN QUERY
      SELECT e.* FROM holdfast.events e
      WHERE e.tenant_id = p_tenant AND e.stream_id = p_stream AND e.version >= p_from
      ORDER BY e.version LIMIT p_limit;
    ELSE
      RETURN QUERY
      SELECT e.* FROM holdfast.events e
      WHERE e.tenant_id = p_tenant AND e.stream_id = p_stream AND e.version <= p_from
      ORDER BY e.version DESC LIMIT p_limit;
    END IF;${unbindTenant}
  END $$`,

  `CREATE FUNCTION holdfast.holder_of(p_tenant text, p_key text) RETURNS text
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    bound pg_catalog.text := pg_catalog.current_setting('holdfast.tenant', true);
    ignored pg_catalog.text;
    found_holder text;
  BEGIN${bindTenant}
    SELECT c.holder INTO found_holder FROM holdfast.claims c WHERE c.tenant_id = p_tenant AND c.key = p_key;${unbindTenant}
    RETURN found_holder;
  END $$`,

  // Binds the rest of the transaction: for whatever a tenant's own statements are.
  `CREATE FUNCTION holdfast.bind_tenant(p_tenant text) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    bound pg_catalog.text := pg_catalog.current_setting('holdfast.tenant', true);
    ignored pg_catalog.text;
  BEGIN${bindTenant}
  END $$`,

  `DO $$
  DECLARE
    routine regprocedure;
  BEGIN
    FOR routine IN SELECT oid FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace LOOP
      EXECUTE format('ALTER FUNCTION %s OWNER TO holdfast_owner', routine);
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app, holdfast_runner', routine);
    END LOOP;
  END $$`,
]
