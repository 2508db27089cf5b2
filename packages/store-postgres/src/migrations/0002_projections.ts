/**
 * Views: which builds there are and how far they have come, and the tables that hold their rows.
 *
 * ```text
 * holdfast.builds                       one row per build: state, checkpoint, epoch, definition
 * holdfast_views.connections_1          the rows of build 1 of `connections`, of all tenants
 * holdfast_views.connections_2          … of build 2, being made or live or retired
 * holdfast.connections                  what hosts read: an SQL view over the live build
 * ```
 *
 * Tables come and go while the program runs. The runner's role may not create or drop any: it asks functions that
 * have the owner's rights and make nothing but what a recorded definition says, with row-level security forced.
 */
const asOwner = `LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp`

const name = "[a-z][a-z0-9_]{0,39}"

export const statements: ReadonlyArray<string> = [
  `CREATE SCHEMA holdfast_views`,
  `ALTER SCHEMA holdfast_views OWNER TO holdfast_owner`,
  `GRANT USAGE ON SCHEMA holdfast_views TO holdfast_app, holdfast_runner`,

  // How many builds a view has ever had: no number is given twice.
  `CREATE TABLE holdfast.views (
    view   text COLLATE "C" PRIMARY KEY CHECK (view ~ '^${name}$'),
    builds int  NOT NULL
  )`,
  `ALTER TABLE holdfast.views OWNER TO holdfast_owner`,
  `GRANT SELECT, INSERT, UPDATE ON holdfast.views TO holdfast_runner`,

  // No tenant's data: the application may see how far a view has come.
  `CREATE TABLE holdfast.builds (
    view        text        COLLATE "C" REFERENCES holdfast.views,
    number      int         CHECK (number > 0),
    version     int         NOT NULL CHECK (version > 0),
    state       text        NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    position    bigint      NOT NULL DEFAULT 0,
    epoch       int         NOT NULL DEFAULT 1,
    paused      text,
    definition  jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    advanced_at timestamptz,
    live_at     timestamptz,
    retired_at  timestamptz,
    PRIMARY KEY (view, number)
  ) WITH (fillfactor = 50)`,
  `CREATE UNIQUE INDEX builds_live ON holdfast.builds (view) WHERE state = 'live'`,
  `CREATE UNIQUE INDEX builds_building ON holdfast.builds (view) WHERE state = 'building'`,
  `ALTER TABLE holdfast.builds OWNER TO holdfast_owner`,
  `GRANT SELECT ON holdfast.builds TO holdfast_app`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.builds TO holdfast_runner`,

  `CREATE TABLE holdfast.dead_letters (
    view        text        COLLATE "C",
    build       int,
    position    bigint,
    tenant_id   text        COLLATE "C" NOT NULL,
    stream_id   text        COLLATE "C" NOT NULL,
    type        text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('paused', 'parked', 'skipped')),
    problem     text        NOT NULL,
    attempts    int         NOT NULL CHECK (attempts > 0),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (view, build, position),
    FOREIGN KEY (view, build) REFERENCES holdfast.builds ON DELETE CASCADE
  )`,
  `ALTER TABLE holdfast.dead_letters OWNER TO holdfast_owner`,
  `ALTER TABLE holdfast.dead_letters ENABLE ROW LEVEL SECURITY`,
  `ALTER TABLE holdfast.dead_letters FORCE ROW LEVEL SECURITY`,
  `CREATE POLICY own_tenant ON holdfast.dead_letters TO holdfast_app, holdfast_owner
    USING (tenant_id = current_setting('holdfast.tenant', true))
    WITH CHECK (tenant_id = current_setting('holdfast.tenant', true))`,
  `CREATE POLICY all_tenants ON holdfast.dead_letters TO holdfast_runner USING (true) WITH CHECK (true)`,
  `GRANT SELECT ON holdfast.dead_letters TO holdfast_app`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.dead_letters TO holdfast_runner`,

  // The empty table of a build, in place of whatever it held, without indexes: they are made when it is filled.
  // Only where nothing is lost: at the beginning of the log.
  `CREATE FUNCTION holdfast.create_build_table(p_view text, p_number int) RETURNS void ${asOwner} AS $$
  DECLARE
    build holdfast.builds;
    table_name text := format('holdfast_views.%I', p_view || '_' || p_number);
    columns text := '';
    name text;
    type text;
  BEGIN
    SELECT * INTO STRICT build FROM holdfast.builds b
    WHERE b.view = p_view AND b.number = p_number AND b.position = 0 FOR UPDATE;
    FOR name, type IN SELECT c ->> 0, c ->> 1 FROM jsonb_array_elements(build.definition -> 'columns') c LOOP
      IF type NOT IN ('text', 'uuid', 'bigint', 'double precision', 'boolean', 'timestamptz', 'date', 'jsonb') THEN
        RAISE EXCEPTION 'not a type of a column: %', type USING ERRCODE = 'HF003';
      END IF;
      columns := columns || format(', %I %s', name, type)
        || CASE WHEN type = 'text' THEN ' COLLATE "C"' ELSE '' END
        || CASE WHEN build.definition -> 'key' ? name THEN ' NOT NULL' ELSE '' END;
    END LOOP;
    EXECUTE format('DROP TABLE IF EXISTS %s', table_name);
    EXECUTE format('CREATE TABLE %s (tenant_id text COLLATE "C" NOT NULL%s)', table_name, columns);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format($policy$CREATE POLICY own_tenant ON %s TO holdfast_app, holdfast_owner
      USING (tenant_id = current_setting('holdfast.tenant', true))
      WITH CHECK (tenant_id = current_setting('holdfast.tenant', true))$policy$, table_name);
    EXECUTE format('CREATE POLICY all_tenants ON %s TO holdfast_runner USING (true) WITH CHECK (true)', table_name);
    EXECUTE format('GRANT SELECT ON %s TO holdfast_app', table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO holdfast_runner', table_name);
  END $$`,

  // Statistics too: a table that becomes live before autovacuum has seen it would be read by the wrong plans.
  `CREATE FUNCTION holdfast.index_build_table(p_view text, p_number int) RETURNS void ${asOwner} AS $$
  DECLARE
    build holdfast.builds;
    table_name text := format('holdfast_views.%I', p_view || '_' || p_number);
    columns jsonb;
  BEGIN
    SELECT * INTO STRICT build FROM holdfast.builds b
    WHERE b.view = p_view AND b.number = p_number FOR UPDATE;
    EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (tenant_id, %s)', table_name,
      (SELECT string_agg(quote_ident(c), ', ') FROM jsonb_array_elements_text(build.definition -> 'key') c));
    FOR columns IN SELECT * FROM jsonb_array_elements(build.definition -> 'indexes') LOOP
      EXECUTE format('CREATE INDEX ON %s (tenant_id, %s)', table_name,
        (SELECT string_agg(quote_ident(c), ', ') FROM jsonb_array_elements_text(columns) c));
    END LOOP;
    EXECUTE format('ANALYZE %s', table_name);
  END $$`,

  // Replaced in place where the columns allow it, so that what hosts granted on it stays.
  `CREATE FUNCTION holdfast.publish_live_build(p_view text) RETURNS void ${asOwner} AS $$
  DECLARE
    build holdfast.builds;
    query text;
  BEGIN
    SELECT * INTO STRICT build FROM holdfast.builds b WHERE b.view = p_view AND b.state = 'live';
    query := format('VIEW holdfast.%I WITH (security_invoker = true) AS SELECT tenant_id, %s FROM holdfast_views.%I',
      p_view,
      (SELECT string_agg(quote_ident(c ->> 0), ', ') FROM jsonb_array_elements(build.definition -> 'columns') c),
      p_view || '_' || build.number);
    BEGIN
      EXECUTE 'CREATE OR REPLACE ' || query;
    EXCEPTION WHEN invalid_table_definition THEN
      EXECUTE format('DROP VIEW holdfast.%I', p_view);
      EXECUTE 'CREATE ' || query;
    END;
    EXECUTE format('GRANT SELECT ON holdfast.%I TO holdfast_app, holdfast_runner', p_view);
  END $$`,

  `CREATE FUNCTION holdfast.drop_build(p_view text, p_number int) RETURNS void ${asOwner} AS $$
  BEGIN
    DELETE FROM holdfast.builds b WHERE b.view = p_view AND b.number = p_number AND b.state <> 'live';
    IF FOUND THEN
      EXECUTE format('DROP TABLE IF EXISTS holdfast_views.%I', p_view || '_' || p_number);
    END IF;
  END $$`,

  ...[
    "create_build_table(text, int)",
    "index_build_table(text, int)",
    "publish_live_build(text)",
    "drop_build(text, int)",
  ].flatMap((routine) => [
    `ALTER FUNCTION holdfast.${routine} OWNER TO holdfast_owner`,
    `REVOKE ALL ON FUNCTION holdfast.${routine} FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION holdfast.${routine} TO holdfast_runner`,
  ]),
]
