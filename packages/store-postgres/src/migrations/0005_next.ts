/** A reader who waits gets what it waited for with the answer that it is there. */

export const statements: ReadonlyArray<string> = [
  // A function, because each statement of one has a snapshot of its own: called with a head, it sees all that the look
  // at the fence found to be over. Part of the same statement, it would see the log as it was before that look.
  // What is filtered out is passed over in the index of positions, without its row being touched.
  `CREATE FUNCTION holdfast.events_between(
    p_after bigint, p_until bigint, p_size int, p_categories text[], p_types text[], p_tenant text
  ) RETURNS SETOF holdfast.events LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    IF p_after < p_until THEN
      RETURN QUERY
      WITH wanted AS MATERIALIZED (
        SELECT e.position FROM holdfast.events e
        WHERE e.position > p_after AND e.position <= p_until
          AND (p_categories IS NULL OR e.category = ANY(p_categories))
          AND (p_types IS NULL OR e.type = ANY(p_types))
          AND (p_tenant IS NULL OR e.tenant_id = p_tenant)
        ORDER BY e.position LIMIT p_size)
      SELECT e.* FROM wanted JOIN holdfast.events e USING (position) ORDER BY position;
    END IF;
  END $$`,
  `ALTER FUNCTION holdfast.events_between OWNER TO holdfast_owner`,
  `REVOKE ALL ON FUNCTION holdfast.events_between FROM PUBLIC`,
  `GRANT EXECUTE ON FUNCTION holdfast.events_between TO holdfast_runner`,
]
