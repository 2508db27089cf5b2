/** What the fence has learnt since: settings that lie, positions that come again after a crash, and standbys. */
import { fenceNamespace } from "./0001_log.ts"

const op = (operator: string) => `OPERATOR(pg_catalog.${operator})`

export const statements: ReadonlyArray<string> = [
  // A note is never later than the sequence, nor so far behind it that its lower half would be taken for a later one: a
  // setting that was tampered with is harmless.
  `CREATE OR REPLACE FUNCTION holdfast.raise_fence() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    reached pg_catalog.int8 := coalesce(pg_catalog.pg_sequence_last_value('holdfast.events_position_seq'), 0);
    noted pg_catalog.text := coalesce(pg_catalog.current_setting('holdfast.fence', true), '');
    note pg_catalog.int8 := CASE WHEN noted ${op("=")} '' THEN reached
      ELSE greatest(reached ${op("-")} ${2 ** 30}, least(reached, noted::pg_catalog.int8)) END;
  BEGIN
    noted := pg_catalog.set_config('holdfast.fence', note::pg_catalog.text, true);
    noted := pg_catalog.pg_advisory_xact_lock_shared(${fenceNamespace}, note::pg_catalog.bit(32)::pg_catalog.int4);
    RETURN NULL;
  END $$`,

  // The sequence is read before the locks are: see the log. The difference of two 32-bit halves is signed, so that a
  // note made after the sequence was read counts as none. The head is an event, and not just a position up to which
  // none is missing: a position that was drawn and rolled back may be drawn again after a crash, because nothing but a
  // commit writes the sequence to disk. `head < last` means that somebody is still writing. A standby has the rows and
  // not the locks of those who write them.
  `CREATE OR REPLACE FUNCTION holdfast.head(OUT head bigint, OUT last bigint)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    drawn bigint;
    fence bigint;
  BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' OR pg_is_in_recovery() THEN
      RAISE EXCEPTION 'the log is read under READ COMMITTED only, on the primary' USING ERRCODE = 'HF002';
    END IF;
    drawn := coalesce(pg_sequence_last_value('holdfast.events_position_seq'), 0);
    fence := drawn - coalesce((
      SELECT max(greatest((drawn - objid::bigint)::bit(32)::int, 0))
      FROM pg_locks
      WHERE locktype = 'advisory' AND classid = ${fenceNamespace} AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), 0);
    head := coalesce((SELECT max(e.position) FROM holdfast.events e WHERE e.position <= fence), 0);
    last := CASE WHEN fence = drawn THEN head ELSE drawn END;
  END $$`,

  // How far the log of all tenants has come is not for one of them to know.
  `REVOKE SELECT ON SEQUENCE holdfast.events_position_seq FROM holdfast_app`,
  `REVOKE EXECUTE ON FUNCTION holdfast.head FROM holdfast_app`,
]
