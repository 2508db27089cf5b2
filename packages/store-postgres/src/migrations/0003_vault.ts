/**
 * What must not be lost and must not be read: wrapped data keys and credentials;
 * and what keeps workers apart and strangers waiting: leases and the inbox.
 *
 * The application reaches these tables through functions only. Those bind the
 * transaction to their tenant for as long as they run, and refuse one that is
 * bound to another. The runner's role reads and mends them directly.
 */

const bindTenant = `
    IF coalesce(p_tenant, '') = '' OR coalesce(bound, '') NOT IN ('', p_tenant) THEN
      RAISE EXCEPTION 'no tenant, or not the one that the transaction is bound to' USING ERRCODE = 'HF001';
    END IF;
    PERFORM set_config('holdfast.tenant', p_tenant, true);`

const unbindTenant = `
    PERFORM set_config('holdfast.tenant', coalesce(bound, ''), true);`

/** A function of one tenant, with the owner's rights. */
const tenantFunction = (signature: string, result: string, body: string) =>
  `CREATE FUNCTION holdfast.${signature} ${result}
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  #variable_conflict use_column
  DECLARE
    bound text := current_setting('holdfast.tenant', true);
  BEGIN${bindTenant}
    ${body}${unbindTenant}
  END $$`

const ttl = `least(p_ttl_ms, 86400000) * interval '1 millisecond'`

const tenantTables = ["subject_keys", "credentials", "leases", "inbox", "attempts"]

export const statements: ReadonlyArray<string> = [
  // A row without a key is a tombstone: the subject was forgotten, and gets no other key.
  `CREATE TABLE holdfast.subject_keys (
    tenant_id     text COLLATE "C" NOT NULL,
    subject       text COLLATE "C" NOT NULL,
    master_key_id text,
    wrapped       bytea,
    destroyed_at  timestamptz,
    PRIMARY KEY (tenant_id, subject),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL) AND (wrapped IS NULL) = (master_key_id IS NULL))
  )`,

  // One current version for each connection. Removed credentials leave the row, so that versions never start again.
  `CREATE TABLE holdfast.credentials (
    tenant_id     text        COLLATE "C" NOT NULL,
    connection_id uuid        NOT NULL,
    version       int         NOT NULL CHECK (version > 0),
    master_key_id text,
    wrapped       bytea,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, connection_id),
    CHECK ((wrapped IS NULL) = (master_key_id IS NULL))
  )`,

  // A released lease leaves the row, so that its epoch only grows.
  `CREATE TABLE holdfast.leases (
    tenant_id  text        COLLATE "C" NOT NULL,
    name       text        COLLATE "C" NOT NULL,
    epoch      bigint      NOT NULL,
    holder     text        NOT NULL,
    held_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
  )`,

  // Whose a delivery is may not be known (no tenant): the policies show such a row to the runner alone.
  `CREATE TABLE holdfast.inbox (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     text        COLLATE "C",
    provider      text        COLLATE "C" NOT NULL,
    authorization_ref text    COLLATE "C" NOT NULL,
    door          text        NOT NULL,
    dedupe_key    text        NOT NULL,
    kind          text        NOT NULL,
    body          jsonb,
    received_at   timestamptz NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    claims        int         NOT NULL DEFAULT 0,
    outcome       text,
    settled_at    timestamptz,
    UNIQUE NULLS NOT DISTINCT (provider, authorization_ref, tenant_id, door, dedupe_key),
    CHECK ((outcome IS NULL) = (settled_at IS NULL) AND (outcome IS NULL) = (body IS NOT NULL))
  )`,
  `CREATE INDEX inbox_waiting ON holdfast.inbox (parked_at) WHERE outcome IS NULL`,

  `CREATE TABLE holdfast.attempts (
    tenant_id         text        COLLATE "C" NOT NULL,
    provider          text        COLLATE "C" NOT NULL,
    authorization_ref text        COLLATE "C" NOT NULL,
    door              text        NOT NULL,
    count             bigint      NOT NULL DEFAULT 1,
    first_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome           text        NOT NULL,
    connection_id     uuid,
    PRIMARY KEY (tenant_id, provider, authorization_ref, door)
  )`,

  ...tenantTables.flatMap((table) => [
    `ALTER TABLE holdfast.${table} OWNER TO holdfast_owner`,
    `ALTER TABLE holdfast.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE holdfast.${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY own_tenant ON holdfast.${table} TO holdfast_app, holdfast_owner
      USING (tenant_id = current_setting('holdfast.tenant', true))
      WITH CHECK (tenant_id = current_setting('holdfast.tenant', true))`,
    `CREATE POLICY all_tenants ON holdfast.${table} TO holdfast_runner USING (true) WITH CHECK (true)`,
    `GRANT SELECT, UPDATE ON holdfast.${table} TO holdfast_runner`,
  ]),
  `GRANT INSERT ON holdfast.inbox TO holdfast_runner`,
  `GRANT SELECT ON holdfast.leases, holdfast.attempts TO holdfast_app`,

  tenantFunction(
    "subject_key(p_tenant text, p_subject text)",
    "RETURNS SETOF holdfast.subject_keys",
    `RETURN QUERY SELECT k.* FROM holdfast.subject_keys k WHERE k.tenant_id = p_tenant AND k.subject = p_subject;`,
  ),
  // The insert waits for whoever else is inserting this subject, so that what is returned is what will stand.
  tenantFunction(
    "keep_subject_key(p_tenant text, p_subject text, p_master_key_id text, p_wrapped bytea)",
    "RETURNS SETOF holdfast.subject_keys",
    `INSERT INTO holdfast.subject_keys (tenant_id, subject, master_key_id, wrapped)
    VALUES (p_tenant, p_subject, p_master_key_id, p_wrapped) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT k.* FROM holdfast.subject_keys k WHERE k.tenant_id = p_tenant AND k.subject = p_subject;`,
  ),
  // Called by \`append\`, with its rights and under its binding; nobody else may.
  `CREATE FUNCTION holdfast.destroy_keys(p_tenant text, p_subjects text[]) RETURNS void
  LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO holdfast.subject_keys AS k (tenant_id, subject, destroyed_at)
    SELECT DISTINCT p_tenant, s, clock_timestamp() FROM unnest(p_subjects) s ORDER BY s
    ON CONFLICT (tenant_id, subject) DO UPDATE
    SET wrapped = NULL, master_key_id = NULL, destroyed_at = coalesce(k.destroyed_at, excluded.destroyed_at)
  $$`,

  tenantFunction(
    "credentials_of(p_tenant text, p_connection uuid)",
    "RETURNS SETOF holdfast.credentials",
    `RETURN QUERY SELECT c.* FROM holdfast.credentials c WHERE c.tenant_id = p_tenant AND c.connection_id = p_connection;`,
  ),
  tenantFunction(
    "put_credentials(p_tenant text, p_connection uuid, p_last int, p_master_key_id text, p_wrapped bytea, OUT written boolean)",
    "",
    `IF p_last = 0 THEN
      INSERT INTO holdfast.credentials (tenant_id, connection_id, version, master_key_id, wrapped)
      VALUES (p_tenant, p_connection, 1, p_master_key_id, p_wrapped) ON CONFLICT DO NOTHING;
    ELSE
      UPDATE holdfast.credentials c
      SET version = p_last + 1, master_key_id = p_master_key_id, wrapped = p_wrapped, updated_at = clock_timestamp()
      WHERE c.tenant_id = p_tenant AND c.connection_id = p_connection AND c.version = p_last;
    END IF;
    written := FOUND;`,
  ),
  tenantFunction(
    "remove_credentials(p_tenant text, p_connection uuid)",
    "RETURNS void",
    `UPDATE holdfast.credentials c
    SET version = c.version + 1, master_key_id = NULL, wrapped = NULL, updated_at = clock_timestamp()
    WHERE c.tenant_id = p_tenant AND c.connection_id = p_connection AND c.wrapped IS NOT NULL;`,
  ),

  // A lease that is held is seen without waiting for whoever is writing under it. None is given for more than a day,
  // whatever is asked for: not even infinity.
  tenantFunction(
    "acquire_lease(p_tenant text, p_name text, p_holder text, p_ttl_ms double precision)",
    "RETURNS TABLE (acquired boolean, epoch bigint, holder text, held_until timestamptz)",
    `INSERT INTO holdfast.leases (tenant_id, name, epoch, holder, held_until)
    VALUES (p_tenant, p_name, 0, p_holder, '-infinity') ON CONFLICT DO NOTHING;
    FOR attempt IN 1..2 LOOP
      RETURN QUERY
      SELECT false, l.epoch, l.holder, l.held_until FROM holdfast.leases l
      WHERE l.tenant_id = p_tenant AND l.name = p_name AND l.held_until > clock_timestamp();
      EXIT WHEN FOUND;
      RETURN QUERY
      UPDATE holdfast.leases l
      SET epoch = l.epoch + 1, holder = p_holder, held_until = clock_timestamp() + ${ttl}
      WHERE l.tenant_id = p_tenant AND l.name = p_name AND l.held_until <= clock_timestamp()
      RETURNING true, l.epoch, l.holder, l.held_until;
      EXIT WHEN FOUND;
    END LOOP;`,
  ),
  tenantFunction(
    "renew_lease(p_tenant text, p_name text, p_epoch bigint, p_ttl_ms double precision)",
    "RETURNS TABLE (held_until timestamptz)",
    `RETURN QUERY
    UPDATE holdfast.leases l SET held_until = clock_timestamp() + ${ttl}
    WHERE l.tenant_id = p_tenant AND l.name = p_name AND l.epoch = p_epoch AND l.held_until > clock_timestamp()
    RETURNING l.held_until;`,
  ),
  tenantFunction(
    "release_lease(p_tenant text, p_name text, p_epoch bigint)",
    "RETURNS void",
    `UPDATE holdfast.leases l SET held_until = clock_timestamp()
    WHERE l.tenant_id = p_tenant AND l.name = p_name AND l.epoch = p_epoch AND l.held_until > clock_timestamp();`,
  ),
  // The share lock keeps everybody from taking the lease until the caller's transaction ends: the fence of a write.
  tenantFunction(
    "is_lease_held(p_tenant text, p_name text, p_epoch bigint, OUT held boolean)",
    "",
    `PERFORM FROM holdfast.leases l
    WHERE l.tenant_id = p_tenant AND l.name = p_name AND l.epoch = p_epoch AND l.held_until > clock_timestamp()
    FOR SHARE;
    held := FOUND;`,
  ),

  tenantFunction(
    "record_attempt(p_tenant text, p_provider text, p_ref text, p_door text, p_outcome text, p_connection uuid)",
    "RETURNS void",
    `INSERT INTO holdfast.attempts AS a (tenant_id, provider, authorization_ref, door, outcome, connection_id)
    VALUES (p_tenant, p_provider, p_ref, p_door, p_outcome, p_connection)
    ON CONFLICT (tenant_id, provider, authorization_ref, door) DO UPDATE
    SET count = a.count + 1, last_at = clock_timestamp(), outcome = excluded.outcome,
      connection_id = coalesce(excluded.connection_id, a.connection_id);`,
  ),
  tenantFunction(
    "attempts_of(p_tenant text, p_provider text, p_ref text)",
    "RETURNS SETOF holdfast.attempts",
    `RETURN QUERY SELECT a.* FROM holdfast.attempts a
    WHERE a.tenant_id = p_tenant
      AND (p_provider IS NULL OR a.provider = p_provider) AND (p_ref IS NULL OR a.authorization_ref = p_ref)
    ORDER BY a.first_at;`,
  ),

  `DO $$
  DECLARE
    routine regprocedure;
  BEGIN
    FOR routine IN
      SELECT oid FROM pg_proc
      WHERE pronamespace = 'holdfast'::regnamespace AND proname IN (
        'subject_key', 'keep_subject_key', 'destroy_keys', 'credentials_of', 'put_credentials', 'remove_credentials',
        'acquire_lease', 'renew_lease', 'release_lease', 'is_lease_held', 'record_attempt', 'attempts_of')
    LOOP
      EXECUTE format('ALTER FUNCTION %s OWNER TO holdfast_owner', routine);
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app, holdfast_runner', routine);
    END LOOP;
    REVOKE EXECUTE ON FUNCTION holdfast.destroy_keys FROM holdfast_app, holdfast_runner;
  END $$`,
]
