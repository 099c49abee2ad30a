/**
 * A script for each area of SQL, in the manner of the server's own regression tests. Each works in a schema of its own,
 * which it drops; what it prints is the same in each run.
 */
export const REGRESSION_SCRIPTS: Readonly<Record<string, string>> = {
  'joins and subqueries': `CREATE TABLE a (i int, t text); CREATE TABLE b (i int, j int);
INSERT INTO a SELECT g, 'a' || g FROM generate_series(1, 6) g; INSERT INTO b SELECT g % 4, g FROM generate_series(1, 8) g;
SELECT * FROM a CROSS JOIN (VALUES (1), (2)) v(x) ORDER BY 1, 3;
SELECT * FROM a LEFT JOIN b USING (i) ORDER BY i, j;
SELECT * FROM a FULL JOIN b ON a.i = b.i AND j > 4 ORDER BY a.i, b.i, j;
SELECT * FROM a NATURAL JOIN b ORDER BY i, j;
SELECT a.*, l.m FROM a, LATERAL (SELECT max(j) AS m FROM b WHERE b.i = a.i) l ORDER BY i;
SELECT i, (SELECT count(*) FROM b WHERE b.i = a.i), EXISTS (SELECT 1 FROM b WHERE b.j = a.i) FROM a ORDER BY i;
SELECT t FROM a WHERE i = ANY (SELECT j FROM b) AND i <> ALL (SELECT i FROM b WHERE i > 2) ORDER BY t;
SELECT i FROM a WHERE (i, t) IN (SELECT i, 'a' || i FROM b) ORDER BY i;
SELECT t FROM a WHERE i = (SELECT i FROM b);
SELECT * FROM a JOIN c USING (i);
SELECT a.nope FROM a;
EXPLAIN (COSTS off) SELECT * FROM a JOIN b USING (i) WHERE j = 1;
`,
  'aggregates, grouping and windows': `CREATE TABLE n (g text, v numeric, d date);
INSERT INTO n SELECT chr(97 + x % 3), x * 1.5, date '2024-01-01' + x FROM generate_series(1, 12) x;
SELECT g, count(*), sum(v), avg(v), min(d), max(d), bool_or(v > 9), string_agg(v::text, ',' ORDER BY v) FROM n GROUP BY g ORDER BY g;
SELECT g, extract(month FROM d) AS m, sum(v), grouping(g, extract(month FROM d)) FROM n GROUP BY CUBE (g, extract(month FROM d)) ORDER BY 1, 2;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY v), mode() WITHIN GROUP (ORDER BY g), corr(v, v), var_pop(v) FROM n;
SELECT g, v, rank() OVER w, dense_rank() OVER w, ntile(2) OVER w, lag(v, 2, 0) OVER w, first_value(v) OVER w FROM n WINDOW w AS (PARTITION BY g ORDER BY v) ORDER BY g, v;
SELECT v, sum(v) OVER (ORDER BY v ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW), avg(v) OVER (ORDER BY d RANGE BETWEEN '2 days' PRECEDING AND CURRENT ROW) FROM n ORDER BY v;
SELECT DISTINCT ON (g) g, v FROM n ORDER BY g, v DESC;
SELECT g FROM n GROUP BY g HAVING sum(v) > 20 ORDER BY 1 LIMIT 2 OFFSET 0;
SELECT g, v FROM n GROUP BY g;
SELECT sum(count(*)) FROM n;
`,
  'common table expressions and set operations': `WITH RECURSIVE t(n, path) AS (SELECT 1, ARRAY[1] UNION ALL SELECT n + 1, path || n + 1 FROM t WHERE n < 6) SELECT * FROM t;
WITH RECURSIVE e(a, b) AS (VALUES (1, 2), (2, 3), (3, 1)), w AS (SELECT a, b FROM e WHERE a = 1 UNION ALL SELECT e.a, e.b FROM w JOIN e ON e.a = w.b) CYCLE a SET is_cycle USING path SELECT * FROM w;
CREATE TABLE x (i int); WITH ins AS (INSERT INTO x VALUES (1), (2), (3) RETURNING i) SELECT sum(i) FROM ins;
WITH gone AS (DELETE FROM x WHERE i < 3 RETURNING *), more AS (UPDATE x SET i = i * 10 WHERE i = 3 RETURNING *) SELECT * FROM gone UNION ALL TABLE more ORDER BY 1;
(SELECT 1 UNION SELECT 2 UNION ALL SELECT 2) EXCEPT ALL SELECT 2 ORDER BY 1;
SELECT 1 INTERSECT SELECT 1 UNION SELECT 'x';
VALUES (1, 'one'), (2, 'two') ORDER BY 1 DESC FETCH FIRST 1 ROW WITH TIES;
`,
  'arrays, JSON and composites': `SELECT ARRAY[[1,2],[3,4]], '{a,"b c",NULL}'::text[], (ARRAY[1,2,3])[2:3], array_length(ARRAY[1,2], 1), 2 = ANY ('{1,2}'::int[]);
SELECT unnest(ARRAY['x','y']), generate_subscripts(ARRAY[5,6], 1); SELECT * FROM unnest(ARRAY[1,2], ARRAY['a']) WITH ORDINALITY;
SELECT ARRAY[1,2] || 3, array_remove('{1,2,1}'::int[], 1), array_to_string('{1,NULL}'::int[], '-', '?'), ARRAY[1] <@ ARRAY[1,2];
SELECT '{"a": {"b": [1, 2, {"c": null}]}}'::jsonb #> '{a,b,2}', '{"a":1}'::json -> 'a', '[1,2]'::jsonb @> '2', '{"a":1}'::jsonb || '{"b":2}', '{"a":1}'::jsonb - 'a';
SELECT jsonb_set('{"a":1}', '{b}', '[true]', true), jsonb_pretty('{"a":[1]}'), jsonb_path_query_array('[1,5,9]', '$[*] ? (@ > 2)'), json_typeof('null');
SELECT * FROM jsonb_each('{"a":1,"b":"x"}'); SELECT * FROM json_to_recordset('[{"a":1,"b":"x"},{"a":2}]') AS r(a int, b text); SELECT row_to_json(r) FROM (VALUES (1, 'a')) r(i, t);
CREATE TYPE pair AS (i int, t text); SELECT (ROW(1, 'x')::pair).t, ROW(1, NULL) IS NULL, ROW(1, 'a') < ROW(1, 'b'); CREATE TABLE p (c pair, cs pair[]); INSERT INTO p VALUES ((1, 'a"b'), ARRAY[(2, 'c')::pair]); SELECT * FROM p; UPDATE p SET c.t = 'z' RETURNING (c).*;
SELECT '{bad'::int[]; SELECT '{"a":}'::json; SELECT '{"a":1}'::jsonb ->> 0;
`,
  'dates, numbers, texts and bytes': `SET datestyle = 'German, DMY'; SELECT date '2024-02-29', timestamp '2024-02-29 12:34:56.789'; SET datestyle = 'ISO, MDY'; SET intervalstyle = 'iso_8601'; SELECT interval '1 year 2 months 3 days 04:05:06'; RESET intervalstyle;
SELECT date '2024-01-31' + interval '1 month', age(date '2024-03-01', date '2023-02-28'), date_part('isoyear', date '2024-12-30'), timestamptz '2024-07-01 12:00+02' AT TIME ZONE 'America/New_York', make_interval(days => 3), date 'infinity';
SELECT 1e400; SELECT 0.1 + 0.2, 0.1::float8 + 0.2::float8, 'NaN'::numeric, 7 / 2, -7 % 3, 2 ^ 10, round(2.5), round(2.5::float8), 12345678901234567890.123456789::numeric(40, 5), '0x'::text;
SELECT 32767::int2 + 1::int2; SELECT 2147483647 + 1; SELECT sqrt(-1); SELECT to_char(1234567.891, '9G999G999D99'), to_number('1,234.5', '9,999.9');
SELECT 'a' || 1, left('häß', 2), overlay('abcdef' PLACING 'X' FROM 2 FOR 3), regexp_matches('a1b2', '[a-z]\\d', 'g'), split_part('a,b,c', ',', 2), translate('abc', 'ab', 'x'), format('%I %L %s', 'A b', 'it''s', 1), 'abc' ~* 'B', 'a_c' LIKE 'a\\_c', quote_literal(E'a\\'b\\\\');
SELECT '\\xdeadbeef'::bytea, encode('\\x00ff', 'base64'), E'\\\\000abc'::bytea, length('ä'::bytea), get_byte('\\x1020', 1); SET bytea_output = 'escape'; SELECT '\\x00ff41'::bytea; RESET bytea_output;
SELECT U&'d\\0061t\\+000061', E'\\u00e4', $q$it's $$ here$q$, 'two'
' parts', N'n', B'101', X'1F';
`,
  'enums, domains, ranges and networks': `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TABLE m (x mood); INSERT INTO m VALUES ('ok'), ('sad'); SELECT * FROM m ORDER BY x; ALTER TYPE mood ADD VALUE 'great' AFTER 'happy'; SELECT enum_range(NULL::mood); INSERT INTO m VALUES ('angry');
CREATE DOMAIN posint AS int CHECK (VALUE > 0); SELECT 5::posint; SELECT (-5)::posint; ALTER DOMAIN posint ADD CONSTRAINT small CHECK (VALUE < 10); SELECT 11::posint;
SELECT int4range(1, 5) * int4range(3, 8), '[2024-01-01,2024-02-01)'::daterange @> date '2024-01-15', int4range(1, 5) && int4range(5, 8), upper(numrange(1, 2)), '{[1,2],[5,6]}'::int4multirange;
CREATE TABLE r (during int4range, EXCLUDE USING gist (during WITH &&)); INSERT INTO r VALUES ('[1,5)'), ('[5,8)'); INSERT INTO r VALUES ('[4,6)'); SELECT '[5,1]'::int4range;
SELECT '192.168.1.5/24'::inet, network('192.168.1.5/24'), '10.0.0.1'::inet << '10.0.0.0/8', '08:00:2b:01:02:03'::macaddr, host('::1'::inet), gen_random_uuid() IS NOT NULL, '5 days'::interval > '4 days', money '12.50' * 2, '101'::bit(3) | '010';
`,
  'full text, XML and geometry': `SELECT to_tsvector('english', 'The quick brown foxes jumped'), to_tsquery('english', 'fox & jump'), to_tsvector('english', 'A fox') @@ to_tsquery('english', 'foxes'), ts_headline('english', 'a quick fox', 'fox'::tsquery), ts_rank(to_tsvector('a b a'), 'a');
CREATE TABLE docs (t text, v tsvector GENERATED ALWAYS AS (to_tsvector('simple', t)) STORED); CREATE INDEX ON docs USING gin (v); INSERT INTO docs (t) VALUES ('one two'), ('two three'); SELECT t FROM docs WHERE v @@ 'two & !one'; SELECT 'a &'::tsquery;
SELECT xmlelement(name a, xmlattributes(1 AS b), 'c<d'), xmlforest(1 AS x, 'y' AS z), xpath('/r/i/text()', '<r><i>1</i><i>2</i></r>'), xmlparse(content '<a/>'), '<a>'::xml;
SELECT * FROM xmltable('/r/i' PASSING ('<r><i k="1">x</i><i k="2">y</i></r>'::xml) COLUMNS k int PATH '@k', v text PATH '.');
SELECT point(1, 2) <-> point(4, 6), box '((0,0),(2,2))' && box '((1,1),(3,3))', circle '<(0,0),2>' @> point(1, 1), area(box '((0,0),(2,3))'), lseg '[(0,0),(1,1)]' ?| lseg '[(0,0),(1,1)]', path '((0,0),(1,1),(2,0))', polygon(circle '<(0,0),1>', 4) IS NOT NULL, line '{1,2,3}';
`,
  'writing: upserts, merges, generated columns, returning': `CREATE TABLE k (id int PRIMARY KEY, v text DEFAULT 'd', n int GENERATED ALWAYS AS (id * 2) STORED, i int GENERATED BY DEFAULT AS IDENTITY);
INSERT INTO k (id) VALUES (1), (2) RETURNING *; INSERT INTO k VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v || k.v WHERE k.id = 1 RETURNING id, v; INSERT INTO k VALUES (1) ON CONFLICT DO NOTHING; INSERT INTO k VALUES (1);
UPDATE k SET (v, id) = (SELECT 'u', 20) WHERE id = 2 RETURNING *; DELETE FROM k USING (VALUES (20)) d(x) WHERE id = d.x RETURNING k.*, d.x; INSERT INTO k (id, n) VALUES (9, 1);
MERGE INTO k USING (VALUES (1, 'm'), (5, 'new')) s(id, v) ON k.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v); SELECT id, v, n FROM k ORDER BY id;
TRUNCATE k RESTART IDENTITY; ALTER TABLE k ADD COLUMN c int NOT NULL DEFAULT 7, ADD CHECK (c > 0), ALTER v SET NOT NULL; INSERT INTO k (id, c) VALUES (1, 0); INSERT INTO k (id, v) VALUES (1, NULL); \\d k
CREATE TABLE child (id int REFERENCES k ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED); BEGIN; INSERT INTO child VALUES (77); COMMIT;
`,
  'sequences, temporary tables, views and materialized views': `CREATE SEQUENCE s START 10 INCREMENT 5 MAXVALUE 20 NO CYCLE; SELECT nextval('s'), nextval('s'), currval('s'), lastval(); SELECT setval('s', 20); SELECT nextval('s'); ALTER SEQUENCE s RESTART; SELECT nextval('s'); SELECT last_value, is_called FROM s;
CREATE TEMP TABLE t (i int) ON COMMIT DELETE ROWS; BEGIN; INSERT INTO t VALUES (1); SELECT * FROM t; COMMIT; SELECT count(*) FROM t; CREATE TEMP TABLE t2 ON COMMIT DROP AS SELECT 1 AS x; SELECT * FROM t2;
CREATE TABLE base (i int, t text); INSERT INTO base VALUES (1, 'a'), (2, 'b'); CREATE VIEW v AS SELECT i FROM base WHERE i < 2 WITH CHECK OPTION; INSERT INTO v VALUES (1); INSERT INTO v VALUES (5); \\d+ v
CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM base WITH NO DATA; SELECT * FROM mv; REFRESH MATERIALIZED VIEW mv; SELECT * FROM mv; CREATE OR REPLACE VIEW v AS SELECT t FROM base; DROP TABLE base; SELECT pg_get_viewdef('v'::regclass);
`,
  'triggers, functions and procedures': `CREATE TABLE t (i int, log text); CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.log := TG_OP || ' ' || TG_NAME; RAISE NOTICE 'row %', NEW.i; RETURN NEW; END $$; CREATE TRIGGER one BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tf(); INSERT INTO t VALUES (1), (2); UPDATE t SET i = 3 WHERE i = 2; SELECT * FROM t ORDER BY i;
CREATE FUNCTION fib(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n < 2 THEN RETURN n; END IF; RETURN fib(n - 1) + fib(n - 2); END $$; SELECT fib(10); CREATE FUNCTION two(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql AS 'VALUES (1, ''x''), (2, ''y'')'; SELECT * FROM two();
CREATE FUNCTION add(a int, b int DEFAULT 5, VARIADIC c int[] DEFAULT '{}') RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + b + cardinality(c); END; SELECT add(1), add(1, 2), add(b => 1, a => 1), add(1, 2, 3, 4);
CREATE PROCEDURE pr(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x + 1; COMMIT; END $$; CALL pr(1); BEGIN; CALL pr(1); ROLLBACK;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT g FROM generate_series(1, 3) g LOOP RAISE NOTICE 'g %', r.g; END LOOP; BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN RAISE WARNING 'caught %', SQLERRM; END; RAISE EXCEPTION 'own' USING ERRCODE = 'P0999', DETAIL = 'd', HINT = 'h'; END $$;
DO $$ BEGIN EXECUTE format('SELECT %L::int', 'x'); END $$; SELECT fib('x'); SELECT nothing(1); DROP FUNCTION tf(); SELECT * FROM pg_get_keywords() WHERE word = 'select';
`,
  'transactions, savepoints and two phases': `CREATE TABLE t (i int); BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; SHOW transaction_isolation; SAVEPOINT a; INSERT INTO t VALUES (1); SAVEPOINT a; INSERT INTO t VALUES (2); ROLLBACK TO a; RELEASE a; ROLLBACK TO nope; COMMIT AND CHAIN; SELECT * FROM t; COMMIT; COMMIT;
BEGIN READ ONLY; INSERT INTO t VALUES (3); SELECT 1; END; START TRANSACTION; SET LOCAL work_mem = '1MB'; SHOW work_mem; ROLLBACK AND CHAIN; ABORT; SET TRANSACTION READ ONLY; BEGIN; LOCK TABLE t IN EXCLUSIVE MODE; SELECT mode FROM pg_locks WHERE relation = 't'::regclass; ROLLBACK;
BEGIN; INSERT INTO t VALUES (4); PREPARE TRANSACTION 'two'; SELECT gid FROM pg_prepared_xacts; COMMIT PREPARED 'two'; ROLLBACK PREPARED 'nope'; SELECT pg_advisory_lock(1), pg_try_advisory_lock(1), pg_advisory_unlock_all(); SELECT i FROM t ORDER BY i FOR UPDATE SKIP LOCKED;
SELECT 1\\; SELECT 1 / 0\\; SELECT 2; INSERT INTO t VALUES (50)\\; SELECT 1 / 0; SELECT count(*) FROM t WHERE i = 50; BEGIN\\; INSERT INTO t VALUES (51)\\; COMMIT\\; SELECT 1 / 0; SELECT count(*) FROM t WHERE i = 51;
`,
  'partitions, inheritance and tables of elsewhere': `CREATE TABLE p (i int, t text) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (t); CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN ('a', NULL); INSERT INTO p VALUES (1, 'x'), (11, 'a'); INSERT INTO p VALUES (12, 'b'); INSERT INTO p VALUES (99, 'z'); SELECT tableoid::regclass, * FROM p ORDER BY i; UPDATE p SET i = 2, t = 'c' WHERE i = 11; SELECT count(*) FROM ONLY p; ALTER TABLE p DETACH PARTITION p1; SELECT * FROM p; EXPLAIN (COSTS off) SELECT * FROM p WHERE i = 15; \\d+ p
CREATE TABLE h (i int) PARTITION BY HASH (i); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE hd PARTITION OF h DEFAULT; CREATE TABLE par (i int); CREATE TABLE kid (k text) INHERITS (par); INSERT INTO kid VALUES (1, 'k'); SELECT * FROM par; SELECT * FROM ONLY par; ALTER TABLE kid NO INHERIT par; SELECT count(*) FROM par;
CREATE FOREIGN DATA WRAPPER honest_dummy; CREATE SERVER honest_server FOREIGN DATA WRAPPER honest_dummy OPTIONS (a 'b'); CREATE FOREIGN TABLE f (i int) SERVER honest_server; SELECT * FROM f; \\des+
DROP SERVER honest_server CASCADE; DROP FOREIGN DATA WRAPPER honest_dummy;
`,
  'large objects and notifications': `BEGIN; SELECT lo_create(990001); SELECT lo_put(990001, 0, 'hello'); SELECT lo_get(990001, 1, 3), convert_from(lo_get(990001), 'UTF8'); SELECT lo_open(990001, 262144), loread(0, 5); SELECT lo_unlink(990001); COMMIT; SELECT lo_get(990001);
LISTEN news; NOTIFY news; NOTIFY news, 'a payload with ''quotes'''; SELECT pg_notify('news', 'by function'); SELECT pg_listening_channels(); BEGIN; NOTIFY news, 'rolled back'; ROLLBACK; UNLISTEN *; NOTIFY news, 'unheard'; SELECT 1;
`,
  'COPY in every form': `CREATE TABLE t (i int, t text, n numeric, b bytea); INSERT INTO t VALUES (1, E'a\\tb\\nc\\\\d', 1.50, '\\x00ff'), (2, NULL, NULL, NULL), (3, '', 'NaN', ''), (4, '\\.', -1, '\\x27');
COPY t TO STDOUT; COPY t TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (t), NULL 'nil', DELIMITER ';', QUOTE '''', ESCAPE '\\'); COPY t (t, i) TO STDOUT (DELIMITER '|', NULL ''); COPY (SELECT i, t FROM t WHERE i > 1 ORDER BY i DESC) TO STDOUT; COPY t TO STDOUT (FORMAT binary); COPY t (nope) TO STDOUT; COPY (DELETE FROM t WHERE i = 4 RETURNING i) TO STDOUT;
CREATE TABLE c (i int PRIMARY KEY, t text DEFAULT 'd'); COPY c FROM STDIN;
1	one
2	two\\nlines
\\.
COPY c FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (t));
i,t
3,"a, ""b"""
4,""
\\.
COPY c (i) FROM STDIN WHERE i > 5;
5
6
\\.
COPY c FROM STDIN;
1	twice
\\.
COPY c FROM STDIN;
7	too	many
\\.
SELECT * FROM c ORDER BY i; BEGIN; COPY c FROM STDIN;
8	gone
\\.
ROLLBACK; SELECT count(*) FROM c; SELECT 1\\; COPY c TO STDOUT\\; SELECT 2;
`,
  'psql: watching, describing, scripting': `CREATE SEQUENCE w; SELECT 10 / (3 - nextval('w')) AS left \\watch 0.05
SELECT 1 AS a, 'x'::varchar(5) AS b, NULL::jsonb \\gdesc
SELECT 'CREATE TABLE g' || g || ' (i int)' FROM generate_series(1, 2) g \\gexec
\\dt g*
SELECT 3 AS three, 'v' AS letter \\gset p_
\\if :p_three
SELECT :'p_letter' AS v, :"p_letter" FROM (VALUES (1)) q(v);
\\else
SELECT 'never';
\\endif
\\set ON_ERROR_STOP off
\\errverbose
SELECT repeat('x', 100000) \\g /dev/null
\\t on
\\a
SELECT 1, NULL \\gx
`,
}

/** Names that are nowhere: the words are the server's, without the place in its source, and with a hint about cursors. */
export const NAMES_SCRIPT = `EXECUTE nope; EXECUTE nope(1, 2); DEALLOCATE nope; FETCH 1 FROM nope; CLOSE nope; MOVE 1 IN nope; BEGIN; EXECUTE nope; EXECUTE nope; FETCH ALL FROM nope; ROLLBACK; EXPLAIN EXECUTE nope; CREATE TABLE x AS EXECUTE nope;
PREPARE "Odd name"(text, int) AS SELECT $1 || $2; EXECUTE "Odd name"('a', 1); EXECUTE odd; PREPARE "Odd name" AS SELECT 1; EXECUTE "Odd name"('a'); EXPLAIN (COSTS off) EXECUTE "Odd name"('a', 2); DEALLOCATE "Odd name"; EXECUTE "Odd name"('a', 1); PREPARE one AS VALUES (1); PREPARE two AS VALUES (2); DEALLOCATE ALL; EXECUTE one; SELECT count(*) FROM pg_prepared_statements;
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 5) g; DECLARE d NO SCROLL CURSOR FOR VALUES (1), (2); FETCH 2 FROM c; FETCH BACKWARD 1 FROM d; ROLLBACK; BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 5) g; FETCH ABSOLUTE 4 FROM c; COMMIT; FETCH PRIOR FROM c; FETCH LAST FROM c; FETCH FORWARD ALL FROM c; SELECT name, is_holdable FROM pg_cursors; CLOSE ALL; CLOSE c;
CREATE TABLE t AS SELECT g AS i FROM generate_series(1, 3) g; BEGIN; DECLARE u CURSOR FOR SELECT * FROM t FOR UPDATE; FETCH 1 FROM u; UPDATE t SET i = 100 WHERE CURRENT OF u; DELETE FROM t WHERE CURRENT OF nope; ROLLBACK; SELECT * FROM t ORDER BY i; DISCARD ALL;
`

/** Mistakes, in the session's ordinary use: what is said of them, where the mark stands, and what goes on afterwards. */
export const MISTAKES_SCRIPT = `CREATE TABLE t (i int, s text); INSERT INTO t VALUES (1, 'é');
SELEC * FROM t; SELECT * FORM t WHERE i = 1; SELECT 'é', '漢字' FROM t WHERE i = = 1;
INSERT INTO t VALUE (2, 'x'); UPDATE t SET i = 2 WERE i = 1; DELETE t; DROP TABL t;
SELECT i,
  -- the comma above, and Ümläute
  FROM t
  ORDER BY i;
SELECT 1 \\; SELEC 2 \\; SELECT 3;
INSERT INTO t VALUES (3, 'three') \\; SELEC 1; SELECT count(*) FROM t;
BEGIN; INSERT INTO t VALUES (4, 'four'); SELEC 1; SELECT 1; SELEC 1; ROLLBACK; SELECT count(*) FROM t;
BEGIN; SAVEPOINT s; SELEC 1; ROLLBACK TO s; INSERT INTO t VALUES (5, 'five'); COMMIT; SELECT count(*) FROM t;
\\set ON_ERROR_ROLLBACK on
BEGIN; SELEC 1; SELECT count(*) FROM t; COMMIT;
\\set ON_ERROR_ROLLBACK off
PREPARE p AS SELEC 1; EXPLAIN SELEC 1; DECLARE c CURSOR FOR UPDATE t; COPY t FORM STDIN;
DO $$ BEGIN SELEC 1; END $$; DO $$ BEGIN EXECUTE 'SELEC 1'; END $$;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELEC 1'; CREATE FUNCTION f() RETURN int;
SELECT 1a; SELECT ""; SELECT U&'\\00'; SELECT E'\\u12'; SELECT E'\\xff'; SELECT 1 LIMIT 1, 2; SELECT x::float(0) FROM t;
SELECT 'one' 'two'; SELECT 1 AS from; SELECT (1; SELECT 1); SELECT a[1; CASE;
\\set VERBOSITY terse
SELEC 1;
\\set VERBOSITY default
SELEC 1;
\\errverbose
\\echo :SQLSTATE :ERROR :LAST_ERROR_MESSAGE
SELECT i FROM t \\gdesc
SELEC i FROM t \\gdesc
SELEC i FROM t \\gset
SELEC i FROM t \\gexec
SELECT i FROM t ORDER BY i;
SELECT '$$'; ROLLBACK;
`
