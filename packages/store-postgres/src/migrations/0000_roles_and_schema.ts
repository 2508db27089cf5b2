/**
 * Who may do what, where everything lives, and which store this is.
 *
 * - `holdfast_owner` owns all objects and uses none of them but in functions;
 * - `holdfast_app` is the application: one tenant at a time;
 * - `holdfast_runner` works for all tenants: projections, exports, operators.
 *
 * None of them can log in. The login that migrates becomes a member of all three.
 */
export const roles = ["holdfast_owner", "holdfast_app", "holdfast_runner"] as const

export const statements: ReadonlyArray<string> = [
  // Roles belong to the cluster, and several of its databases may be migrated at once: whoever comes second waits for
  // the first one's transaction and then looks again. A superuser may become anyone without being made a member. A role
  // that one creates oneself is granted without SET from PostgreSQL 16 on, which before knew no such distinction.
  `DO $$
  DECLARE
    may_become text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    role text;
  BEGIN
    FOREACH role IN ARRAY ARRAY['${roles.join("', '")}'] LOOP
      FOR attempt IN 1..100 LOOP
        BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
          END IF;
          IF NOT pg_has_role(current_user, role, may_become) THEN
            EXECUTE format('GRANT %I TO current_user', role);
          END IF;
          EXIT;
        EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
          IF attempt = 100 THEN RAISE; END IF;
          PERFORM pg_sleep(0.02);
        END;
      END LOOP;
    END LOOP;
  END $$`,

  `CREATE SCHEMA IF NOT EXISTS holdfast`,
  `ALTER SCHEMA holdfast OWNER TO holdfast_owner`,
  `GRANT USAGE ON SCHEMA holdfast TO holdfast_app, holdfast_runner`,

  `CREATE TABLE holdfast.migrations (
    number     int         PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text        NOT NULL
  )`,
  `ALTER TABLE holdfast.migrations OWNER TO holdfast_owner`,
  `GRANT SELECT ON holdfast.migrations TO holdfast_app, holdfast_runner`,

  `CREATE TABLE holdfast.store (
    singleton  boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  `ALTER TABLE holdfast.store OWNER TO holdfast_owner`,
  `GRANT SELECT ON holdfast.store TO holdfast_app, holdfast_runner`,
  `INSERT INTO holdfast.store DEFAULT VALUES`,
]
