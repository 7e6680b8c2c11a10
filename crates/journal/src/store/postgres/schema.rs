//! The tables as PostgreSQL keeps them.
//!
//! The first seven are those of every store. Large parts lie in `chunks`. The last three are not part of the journal: they
//! let several nodes write to it, see [`crate::share`].

/// Version of the schema.
pub(super) const VERSION: u32 = 1;
/// What the comment on `meta` says; names the version.
pub(super) const MARK: &str = "bolwerk journal, store version 1";
/// How the mark of any version begins.
pub(super) const MARK_PREFIX: &str = "bolwerk journal, store version ";

/// Run in this order to make a store. Ciphertext is not worth compressing.
pub(super) const CREATE: [&str; 15] = [
    "CREATE TABLE meta (name text PRIMARY KEY, value bytea NOT NULL)",
    "COMMENT ON TABLE meta IS 'bolwerk journal, store version 1'",
    "CREATE TABLE entries (seq bigint PRIMARY KEY, hash bytea NOT NULL, leaf bytea NOT NULL, body bytea NOT NULL, small bytea NOT NULL)",
    "ALTER TABLE entries ALTER COLUMN small SET STORAGE EXTERNAL",
    "CREATE TABLE bulk (id bigint PRIMARY KEY, stored bytea NOT NULL)",
    "ALTER TABLE bulk ALTER COLUMN stored SET STORAGE EXTERNAL",
    "CREATE TABLE sealed (key bigint, seq bigint, number bigint, PRIMARY KEY (key, seq, number), UNIQUE (seq, number))",
    "CREATE TABLE files (stored bytea PRIMARY KEY, seq bigint NOT NULL, number bigint NOT NULL, UNIQUE (seq, number))",
    "CREATE TABLE erased (key bigint PRIMARY KEY, seq bigint NOT NULL)",
    "CREATE TABLE tiles (id bigint PRIMARY KEY, hashes bytea NOT NULL)",
    "CREATE TABLE chunks (stored bytea REFERENCES files ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, number bigint, bytes bytea NOT NULL, PRIMARY KEY (stored, number))",
    "ALTER TABLE chunks ALTER COLUMN bytes SET STORAGE EXTERNAL",
    "CREATE TABLE nodes (node text PRIMARY KEY, batch bigint NOT NULL, cleared bigint NOT NULL)",
    "CREATE TABLE batches (batch bigint PRIMARY KEY, first bigint NOT NULL UNIQUE, last bigint NOT NULL, node text NOT NULL)",
    "CREATE TABLE keys (id bigint PRIMARY KEY, batch bigint NOT NULL, wrapped bytea NOT NULL)",
];

/// Names and descriptions of everything in the schema but indexes, which follow from the constraints: kind and persistence,
/// columns, constraints, and whatever acts on its own.
pub(super) const DESCRIBE: &str = "
SELECT c.relname::text, concat_ws('; ', c.relkind::text || c.relpersistence::text,
    (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '!' ELSE '' END || a.attstorage::text, ', ' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
    (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.contype, pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
    (SELECT string_agg('trigger ' || t.tgname, ', ') FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    (SELECT string_agg('trigger off ' || t.tgname, ', ') FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled <> 'O'),
    (SELECT string_agg('rule ' || r.rulename, ', ') FROM pg_rewrite r WHERE r.ev_class = c.oid),
    (SELECT string_agg('policy ' || p.polname, ', ') FROM pg_policy p WHERE p.polrelid = c.oid),
    (SELECT string_agg('heir ' || i.inhrelid::regclass::text, ', ') FROM pg_inherits i WHERE i.inhparent = c.oid OR i.inhrelid = c.oid),
    (SELECT string_agg('index ' || x.relname, ', ') FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
        AND (NOT i.indisvalid OR NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid))),
    CASE WHEN c.relrowsecurity THEN 'row security' END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind NOT IN ('i', 't')
ORDER BY 1";

/// What [`DESCRIBE`] finds in a store as it was made.
pub(super) const DESCRIBED: [(&str, &str); 11] = [
    ("meta", "rp; name text!x, value bytea!x; PRIMARY KEY (name)"),
    ("entries", "rp; seq bigint!p, hash bytea!x, leaf bytea!x, body bytea!x, small bytea!e; PRIMARY KEY (seq)"),
    ("bulk", "rp; id bigint!p, stored bytea!e; PRIMARY KEY (id)"),
    ("sealed", "rp; key bigint!p, seq bigint!p, number bigint!p; PRIMARY KEY (key, seq, number), UNIQUE (seq, number)"),
    ("files", "rp; stored bytea!x, seq bigint!p, number bigint!p; PRIMARY KEY (stored), UNIQUE (seq, number)"),
    ("erased", "rp; key bigint!p, seq bigint!p; PRIMARY KEY (key)"),
    ("tiles", "rp; id bigint!p, hashes bytea!x; PRIMARY KEY (id)"),
    (
        "chunks",
        "rp; stored bytea!x, number bigint!p, bytes bytea!e; FOREIGN KEY (stored) REFERENCES files(stored) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, PRIMARY KEY (stored, number)",
    ),
    ("nodes", "rp; node text!x, batch bigint!p, cleared bigint!p; PRIMARY KEY (node)"),
    ("batches", "rp; batch bigint!p, first bigint!p, last bigint!p, node text!x; PRIMARY KEY (batch), UNIQUE (first)"),
    ("keys", "rp; id bigint!p, batch bigint!p, wrapped bytea!x; PRIMARY KEY (id)"),
];
