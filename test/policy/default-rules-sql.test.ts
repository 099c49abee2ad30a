import { beforeAll, expect, test } from 'vitest'
import { decideStatement } from '../../src/policy/statement-judge.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { ASKER, NOON, policyOf, spell } from './asked.js'

const policy = policyOf([])

beforeAll(loadPostgresGrammar)

/** Checks what the shipped rules say of a text, as the real grammar reads it. */
function check(sql: string, verdict: string): void {
  test(`${verdict}: ${sql === '' ? 'an empty text' : sql}`, () => {
    const facts = readPostgresText(sql)
    const statements = facts.understood ? facts.statements : []
    const resolveTables = () => []
    expect(
      spell(decideStatement(policy, { ...ASKER, text: sql, facts, statements, now: NOON, resolveTables })),
    ).toBe(verdict)
  })
}

check('', 'allow')
check('SELECT 1', 'allow')
check(';', 'allow')
check('DROP TABLE t', 'deny no-drop')
check('ALTER TABLE t DROP COLUMN c', 'deny no-drop')
check('ALTER TABLE t ADD COLUMN c int', 'allow')
check('TRUNCATE t', 'deny no-truncate')
check('DELETE FROM t', 'deny no-bare-delete')
check('DELETE FROM t WHERE true', 'deny no-bare-delete')
check('DELETE FROM t WHERE id = 1', 'allow')
check('DELETE FROM t WHERE id = id', 'deny no-bare-delete')
check('DELETE FROM t USING u', 'deny no-bare-delete')
check('UPDATE t SET a = 1', 'deny no-bare-update')
check('UPDATE t SET a = 1 WHERE 1=1 OR id=2', 'deny no-bare-update')
check('WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 'deny no-bare-delete')
check('EXPLAIN ANALYZE DELETE FROM t', 'deny no-bare-delete')
check('EXPLAIN DELETE FROM t', 'allow')
check('PREPARE p AS DELETE FROM t', 'deny no-bare-delete')
check('MERGE INTO t USING u ON t.id=u.id WHEN MATCHED THEN DELETE', 'deny no-bare-delete')
check('MERGE INTO t USING u ON t.id=u.id WHEN MATCHED THEN UPDATE SET a=1', 'deny no-bare-update')
check('DO $$ begin end $$', 'deny no-opaque-code')
check("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'", 'deny no-opaque-code')
check('CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()', 'deny no-opaque-code')
check('CREATE RULE r AS ON SELECT TO t DO INSTEAD SELECT 1', 'deny no-opaque-code')
check("COPY t TO '/tmp/x'", 'deny no-server-access')
check("COPY t FROM PROGRAM 'id'", 'deny no-server-access')
check('COPY t TO STDOUT', 'allow')
check("SELECT pg_read_file('x')", 'deny no-server-access')
check("SELECT * FROM pg_ls_dir('.')", 'deny no-server-access')
check("SELECT lo_import('/etc/passwd')", 'deny no-server-access')
check(`SELECT "pg_catalog"."query_to_xml"('select 1',true,true,'')`, 'deny no-server-access')
check('CALL p()', 'allow')
check('SET ROLE admin', 'deny no-identity-change')
check(`SET "ROLE" = 'admin'`, 'deny no-identity-change')
check('SET SESSION AUTHORIZATION bob', 'deny no-identity-change')
check('RESET ROLE', 'allow')
check('SET ROLE NONE', 'allow')
check('RESET SESSION AUTHORIZATION', 'allow')
check('DISCARD ALL', 'allow')
check('RESET ALL', 'allow')
check("SELECT set_config('role','admin',false)", 'deny no-identity-change')
check("SELECT set_config('ro'||'le','admin',false)", 'deny no-reading-change')
check("SELECT set_config('role',(SELECT 'admin'),false)", 'deny no-identity-change')
check("SELECT pg_catalog.set_config('search_path','',false)", 'allow')
check('SET standard_conforming_strings = off', 'deny no-reading-change')
check('SET standard_conforming_strings TO on', 'allow')
check("SET STANDARD_CONFORMING_STRINGS TO 'off'", 'deny no-reading-change')
check(`SET "Standard_Conforming_Strings" TO 'off'`, 'deny no-reading-change')
check('SET LOCAL standard_conforming_strings = off', 'deny no-reading-change')
check('RESET standard_conforming_strings', 'deny no-reading-change')
check('SET standard_conforming_strings = DEFAULT', 'deny no-reading-change')
check('ALTER ROLE me SET standard_conforming_strings = off', 'deny no-reading-change')
check("ALTER DATABASE d SET client_encoding = 'SJIS'", 'deny no-reading-change')
check('ALTER SYSTEM SET standard_conforming_strings = off', 'deny no-reading-change')
check("SET NAMES 'SJIS'", 'deny no-reading-change')
check("SET NAMES 'utf-8'", 'allow')
check('SET NAMES', 'allow')
check('SET CLIENT_ENCODING TO DEFAULT', 'allow')
check("SELECT set_config('client_encoding','SJIS',false)", 'deny no-reading-change')
check(
  "SELECT set_config(name => 'client_encoding', setting => 'SJIS', is_local => false)",
  'deny no-reading-change',
)
check(
  "SELECT set_config(setting => 'SJIS', setting_name => 'client_encoding', is_local => false)",
  'deny no-reading-change',
)
check(
  "UPDATE pg_settings SET setting='off' WHERE name='standard_conforming_strings'",
  'deny no-reading-change',
)
check('CREATE VIEW v AS SELECT * FROM pg_settings', 'deny no-reading-change')
check('CREATE TEMP VIEW v AS SELECT * FROM pg_catalog.pg_settings', 'deny no-reading-change')
check('CREATE MATERIALIZED VIEW v AS SELECT * FROM pg_settings', 'deny no-reading-change')
check('INSERT INTO pg_settings VALUES (1)', 'deny no-reading-change')
check(
  "MERGE INTO pg_settings USING u ON true WHEN MATCHED THEN UPDATE SET setting='off'",
  'deny no-reading-change',
)
check('SET session_replication_role = replica', 'deny no-reading-change')
check('SET transform_null_equals = on', 'deny no-reading-change')
check("SELECT set_config('transform_null_equals', 'yes', true)", 'deny no-reading-change')
check('RESET transform_null_equals', 'allow')
check('BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT', 'allow')
check('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'allow')
check("SET TIME ZONE 'UTC'", 'allow')
check('SELECT 1; TRUNCATE t; SELECT 2', 'deny no-truncate')
check("SELECT dblink('x','y')", 'deny no-server-access')
check('SELECT a, FROM', 'deny not-understood')
check('DECLARE c CURSOR FOR SELECT 1', 'allow')
check("CREATE TABLE x (a int DEFAULT pg_read_file('x')::int)", 'deny no-server-access')
check('CREATE SCHEMA s CREATE TABLE t(a int)', 'allow')
check('CREATE TABLE AS SELECT 1', 'deny not-understood')
check('SELECT * FROM ROWS FROM (pg_ls_waldir()) x', 'deny no-server-access')
check("SELECT 1 WHERE (SELECT lo_export(1,'x')) = 1", 'deny no-server-access')
check('INSERT INTO t SELECT 1 ON CONFLICT DO UPDATE SET a = 1', 'allow')
check("ALTER FUNCTION f() SET role = 'x'", 'deny no-identity-change')
check('CREATE AGGREGATE agg (int) (sfunc = pg_read_file, stype = text)', 'deny no-opaque-code')
check('CREATE OPERATOR === (procedure = pg_read_file, leftarg = text)', 'deny no-opaque-code')
check('CREATE CAST (text AS int) WITH FUNCTION f(text)', 'deny no-opaque-code')
check("LOAD 'x'", 'deny no-opaque-code')
check('CREATE EXTENSION dblink', 'deny no-opaque-code')
check('IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c', 'deny no-server-access')
check('CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw', 'deny no-server-access')
check("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", 'deny no-server-access')
check("SECURITY LABEL ON TABLE t IS 'x'", 'deny no-opaque-code')
check('CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()', 'deny no-opaque-code')
check('ALTER TABLE t DISABLE TRIGGER ALL', 'allow')
check('ALTER TABLE t RENAME TO u', 'allow')
check('ALTER TABLE t ALTER COLUMN a DROP NOT NULL', 'deny no-drop')
check("ALTER TABLE t ALTER COLUMN a TYPE int USING pg_read_file('x')::int", 'deny no-server-access')
check('ALTER TABLE t DETACH PARTITION p', 'deny no-drop')
check('DROP OWNED BY me', 'deny no-drop')
check('VACUUM t', 'allow')
check('GRANT ALL ON t TO PUBLIC', 'allow')
check('LOCK TABLE t', 'allow')
check('NOTIFY x', 'allow')
