import { describe } from 'vitest'
import { checkAll } from './check-facts.js'

describe('names of common table expressions are not relations', () => {
  checkAll([
    ['WITH a AS (SELECT * FROM t) SELECT * FROM a', 'SELECT t | INNERSTAR'],
    ['WITH a AS (SELECT 1) SELECT * FROM public.a', 'SELECT public.a'],
    ['WITH a AS (SELECT x FROM a) SELECT x FROM a', 'SELECT a | x'],
    ['WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM a) SELECT n FROM a', 'SELECT | n SETOP'],
    ['WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT FROM a', 'SELECT | INNERSTAR'],
    ['WITH a AS (SELECT FROM b), b AS (SELECT 1) SELECT FROM a', 'SELECT b'],
    ['SELECT (WITH a AS (SELECT 1 AS x) SELECT x FROM a), y FROM a', 'SELECT a | x y'],
    ['WITH a(x) AS (SELECT ssn FROM customers) SELECT x FROM a', 'SELECT customers | ssn x RENAMES'],
    [
      'WITH a AS (INSERT INTO t SELECT * FROM s RETURNING id), b AS (UPDATE u SET x = 1 WHERE id IN (SELECT id FROM a) RETURNING *) DELETE FROM v USING b WHERE v.id = b.id',
      'DELETE !w >v + INSERT !w >t s + UPDATE !w >u | id ?id ?v.id ?b.id INNERSTAR STORES',
    ],
    ['WITH t AS (SELECT 1) DELETE FROM t WHERE id = 1', 'DELETE !w >t | ?id'],
  ])
})

describe('stars, whole rows and renamed columns are seen', () => {
  checkAll([
    ['SELECT c.* FROM customers c', 'SELECT customers'],
    ['SELECT count(*) FROM customers', 'SELECT customers count()'],
    ['SELECT count(c.*), count(c) FROM customers c', 'SELECT customers count() | c INNERSTAR WHOLEROW'],
    ['SELECT row_to_json(c) FROM customers c', 'SELECT customers row_to_json() | c WHOLEROW'],
    ['SELECT row_to_json(x.*) FROM (SELECT id FROM t) x', 'SELECT t row_to_json() | id INNERSTAR WHOLEROW'],
    ['SELECT (SELECT c) FROM customers c', 'SELECT customers | c WHOLEROW'],
    ['SELECT (c).ssn FROM customers c', 'SELECT customers ssn() | c ssn WHOLEROW'],
    ['SELECT (c.address).city FROM customers c', 'SELECT customers city() | c.address city'],
    ['SELECT (get_person(1)).contact', 'SELECT get_person() contact() | contact'],
    ['SELECT (get_person(1)).*', 'SELECT get_person() | INNERSTAR WHOLEROW'],
    ['SELECT ROW(c.*) FROM customers c', 'SELECT customers | INNERSTAR WHOLEROW'],
    ['SELECT * FROM (SELECT * FROM customers) AS x', 'SELECT customers | INNERSTAR'],
    ['SELECT x FROM (SELECT 1) x(x)', 'SELECT | x WHOLEROW RENAMES'],
    ['SELECT a, b FROM customers AS c(a, b)', 'SELECT customers | a b RENAMES'],
    ['SELECT * FROM (a JOIN b USING (id)) AS j', 'SELECT a b | ?id'],
  ])
})

describe('everything in FROM is read', () => {
  checkAll([
    ['SELECT * FROM a NATURAL JOIN b', 'SELECT a b'],
    [
      'SELECT * FROM a LEFT JOIN b ON a.x = b.y, LATERAL (SELECT z FROM d WHERE d.i = a.i) l',
      'SELECT a b d | ?a.x ?b.y z ?d.i ?a.i',
    ],
    [
      'SELECT * FROM f(1, (SELECT ssn FROM customers)) AS r(a int, b bytea)',
      'SELECT customers f() | ssn ::int4 ::bytea',
    ],
    ['SELECT * FROM ROWS FROM (f(1) AS (x mytype), s.g(2)) WITH ORDINALITY', 'SELECT f() s.g() | ::mytype'],
    ["SELECT * FROM t TABLESAMPLE bernoulli (nextval('s'))", 'SELECT !w t bernoulli() nextval()'],
    [
      "SELECT * FROM XMLTABLE('/a' PASSING doc COLUMNS x text PATH 'b' DEFAULT evil(y))",
      'SELECT evil() | doc y ::text',
    ],
    [
      "SELECT * FROM customers c, JSON_TABLE(c.notes, '$' PASSING c.ssn AS s COLUMNS (x public.kind PATH '$', NESTED PATH '$' COLUMNS (y int PATH '$')))",
      'SELECT customers | c.notes c.ssn ::public.kind ::int4',
    ],
  ])
})

describe('columns have the place they are read at', () => {
  checkAll([
    [
      "SELECT JSON_OBJECT('a': ssn), JSON_ARRAYAGG(name ORDER BY id), JSON_VALUE(notes, '$' RETURNING int DEFAULT salary ON ERROR), JSON_ARRAY(SELECT card FROM customers) FROM customers",
      'SELECT customers | ssn ^id name notes salary card ::int4',
    ],
    [
      'SELECT xmlelement(name a, xmlattributes(ssn AS b), card), xmlforest(city), xmlserialize(content notes AS text) FROM customers',
      'SELECT customers | ssn card city notes ::text',
    ],
    [
      "SELECT count(*) FILTER (WHERE ssn > 'a'), sum(x) OVER w, rank() OVER (PARTITION BY city ORDER BY salary) FROM t WINDOW w AS (PARTITION BY a ORDER BY b)",
      'SELECT t count() sum() rank() | ?ssn x ^city ^salary ^a ^b',
    ],
    ["SELECT string_agg(name, ',' ORDER BY ssn) FROM customers", 'SELECT customers string_agg() | name ^ssn'],
    [
      'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) FROM customers',
      'SELECT customers percentile_disc() | salary',
    ],
    [
      'SELECT DISTINCT ON (a) b FROM t WHERE c GROUP BY ROLLUP (d, e), GROUPING SETS ((f)) HAVING g > 1 ORDER BY h, lower(i) LIMIT (SELECT j FROM k) OFFSET 2',
      'SELECT t k lower() | b ^a ?c ^d ^e ^f ?g ^h ^i j',
    ],
    ['SELECT * FROM t WHERE id IN (SELECT z FROM u WHERE v ORDER BY w)', 'SELECT t u | ?id ?z ?v ?w'],
    ['SELECT 1 ORDER BY (SELECT ssn FROM customers WHERE id = 1)', 'SELECT customers | ^ssn ^id'],
  ])
})

describe('set operations, values and stored results are seen', () => {
  checkAll([
    [
      'SELECT a FROM x UNION SELECT b FROM y INTERSECT SELECT c FROM z EXCEPT VALUES (1)',
      'SELECT x y z | a b c SETOP',
    ],
    [
      '(SELECT a FROM x ORDER BY q LIMIT 1) UNION ALL (WITH w AS (SELECT 1) TABLE w)',
      'SELECT x | a ^q SETOP',
    ],
    ["VALUES (1, (SELECT ssn FROM customers)), (2, 'x')", 'SELECT customers | ssn'],
    ['TABLE public.customers', 'SELECT public.customers'],
    ['SELECT a INTO TEMP z FROM t', 'SELECT !wd >z t | a STORES'],
    ['SELECT * INTO z FROM t', 'SELECT !wd >z t | INNERSTAR STORES'],
    ['SELECT * FROM t FOR UPDATE OF t SKIP LOCKED', 'SELECT !w t'],
    ['SELECT * FROM (SELECT 1 FROM t FOR SHARE) q', 'SELECT !w t'],
    [
      "SELECT nextval('s'), pg_catalog.setval('s', 1), lo_unlink(1)",
      'SELECT !w nextval() pg_catalog.setval() lo_unlink()',
    ],
  ])
})

describe('functions and casts are named as the grammar names them', () => {
  checkAll([
    [
      'SELECT coalesce(a, b), greatest(c, d), nullif(e, f), CASE g WHEN h THEN i ELSE j END, current_user, localtime(2) FROM t',
      'SELECT t | a b c d e f g h i j',
    ],
    [
      'SELECT a OPERATOR(evil.+) b, c || d, e AT TIME ZONE \'UTC\', f COLLATE "C", g IS OF (int) FROM t',
      'not understood: syntax error at or near "OF"',
    ],
    [
      "SELECT a::int[], cast(b AS numeric(10,2)), date '2020-01-01', c::public.ssn_type, '1'::pg_catalog.text FROM t",
      'SELECT t | a b c ::int4 ::numeric ::date ::public.ssn_type ::text',
    ],
    [
      "SELECT extract(year FROM a), position('x' IN b), substring(c FROM 1 FOR 2), trim(both FROM d), overlay(e PLACING f FROM 1), (a, b) OVERLAPS (c, d) FROM t",
      'SELECT t pg_catalog.extract() pg_catalog.position() pg_catalog.substring() pg_catalog.btrim() pg_catalog.overlay() pg_catalog.overlaps() | a b c d e f',
    ],
    ['SELECT a[b], c[d:e], ARRAY[f, g], ARRAY(SELECT h FROM t) FROM t', 'SELECT t | a b c d e f g h'],
  ])
})

describe('names are resolved as far as the text goes', () => {
  checkAll([
    ['SELECT x.y.z, a.b.c.d FROM t', 'SELECT t | y.z c.d'],
    ['SELECT f(VARIADIC a), g(n => b), h(DISTINCT c) FROM t', 'SELECT t f() g() h() | a b c'],
    ['SELECT "Select" FROM "Weird Table" WHERE "a.b" = $1', 'SELECT Weird Table | Select ?a.b'],
    [
      'SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM t',
      'SELECT t | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    ],
    ['SELECT old FROM t', 'SELECT t | old'],
    ['SELECT public.customers FROM public.customers', 'SELECT public.customers | public.customers'],
    ['SELECT j FROM (a JOIN b ON true) AS j', 'SELECT a b | j WHOLEROW'],
    ['SELECT ju FROM a JOIN b USING (id) AS ju', 'SELECT a b | ?id ju WHOLEROW'],
    ['SELECT u FROM unnest(ARRAY[1]) u', 'SELECT unnest() | u WHOLEROW'],
    ['SELECT f FROM f(1)', 'SELECT f() | f WHOLEROW'],
  ])
})

describe('texts hold any number of statements', () => {
  checkAll([
    ['SELECT 1; ; SELECT 2;', 'SELECT ; SELECT'],
    [';', ''],
    ['-- nothing', ''],
    ['/* a /* nested */ b */', ''],
    ['SELECT 1 FROM', 'not understood: syntax error at end of input'],
    ['SELEC 1', 'not understood: syntax error at or near "SELEC"'],
    ["SELECT 'unterminated", 'not understood: unterminated quoted string at or near "\'unterminated"'],
    ['SELECT * FROM db.s.t', 'SELECT s.t'],
    ['SELECT 1 AS "a", 2 b', 'SELECT'],
  ])
})

describe('odd corners stay visible', () => {
  checkAll([
    ['SELECT c.row_to_json FROM customers c', 'SELECT customers | c.row_to_json'],
    ['SELECT merge_action()', 'SELECT'],
    [
      'SELECT EXISTS (TABLE t), a = ANY (SELECT b FROM u), a IN (b, 1), (a, b) = (SELECT c, d FROM v) FROM t',
      'SELECT t u v | a b c d INNERSTAR',
    ],
    [
      "SELECT pg_catalog.set_config('role', 'admin', false), set_config(a, 'x', true), set_config('Client_Encoding', $1, false), set_config(is_local => false, new_value => 'on', setting_name => 'role')",
      'SELECT pg_catalog.set_config() set_config() role=admin *=x client_encoding=* *=* | a',
    ],
    ["SELECT set_config('ro' || 'le', 'x', false)", 'SELECT set_config() *=x'],
    [
      "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'",
      'SELECT pg_settings set_config() restrict_nonsystem_relation_kind=view, foreign-table | name ?name',
    ],
    [
      "SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'role' OR true",
      'SELECT pg_settings set_config() *=x | name ?name',
    ],
    [
      "SELECT set_config(name, 'x', false) FROM pg_settings, (VALUES ('role')) v(name) WHERE name = 'a'",
      'SELECT pg_settings set_config() *=x | name ?name RENAMES',
    ],
    [
      "SELECT (SELECT set_config(name, 'x', false) FROM other) FROM pg_settings WHERE name = 'a'",
      'SELECT pg_settings other set_config() *=x | name ?name',
    ],
    [
      "WITH pg_settings AS (SELECT 'role' AS name) SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'a'",
      'SELECT set_config() *=x | name ?name',
    ],
    ["SELECT set_config('role'::text, 'x'::text, false)", 'SELECT set_config() role=x | ::text'],
  ])
})

describe('a function in the notation of a column is a function', () => {
  checkAll([
    ["SELECT ('postgresql.conf'::text).pg_read_file", 'SELECT pg_read_file() | pg_read_file ::text'],
    ["SELECT (c.f).pg_read_file FROM (SELECT 'x' AS f) c", 'SELECT pg_read_file() | c.f pg_read_file'],
    ["SELECT ('s'::regclass).nextval", 'SELECT !w nextval() | nextval ::regclass'],
    ['SELECT (a[1]).b.lo_unlink FROM t', 'SELECT !w t b() lo_unlink() | a b lo_unlink'],
  ])
})
