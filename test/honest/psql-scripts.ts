/** What psql is told, by what it is about. Each leaves the database as it was. */
export const PSQL_SCRIPTS: Readonly<Record<string, string>> = {
  'backslash commands': `\\d
\\d customers
\\d+ v_people
\\dt
\\dt+ orders
\\df
\\du
\\dn+
\\dv
\\di
\\ds
\\dT+
\\do public.*
\\dp
\\dx
\\l
\\sf get_person
\\sv v_people
`,
  'formats and variables': `\\x on
SELECT * FROM orders LIMIT 2;
\\x off
\\pset format csv
SELECT id, total FROM orders;
\\pset format aligned
SELECT 1 AS a, 2 AS b \\gset
\\echo :a :b
SELECT g AS v, g % 2 AS h, g * 10 AS c FROM generate_series(1, 4) g \\crosstabview
SELECT 1 AS one, 'x'::text AS two \\gdesc
SELECT format('SELECT %s AS n', g) FROM generate_series(1, 3) g \\gexec
SELECT 1 \\; SELECT 2 \\; SELECT 3;
`,
  'transactions, savepoints and errors': `BEGIN;
CREATE TABLE honest (id int PRIMARY KEY, t text);
INSERT INTO honest VALUES (1, 'a');
SAVEPOINT s;
INSERT INTO honest VALUES (1, 'b');
SELECT 1;
ROLLBACK TO s;
INSERT INTO honest VALUES (2, 'b') RETURNING *;
SELECT 1 / 0;
SELECT 2;
ROLLBACK;
SELECT 'x'::int;
SELECT * FROM nowhere;
SELECT snn FROM customers;
DO $$ BEGIN RAISE NOTICE 'told %', 1; RAISE WARNING 'warned'; END $$;
\\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1 / 0;
SELECT 3;
COMMIT;
\\errverbose
`,
  'COPY both ways': `CREATE TABLE copied (id int, t text);
COPY copied FROM STDIN;
1	one
2	two\\\\three
\\N	\\N
\\.
COPY copied TO STDOUT;
COPY copied TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *);
\\copy copied from stdin csv
3,"quoted ""text"""
\\.
\\copy (select * from copied order by id) to stdout csv header
COPY copied FROM STDIN;
x	bad
\\.
SELECT count(*) FROM copied;
DROP TABLE copied;
`,
  'cursors and prepared statements': `BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, total FROM orders ORDER BY id;
FETCH 2 FROM c;
MOVE 1 FROM c;
FETCH ALL FROM c;
FETCH BACKWARD 2 FROM c;
CLOSE c;
COMMIT;
\\set FETCH_COUNT 2
SELECT id FROM orders ORDER BY id;
\\unset FETCH_COUNT
PREPARE p (int) AS SELECT $1 + 1 AS n;
EXECUTE p(41);
EXECUTE p('x');
DEALLOCATE p;
`,
  'settings, notifications and large objects': `SET application_name = 'honest';
SHOW application_name;
SET work_mem = '8MB';
SHOW work_mem;
RESET work_mem;
SET TIME ZONE 'Europe/Vienna';
SELECT '2024-07-01 12:00:00+00'::timestamptz;
SHOW no_such_setting;
BEGIN;
SELECT lo_from_bytea(777001, 'large'::bytea);
SELECT lo_get(777001), lo_unlink(777001);
COMMIT;
EXPLAIN (COSTS off) SELECT * FROM customers WHERE id = 1;
ANALYZE orders;
VACUUM orders;
`,
}

/** A script of pgbench in pipeline mode. */
export const BENCH_SCRIPT = `\\set aid random(1, 1000)
\\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1;
SELECT 1;
\\endpipeline
`
