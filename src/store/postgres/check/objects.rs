//! The objects of a schema with their definitions.

use super::{Connection, statement};
use crate::store::check::Objects;
use crate::store::error::StoreError;

/// The objects of the current schema: kind and name, and the definition. Names in a
/// definition have no schema if the schema is the current one. Storage parameters are
/// left out, because an operator may tune them, and so are objects of extensions.
const OBJECTS: &str = "\
    SELECT 'table ' || c.relname, '' FROM pg_class AS c \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p') \
       AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = c.oid AND deptype = 'e') \
    UNION ALL \
    SELECT 'column ' || c.relname || '.' || a.attname, \
           format_type(a.atttypid, a.atttypmod) || ' ' || CAST(a.attnotnull AS TEXT) || ' ' \
               || CAST(a.attidentity AS TEXT) || ' ' || coalesce(l.collname, '') || ' ' \
               || coalesce(pg_get_expr(d.adbin, d.adrelid, TRUE), '') \
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
                         LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum \
                         LEFT JOIN pg_collation AS l ON l.oid = a.attcollation \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p') \
       AND a.attnum > 0 AND NOT a.attisdropped \
       AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = c.oid AND deptype = 'e') \
    UNION ALL \
    SELECT 'constraint ' || c.relname || '.' || n.conname, \
           pg_get_constraintdef(n.oid, TRUE) \
      FROM pg_constraint AS n JOIN pg_class AS c ON c.oid = n.conrelid \
     WHERE n.connamespace = CAST(current_schema() AS regnamespace) \
    UNION ALL \
    SELECT 'index ' || c.relname, \
           pg_get_indexdef(i.indexrelid, 0, TRUE) || CASE WHEN i.indisvalid THEN '' \
                                                          ELSE ' is not valid' END \
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid \
                         JOIN pg_class AS t ON t.oid = i.indrelid AND t.relkind IN ('r', 'p') \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) \
    UNION ALL \
    SELECT 'trigger ' || c.relname || '.' || g.tgname, \
           pg_get_triggerdef(g.oid, TRUE) || ' ' || CAST(g.tgenabled AS TEXT) \
      FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT g.tgisinternal \
    UNION ALL \
    SELECT 'function ' || p.proname, p.prosrc || CAST(p.provolatile AS TEXT) \
      FROM pg_proc AS p \
     WHERE p.pronamespace = CAST(current_schema() AS regnamespace) \
       AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = p.oid AND deptype = 'e')";

/// A schema that exists within a transaction only.
const BEGIN: &str = "BEGIN; CREATE SCHEMA parlor_check; SET LOCAL search_path = parlor_check";

/// The objects of the database.
pub fn read(connection: &Connection) -> Result<Objects, StoreError> {
    let rows = connection.query(&statement(OBJECTS))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The objects that migrations create.
pub fn expected(connection: &Connection, migrations: &[&str]) -> Result<Objects, StoreError> {
    let create = || {
        connection.execute(BEGIN)?;
        for migration in migrations {
            connection.execute(migration)?;
        }
        read(connection)
    };
    let objects = create();
    connection.execute("ROLLBACK")?;
    objects
}
