import { describe } from 'vitest'
import { checkAll } from './check-facts.js'

describe('settings have the name and value that the server will see', () => {
  checkAll([
    ['SET statement_timeout = 0', 'SET statement_timeout=0'],
    ['SET LOCAL "Role" TO x', 'SET role=x'],
    ['SET SESSION search_path TO secret, public', 'SET search_path=secret, public'],
    ['SET ROLE admin', 'SET role=admin'],
    ['SET ROLE NONE', 'SET role=none'],
    ['RESET ROLE', 'RESET role='],
    ['SET SESSION AUTHORIZATION postgres', 'SET session_authorization=postgres'],
    ['RESET SESSION AUTHORIZATION', 'RESET session_authorization='],
    ['RESET ALL', 'RESET all='],
    ['RESET search_path', 'RESET search_path='],
    ["SET NAMES 'SJIS'", 'SET client_encoding=SJIS'],
    ['SET client_encoding TO DEFAULT', 'SET client_encoding='],
    ['SET search_path FROM CURRENT', 'SET search_path='],
    ["SET TIME ZONE 'UTC'", 'SET timezone=UTC'],
    ["SET TIME ZONE INTERVAL '1' HOUR TO MINUTE", 'SET timezone=1 | ::interval'],
    [
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE, DEFERRABLE',
      'SET transaction_isolation=serializable transaction_read_only=off transaction_deferrable=on',
    ],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'SET default_transaction_read_only=off'],
    ["SET TRANSACTION SNAPSHOT '00000003-0000001B-1'", 'SET transaction_snapshot=00000003-0000001B-1'],
    ['SET x.y = -1.5', 'SET x.y=-1.5'],
    ['SET CONSTRAINTS ALL DEFERRED', 'SET CONSTRAINTS'],
    ['SHOW search_path', 'SHOW'],
    ['SHOW ALL', 'SHOW ALL'],
    ['DISCARD ALL', 'DISCARD ALL !d all= | deallocate:ALL'],
    ['DISCARD PLANS', 'DISCARD PLANS'],
    ['DISCARD TEMP', 'DISCARD TEMP !d'],
  ])
})

describe('transaction control', () => {
  checkAll([
    ['START TRANSACTION READ ONLY', 'START TRANSACTION transaction_read_only=on'],
    ['COMMIT AND CHAIN', 'COMMIT'],
    ['END', 'COMMIT'],
    ['ABORT', 'ROLLBACK'],
    ['SAVEPOINT a', 'SAVEPOINT'],
    ['ROLLBACK TO a', 'ROLLBACK SAVEPOINT'],
    ['RELEASE a', 'RELEASE SAVEPOINT'],
    ["PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION'],
    ["COMMIT PREPARED 'x'", 'COMMIT PREPARED'],
  ])
})

describe('relations are created from what they read', () => {
  checkAll([
    [
      'CREATE TABLE public.t (id int PRIMARY KEY, a text DEFAULT f(1) CHECK (b > 0) REFERENCES q (z), LIKE l INCLUDING ALL) INHERITS (p)',
      'CREATE TABLE !wd >public.t q l p f() | b STORES',
    ],
    [
      'CREATE TABLE t (a int GENERATED ALWAYS AS (g(b)) STORED, b int) PARTITION BY RANGE (h(b))',
      'CREATE TABLE !wd >t g() h() | b STORES',
    ],
    ['CREATE TEMP TABLE z AS SELECT * FROM customers', 'CREATE TABLE !wd >z customers | INNERSTAR STORES'],
    ['CREATE TABLE z (a, b) AS SELECT 1, 2 WITH NO DATA', 'CREATE TABLE !wd >z | RENAMES STORES'],
    ['CREATE TABLE z AS EXECUTE p', 'CREATE TABLE !wd >z + EXECUTE | STORES execute:p'],
    [
      'CREATE TABLE child PARTITION OF parent FOR VALUES FROM (1) TO (2)',
      'CREATE TABLE !wd >child parent | STORES',
    ],
    ['CREATE VIEW v (a) AS SELECT ssn FROM customers', 'CREATE VIEW !wd >v customers | ssn RENAMES STORES'],
    [
      'CREATE OR REPLACE RECURSIVE VIEW v (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM v',
      'CREATE VIEW !wd >v | n SETOP RENAMES STORES',
    ],
    [
      'CREATE MATERIALIZED VIEW m AS SELECT * FROM customers',
      'CREATE MATERIALIZED VIEW !wd >m customers | INNERSTAR STORES',
    ],
    ['REFRESH MATERIALIZED VIEW CONCURRENTLY m', 'REFRESH MATERIALIZED VIEW !w >m'],
    [
      'CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT ssn FROM customers',
      'CREATE SCHEMA !wd + CREATE TABLE !wd >t + CREATE VIEW !wd >v customers | ssn STORES',
    ],
  ])
})

describe('CREATE says which code it brings in', () => {
  checkAll([
    [
      'CREATE INDEX i ON t (a, lower(b)) INCLUDE (c) WHERE d > 1',
      'CREATE INDEX !wd >t lower() | b ?d STORES',
    ],
    ['CREATE STATISTICS s ON a, (f(b)) FROM t', 'CREATE STATISTICS !wd >t f() | b STORES'],
    ['CREATE SEQUENCE s OWNED BY t.c', 'CREATE SEQUENCE !wd >s'],
    ['CREATE DOMAIN d AS text CHECK (f(value))', 'CREATE DOMAIN !wd f() | value'],
    ['CREATE TYPE t AS (a int)', 'CREATE TYPE !wd >t'],
    ["CREATE TYPE t AS ENUM ('a')", 'CREATE TYPE !wd'],
    ['CREATE TYPE b (INPUT = f, OUTPUT = g)', 'CREATE TYPE !wdo'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'delete from orders'", 'CREATE FUNCTION !wdo | STORES'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/x.so'", 'CREATE FUNCTION !wdos | STORES'],
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM orders; SELECT ssn FROM customers; END',
      'CREATE FUNCTION !wdo customers + DELETE !wU >orders | ssn STORES',
    ],
    [
      'CREATE OR REPLACE PROCEDURE p(a int DEFAULT g()) LANGUAGE plpgsql SET role TO admin AS $$ begin end $$',
      'CREATE PROCEDURE !wdo g() role=admin | STORES',
    ],
    [
      'CREATE TRIGGER x AFTER INSERT ON t WHEN (new.a > 1) EXECUTE FUNCTION f()',
      'CREATE TRIGGER !wdo >t | new.a',
    ],
    ['CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()', 'CREATE EVENT TRIGGER !wdo'],
    [
      'CREATE RULE r AS ON DELETE TO t DO INSTEAD DELETE FROM b',
      'CREATE RULE !wdo >t + DELETE !wU >b | STORES',
    ],
    ['CREATE POLICY p ON t USING (f(a))', 'CREATE POLICY !wdo >t f() | a'],
    ['ALTER POLICY p ON t USING (true)', 'ALTER POLICY !wdo >t'],
    ['CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)', 'CREATE AGGREGATE !wdo'],
    ['CREATE OPERATOR + (FUNCTION = f, LEFTARG = int)', 'CREATE OPERATOR !wdo'],
    ['CREATE CAST (int AS text) WITH FUNCTION f(int)', 'CREATE CAST !wdo'],
    ['CREATE EXTENSION dblink', 'CREATE EXTENSION !wdos'],
    ['CREATE LANGUAGE plpython3u', 'CREATE EXTENSION !wdos'],
    ['CREATE TRUSTED LANGUAGE l HANDLER h', 'CREATE LANGUAGE !wdos'],
    ["CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'x')", 'CREATE SERVER !wds'],
    ["CREATE USER MAPPING FOR x SERVER s OPTIONS (password 'p')", 'CREATE USER MAPPING !wds'],
    ['CREATE FOREIGN TABLE ft (a int) SERVER s', 'CREATE FOREIGN TABLE !wds >ft'],
    ['IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y', 'IMPORT FOREIGN SCHEMA !wds'],
    ["CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", 'CREATE SUBSCRIPTION !wds'],
    ['CREATE PUBLICATION p FOR TABLE t WHERE (a > 1)', 'CREATE PUBLICATION !wd t | ?a'],
    ["CREATE TABLESPACE x LOCATION '/tmp'", 'CREATE TABLESPACE !wds'],
    ["CREATE ROLE r SUPERUSER PASSWORD 'secret'", 'CREATE ROLE !wd'],
    ['CREATE USER u', 'CREATE USER !wd'],
    ['CREATE DATABASE d', 'CREATE DATABASE !wd'],
    ['CREATE ACCESS METHOD m TYPE TABLE HANDLER h', 'CREATE ACCESS METHOD !wdos'],
  ])
})

describe('ALTER says what disappears and which settings change', () => {
  checkAll([
    ['ALTER TABLE t ADD COLUMN a int DEFAULT f()', 'ALTER TABLE !wd >t f() | STORES'],
    ['ALTER TABLE t DROP COLUMN a', 'ALTER TABLE !wxd >t | STORES'],
    ['ALTER TABLE t DROP CONSTRAINT c', 'ALTER TABLE !wxd >t | STORES'],
    ['ALTER TABLE t ALTER a DROP DEFAULT, ALTER a DROP NOT NULL', 'ALTER TABLE !wxd >t | STORES'],
    ['ALTER TABLE t ALTER c TYPE text USING ssn', 'ALTER TABLE !wd >t | ssn STORES'],
    ['ALTER TABLE t RENAME ssn TO zip', 'ALTER COLUMN !wd >t'],
    ['ALTER TABLE t RENAME TO u', 'ALTER TABLE !wd >t'],
    ['ALTER TABLE t SET SCHEMA s', 'ALTER TABLE !wd >t'],
    ['ALTER TABLE t OWNER TO x', 'ALTER TABLE !wd >t | STORES'],
    ['ALTER TABLE t ATTACH PARTITION customers DEFAULT', 'ALTER TABLE !wd >t customers | STORES'],
    ['ALTER TABLE t DETACH PARTITION c', 'ALTER TABLE !wxd >t c | STORES'],
    ['ALTER TABLE t INHERIT p', 'ALTER TABLE !wd >t p | STORES'],
    ['ALTER TABLE t DISABLE ROW LEVEL SECURITY', 'ALTER TABLE !wd >t | STORES'],
    ['ALTER VIEW v ALTER COLUMN a SET DEFAULT 1', 'ALTER VIEW !wd >v | STORES'],
    ['ALTER TYPE t DROP ATTRIBUTE a', 'ALTER TYPE !wxd >t | STORES'],
    ['ALTER DOMAIN d DROP CONSTRAINT c', 'ALTER DOMAIN !wxd'],
    ['ALTER ROLE x SET standard_conforming_strings TO off', 'ALTER ROLE !wd standard_conforming_strings=off'],
    ['ALTER ROLE x SUPERUSER', 'ALTER ROLE !wd'],
    [
      'ALTER DATABASE d SET session_replication_role = replica',
      'ALTER DATABASE !wd session_replication_role=replica',
    ],
    ['ALTER ROLE ALL RESET ALL', 'ALTER ROLE !wd all='],
    ["ALTER SYSTEM SET archive_command = 'x'", 'ALTER SYSTEM !ws archive_command=x'],
    ['ALTER SYSTEM RESET ALL', 'ALTER SYSTEM !ws all='],
    ['ALTER FUNCTION f() SET role TO x', 'ALTER FUNCTION !wd role=x'],
    ['ALTER FUNCTION f() SECURITY DEFINER', 'ALTER FUNCTION !wd'],
    ['ALTER EXTENSION e UPDATE', 'ALTER EXTENSION !wdos'],
    ['ALTER EXTENSION e DROP TABLE t', 'ALTER EXTENSION !wxd >t'],
    ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x', 'ALTER DEFAULT PRIVILEGES !wd'],
    ['ALTER SEQUENCE s RESTART', 'ALTER SEQUENCE !wd >s'],
    ["ALTER SUBSCRIPTION s CONNECTION 'x'", 'ALTER SUBSCRIPTION !wds'],
    ['ALTER PUBLICATION p DROP TABLE t', 'ALTER PUBLICATION !wxd t'],
    ['ALTER LARGE OBJECT 1 OWNER TO x', 'ALTER LARGE OBJECT !wd'],
    ['ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR word', 'ALTER TEXT SEARCH CONFIGURATION !wxd'],
  ])
})

describe('DROP, TRUNCATE and rights', () => {
  checkAll([
    ['DROP TABLE a.b, c CASCADE', 'DROP TABLE !wxd >a.b >c'],
    ['DROP VIEW IF EXISTS v', 'DROP VIEW !wxd >v'],
    ['DROP MATERIALIZED VIEW m', 'DROP MATERIALIZED VIEW !wxd >m'],
    ['DROP INDEX CONCURRENTLY s.i', 'DROP INDEX !wxd >s.i'],
    ['DROP FUNCTION f(int)', 'DROP FUNCTION !wxd'],
    ['DROP SCHEMA s CASCADE', 'DROP SCHEMA !wxd'],
    ['DROP TRIGGER x ON s.t', 'DROP TRIGGER !wxd >s.t'],
    ['DROP POLICY p ON t', 'DROP POLICY !wxd >t'],
    ['DROP TYPE ty', 'DROP TYPE !wxd'],
    ['DROP DATABASE d', 'DROP DATABASE !wxd'],
    ['DROP ROLE r', 'DROP ROLE !wxd'],
    ['DROP OWNED BY x', 'DROP OWNED !wxd'],
    ['DROP EXTENSION e', 'DROP EXTENSION !wxd'],
    ['DROP USER MAPPING FOR x SERVER s', 'DROP USER MAPPING !wxd'],
    ['DROP SUBSCRIPTION s', 'DROP SUBSCRIPTION !wxds'],
    ['DROP TABLESPACE x', 'DROP TABLESPACE !wxds'],
    ['REASSIGN OWNED BY a TO b', 'REASSIGN OWNED !wd'],
    ['TRUNCATE ONLY a, s.b RESTART IDENTITY CASCADE', 'TRUNCATE TABLE !w >a >s.b'],
    ['GRANT SELECT (a) ON t TO x', 'GRANT TABLE !wd >t'],
    ['REVOKE ALL ON s.t FROM x', 'REVOKE TABLE !wd >s.t'],
    ['GRANT EXECUTE ON FUNCTION f TO x', 'GRANT FUNCTION !wd'],
    ['GRANT admin TO x', 'GRANT ROLE !wd'],
    ["COMMENT ON TABLE s.t IS 'x'", 'COMMENT TABLE !wd >s.t'],
    ["COMMENT ON COLUMN s.t.c IS 'x'", 'COMMENT COLUMN !wd >s.t'],
    ["SECURITY LABEL ON TABLE t IS 'x'", 'SECURITY LABEL !wdo >t'],
  ])
})

describe('the rest of the statements', () => {
  checkAll([
    ['LOCK TABLE a, s.b IN EXCLUSIVE MODE', 'LOCK TABLE !w a s.b'],
    ['LISTEN ch', 'LISTEN'],
    ["NOTIFY ch, 'x'", 'NOTIFY'],
    ['UNLISTEN *', 'UNLISTEN'],
    ['VACUUM FULL s.a (b)', 'VACUUM !w >s.a'],
    ['ANALYZE', 'ANALYZE !w'],
    ['ANALYZE t', 'ANALYZE !w >t'],
    ['CLUSTER t USING i', 'CLUSTER !w >t'],
    ['REINDEX TABLE t', 'REINDEX !w >t'],
    ['REINDEX DATABASE d', 'REINDEX !w'],
    ['CHECKPOINT', 'CHECKPOINT'],
    ["LOAD 'x'", 'LOAD !os'],
  ])
})
