import { beforeAll, describe } from 'vitest'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { check } from './check-lineage.js'

beforeAll(loadPostgresGrammar)

describe('plain columns', () => {
  check('SELECT 1', '-')
  check('SELECT', '')
  check('SELECT $1', '-')
  check('SELECT name FROM public.customers', 'c.name')
  check('SELECT name, ssn FROM public.customers', 'c.name | c.ssn')
  check('SELECT c.name AS ssn FROM public.customers c', 'c.name')
  check('SELECT customers.ssn FROM public.customers', 'c.ssn')
  check('SELECT public.customers.ssn FROM public.customers', 'c.ssn')
  check('SELECT db.public.customers.ssn FROM db.public.customers', 'c.ssn')
  check('SELECT elsewhere.ssn FROM public.customers', '?')
  check('SELECT elsewhere.customers.ssn FROM public.customers c', '?')
  check('SELECT nowhere FROM public.customers', '?')
  check('SELECT c.nowhere FROM public.customers c', '?')
  check('SELECT total FROM orders, public.customers', 'o.total')
  check('SELECT id FROM orders, public.customers', 'c.id o.id')
  check('SELECT ctid, xmin, tableoid FROM public.customers', '- | - | -')
  check('SELECT c.ctid FROM public.customers c', '-')
  check('SELECT name FROM ONLY public.customers', 'c.name')
  check('SELECT ssn FROM people', 'p.ssn')
  check('SELECT name FROM public.customers TABLESAMPLE system (5)', 'c.name')
  check('SELECT name FROM public.customers FOR UPDATE', 'c.name')
})

describe('names that can mean several relations', () => {
  check('SELECT ssn FROM customers', 'c.ssn s.ssn')
  check('SELECT id FROM customers', 'c.id s.id')
  check('SELECT name FROM customers', 'c.name')
  check('SELECT code FROM customers', 's.code')
  check('SELECT customers.city FROM customers', 'c.city')
  check('SELECT total FROM nowhere', '?')
  check('SELECT total FROM pg_temp.orders', '?')
  check('SELECT 1 FROM nowhere', '-')
  check('SELECT count(*) FROM nowhere', '-')
  check('SELECT relname FROM pg_class', '-')
  check('SELECT c.relname FROM pg_catalog.pg_class c', '-')
  check('SELECT table_name FROM information_schema.tables', '-')
  check('SELECT histogram_bounds FROM pg_stats', '?')
  check('SELECT query FROM pg_stat_activity', '?')
  check('SELECT stavalues1 FROM pg_catalog.pg_statistic', '?')
  check('SELECT x FROM pg_something', '?')
})

describe('expressions', () => {
  const from = 'FROM public.customers c'
  check(`SELECT name || city, ssn ${from}`, 'c.name c.city | c.ssn')
  check(`SELECT upper(name), reverse(ssn) ${from}`, 'c.name | c.ssn')
  check(`SELECT pg_catalog.upper(name) ${from}`, 'c.name')
  check(`SELECT public.upper(ssn) ${from}`, '?')
  check(`SELECT a.b.upper(ssn) ${from}`, '?')
  check(`SELECT leak(name) ${from}`, '?')
  check(`SELECT pg_read_file(name) ${from}`, '?')
  check(`SELECT upper(leak(name)) ${from}`, '?')
  check(`SELECT ssn::text ${from}`, 'c.ssn')
  check(`SELECT ssn::int[] ${from}`, 'c.ssn')
  check(`SELECT name::wheel ${from}`, '?')
  check(`SELECT name::public.text ${from}`, '?')
  check(`SELECT cast(salary AS numeric(10, 2)) ${from}`, 'c.salary')
  check(`SELECT CASE WHEN ssn = '1' THEN name ELSE city END ${from}`, 'c.name c.city c.ssn')
  check(`SELECT CASE id WHEN 1 THEN name END ${from}`, 'c.id c.name')
  check(`SELECT coalesce(name, city), nullif(name, 'x') ${from}`, 'c.name c.city | c.name')
  check(`SELECT greatest(id, salary), least(1, 2) ${from}`, 'c.id c.salary | -')
  check(`SELECT name IS NULL, NOT (ssn = 'x' OR id = 1) ${from}`, 'c.name | c.id c.ssn')
  check(`SELECT (id > 1) IS TRUE ${from}`, 'c.id')
  check(`SELECT ARRAY[name, city], (ARRAY[ssn])[1], notes['a'] ${from}`, 'c.name c.city | c.ssn | c.notes')
  check(`SELECT (ARRAY[1, 2])[salary:id] ${from}`, 'c.id c.salary')
  check(`SELECT ROW(name, ssn), (id, city) ${from}`, 'c.name c.ssn | c.id c.city')
  check(`SELECT name COLLATE "C", name LIKE ssn ${from}`, 'c.name | c.name c.ssn')
  check(`SELECT id BETWEEN 1 AND salary, id IN (1, salary) ${from}`, 'c.id c.salary | c.id c.salary')
  check(`SELECT id = ANY (ARRAY[salary]) ${from}`, 'c.id c.salary')
  check(`SELECT name SIMILAR TO city, name ~ 'x' ${from}`, 'c.name c.city | c.name')
  check(`SELECT id IS DISTINCT FROM salary ${from}`, 'c.id c.salary')
  check(`SELECT name ### city ${from}`, '?')
  check(`SELECT name OPERATOR(public.||) city ${from}`, '?')
  check(`SELECT name OPERATOR(pg_catalog.||) city ${from}`, 'c.name c.city')
  check(`SELECT -salary, @ id ${from}`, 'c.salary | c.id')
  check(`SELECT notes -> 'a', notes #>> '{b}', notes @> '{}' ${from}`, 'c.notes | c.notes | c.notes')
  check(`SELECT current_date, current_user, now(), localtimestamp ${from}`, '- | - | - | -')
  check(`SELECT extract(year FROM now()), substring(ssn FROM 1 FOR 3) ${from}`, '- | c.ssn')
  check(
    `SELECT trim(name), position('a' IN city), overlay(name PLACING ssn FROM 1) ${from}`,
    'c.name | c.city | c.name c.ssn',
  )
  check(`SELECT now() AT TIME ZONE name ${from}`, 'c.name')
  check(`SELECT xmlelement(name a, ssn), xmlforest(name, city AS b) ${from}`, 'c.ssn | c.name c.city')
  check(`SELECT xmlserialize(content xmlconcat(xmlelement(name a, city)) AS text) ${from}`, 'c.city')
  check(`SELECT json_object('a': ssn), json_array(name, city) ${from}`, 'c.ssn | c.name c.city')
  check(`SELECT json_value(notes, '$.a' RETURNING text), notes IS JSON ${from}`, 'c.notes | c.notes')
  check(`SELECT json_value(notes, '$.a' RETURNING wheel) ${from}`, '?')
  check(`SELECT json_query(notes, '$.a' PASSING ssn AS x) ${from}`, 'c.ssn c.notes')
  check(`SELECT json_array(SELECT ssn ${from})`, 'c.ssn')
  check(`SELECT make_interval(days => id) ${from}`, 'c.id')
  check(`SELECT concat(VARIADIC ARRAY[name, city]) ${from}`, 'c.name c.city')
})

describe('aggregates and windows', () => {
  const from = 'FROM public.customers c'
  check(`SELECT count(*), count(ssn), max(salary) ${from}`, '- | c.ssn | c.salary')
  check(`SELECT city, sum(id) ${from} GROUP BY city HAVING max(salary) > 1`, 'c.city | c.id')
  check(`SELECT count(*) FILTER (WHERE salary > 1) ${from}`, 'c.salary')
  check(`SELECT string_agg(name, ',' ORDER BY salary) ${from}`, 'c.name c.salary')
  check(`SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) ${from}`, 'c.salary')
  check(`SELECT rank() OVER (PARTITION BY city ORDER BY salary) ${from}`, 'c.city c.salary')
  check(`SELECT first_value(name) OVER w ${from} WINDOW w AS (ORDER BY salary)`, 'c.name c.salary')
  check(
    `SELECT sum(id) OVER (w ROWS salary PRECEDING) ${from} WINDOW w AS (ORDER BY city)`,
    'c.id c.city c.salary',
  )
  check(
    `SELECT json_objectagg(id: ssn), json_arrayagg(name ORDER BY salary) ${from}`,
    'c.id c.ssn | c.name c.salary',
  )
  check(`SELECT array_agg(c) ${from}`, 'c.id c.name c.city c.ssn c.salary c.notes')
  check(`SELECT grouping(city), city ${from} GROUP BY ROLLUP (city)`, '- | c.city')
  check(`SELECT DISTINCT ON (ssn) name ${from} ORDER BY ssn`, 'c.name')
})

describe('rows as values', () => {
  const all = 'c.id c.name c.city c.ssn c.salary c.notes'
  check('SELECT c FROM public.customers c', all)
  check('SELECT customers::text FROM public.customers', all)
  check(
    'SELECT to_jsonb(c), row_to_json(c.*), count(c.*) FROM public.customers c',
    `${all} | ${all} | ${all}`,
  )
  check('SELECT c.to_json FROM public.customers c', '?')
  check('SELECT to_json(o) FROM orders o', 'o.id o.customer_id o.total')
  check('SELECT (c).name FROM public.customers c', all)
  check('SELECT (c).nowhere FROM public.customers c', '?')
  check('SELECT (o).leak FROM orders o', '?')
  check('SELECT o.leak FROM orders o', '?')
  check('SELECT ssn(c) FROM public.customers c', '?')
  check("SELECT ('a'::text).upper, ('a'::text).pg_read_file", '- | ?')
  check('SELECT (get_person(1)).contact', '?')
  check('SELECT (o).* FROM orders o', 'any: ?')
  check('SELECT (jsonb_each(notes)).* FROM public.customers', 'any: ?')
  check('SELECT n.max FROM names n', 'n.name n.max')
  check('SELECT max FROM names', 'n.max')
  check('SELECT s.max FROM (SELECT 1 AS max, ssn FROM public.customers) s', '-')
})

describe('subqueries as values', () => {
  check('SELECT (SELECT ssn FROM public.customers LIMIT 1)', 'c.ssn')
  check('SELECT (SELECT o.total FROM orders o WHERE o.customer_id = c.id) FROM public.customers c', 'o.total')
  check('SELECT (SELECT c.ssn) FROM public.customers c', 'c.ssn')
  check('SELECT (SELECT ssn FROM orders LIMIT 1) FROM public.customers', 'c.ssn')
  // A relation is believed to have a column only by its definition, which can be another one by now.
  check('SELECT (SELECT id FROM orders LIMIT 1) FROM public.customers', 'c.id o.id')
  check('SELECT (SELECT v FROM (VALUES (1)) x(v)) FROM (SELECT ssn AS v FROM public.customers) y', '-')
  check('SELECT ARRAY(SELECT ssn FROM public.customers)', 'c.ssn')
  check('SELECT EXISTS (SELECT 1 FROM public.customers WHERE ssn = $1)', 'c.ssn')
  check('SELECT d FROM generate_series(0, 9) d JOIN public.customers c ON c.salary = d', 'c.salary')
  check(
    'SELECT d, c.name FROM generate_series(0, 9) d, public.customers c WHERE c.salary = d',
    'c.salary | c.name',
  )
  check('SELECT EXISTS (SELECT * FROM public.customers)', '-')
  check('SELECT EXISTS (SELECT ssn FROM public.customers)', 'c.ssn')
  check('SELECT EXISTS (SELECT ssn FROM public.customers INTERSECT SELECT $1)', 'c.ssn')
  check('SELECT EXISTS (TABLE secret.customers INTERSECT TABLE secret.customers)', 's.ssn s.id s.code')
  check('SELECT id IN (SELECT salary FROM public.customers) FROM orders', 'c.salary o.id')
  check('SELECT total > ALL (SELECT salary FROM public.customers) FROM orders', 'c.salary o.total')
  check(
    'SELECT (total, id) = (SELECT salary, id FROM public.customers) FROM orders',
    'c.id c.salary o.id o.total',
  )
  check(
    'SELECT name FROM public.customers WHERE salary > (SELECT avg(salary) FROM public.customers)',
    'c.name',
  )
})

/** Counts up while a condition holds. */
const RECURSION = (condition: string): string =>
  `WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE ${condition}) SELECT max(n) FROM r`

describe('FROM', () => {
  check('SELECT s.a FROM (SELECT ssn AS a, city FROM public.customers) s', 'c.ssn')
  check('SELECT s.city FROM (SELECT ssn AS a, city FROM public.customers) s', 'c.city')
  check('SELECT x, y FROM (SELECT ssn, city FROM public.customers) s(x, y)', 'c.ssn | c.city')
  check('SELECT x, city FROM (SELECT ssn, city FROM public.customers) s(x)', 'c.ssn | c.city')
  check('SELECT s FROM (SELECT ssn, city FROM public.customers) s', 'c.city c.ssn')
  check(
    'SELECT s.count, s.upper FROM (SELECT count(*), upper(city) FROM public.customers GROUP BY city) s',
    '- | c.city',
  )
  check('SELECT s.int4 FROM (SELECT 1::int, ssn FROM public.customers) s', '-')
  check('SELECT s.city FROM (SELECT city::int, ssn FROM public.customers) s', 'c.city')
  check('SELECT "?column?" FROM (SELECT 1, ssn FROM public.customers) s', '-')
  check('SELECT s."case" FROM (SELECT CASE WHEN true THEN 1 END, ssn FROM public.customers) s', '-')
  check(
    'SELECT s.city FROM (SELECT CASE WHEN true THEN 1 ELSE city END, ssn FROM public.customers) s',
    'c.city',
  )
  check('SELECT a FROM (SELECT (SELECT ssn FROM public.customers)) s(a)', 'c.ssn')
  // The name of a scalar subquery is not said, so it could be any.
  check('SELECT (SELECT ssn FROM (SELECT (SELECT 1)) s) FROM public.customers', 'c.ssn')
  check('SELECT city FROM (SELECT * FROM public.customers) s', 'c.city')
  check('SELECT upper(s.city), s.ssn FROM (SELECT c.* FROM public.customers c) s', 'c.city | c.ssn')
  check('SELECT total FROM (SELECT *, ssn AS total FROM orders, public.customers) s', 'c.ssn o.total')
  check('SELECT a FROM (SELECT * FROM orders) s(a)', 'o.id o.customer_id o.total')
  check('SELECT a FROM orders s(a, b)', 'o.id o.customer_id o.total')
  check('SELECT total FROM (SELECT id, total FROM orders ORDER BY 1 LIMIT 3) s', 'o.total')
  check('SELECT l.x FROM public.customers c, LATERAL (SELECT c.ssn AS x) l', 'c.ssn')
  check('SELECT (SELECT s.ssn FROM (SELECT 1 AS ssn) c, (SELECT c.ssn) s) FROM public.customers c', 'c.ssn')
  check(
    'SELECT (SELECT s.ssn FROM (SELECT 1 AS ssn) c, LATERAL (SELECT c.ssn) s) FROM public.customers c',
    '-',
  )
  check('SELECT o.total, c.name FROM orders o JOIN public.customers c ON c.ssn = $1', 'o.total | c.name')
  check('SELECT total FROM orders o LEFT JOIN LATERAL (SELECT o.id AS k) l ON true', 'o.total')
  check('SELECT k FROM orders o LEFT JOIN LATERAL (SELECT o.id AS k) l ON true', 'o.id')
  check('SELECT id, o.id FROM orders o JOIN public.customers c USING (id)', 'c.id o.id | o.id')
  // How often a recursion goes on is in what it counts.
  check(RECURSION('n < (SELECT salary FROM public.customers LIMIT 1)'), 'c.salary')
  check(RECURSION('n < 5'), '-')
  check(
    'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT q.n FROM (SELECT n + 1 AS n FROM r WHERE n < (SELECT max(salary) FROM public.customers)) q) SELECT max(n) FROM r',
    'c.salary',
  )
  check(
    'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r JOIN public.customers c ON c.salary > n AND c.id = 1) SELECT n FROM r',
    'c.id c.salary',
  )
  check(
    'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r, generate_series(1, (SELECT salary - n FROM public.customers LIMIT 1)) g) SELECT n FROM r',
    'c.salary',
  )
  check(
    'WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT n + 1 FROM r WHERE EXISTS (SELECT FROM public.customers WHERE salary > n)) SELECT n, 1 FROM r',
    'c.salary | -',
  )
  check('WITH RECURSIVE r(n) AS (SELECT id FROM orders WHERE total = 1) SELECT n FROM r', 'o.id')
  // The made-up side is a list of candidates; what a natural join compares are the names that the text gives to a side.
  check('SELECT ssn FROM public.customers NATURAL FULL JOIN (SELECT $1 AS ssn) q', 'c.ssn')
  check('SELECT q.ssn FROM public.customers NATURAL FULL JOIN (SELECT $1 AS ssn) q', 'c.ssn')
  check('SELECT id, name FROM public.customers NATURAL JOIN (VALUES (1)) v(id)', 'c.id | c.name')
  check('SELECT v.id FROM public.customers NATURAL JOIN (VALUES (1, 2)) v(salary, id)', 'c.id c.salary')
  check('SELECT v.id FROM (VALUES (1, 2)) v(salary, id) NATURAL LEFT JOIN public.customers', 'c.id c.salary')
  check(
    'SELECT k FROM orders o NATURAL JOIN public.customers c, (VALUES (1)) v(k)',
    'c.id c.name c.city c.ssn c.salary c.notes o.id o.customer_id o.total',
  )
  // A name that the snapshot does not know there can be a column that came later.
  check(
    'SELECT k FROM public.customers NATURAL JOIN (VALUES (1, 2)) v(fresh, k)',
    'c.id c.name c.city c.ssn c.salary c.notes',
  )
  check('SELECT k FROM (SELECT ssn FROM public.customers) q NATURAL JOIN (VALUES (1, 2)) v(a, k)', '-')
  check(
    'SELECT c.city, q.d FROM public.customers c JOIN (VALUES (1)) q(d) ON q.d = c.salary',
    'c.city | c.salary',
  )
  check('SELECT q.k FROM public.customers c JOIN (VALUES (1, 2)) q(id, k) USING (id)', 'c.id')
  check('SELECT j.ssn FROM (public.customers c FULL JOIN (SELECT $1 AS ssn) q USING (ssn)) AS j', 'c.ssn')
  check('SELECT u.ssn FROM public.customers c FULL JOIN (SELECT $1 AS ssn) q USING (ssn) AS u', 'c.ssn')
  check('SELECT j.x FROM ((SELECT 1 AS a) q CROSS JOIN (SELECT ssn FROM public.customers) r) AS j(x)', '-')
  check(
    'SELECT (SELECT q.a FROM ((SELECT 1 AS a) q CROSS JOIN orders) AS j) FROM (SELECT ssn AS a FROM public.customers) q',
    'c.ssn',
  )
  check(
    'SELECT * FROM (SELECT 1 AS a, ssn FROM public.customers) q JOIN (SELECT total AS a, id FROM orders) r USING (a)',
    'o.total | c.ssn | o.id',
  )
  check(
    'SELECT * FROM (SELECT 1 AS a, ssn FROM public.customers) q NATURAL JOIN (SELECT id, total AS a FROM orders) r',
    'o.total | c.ssn | o.id',
  )
  check(
    'SELECT r.*, q.* FROM (SELECT 1 AS a, ssn FROM public.customers) q, (SELECT total FROM orders) r',
    'o.total | - | c.ssn',
  )
  check('SELECT * FROM (VALUES (1, 2)) v, orders', 'any: o.id o.customer_id o.total')
  check('SELECT * FROM orders', 'any: o.id o.customer_id o.total')
  check('TABLE orders', 'any: o.id o.customer_id o.total')
  check('SELECT o.*, 1 FROM orders o', 'any: o.id o.customer_id o.total')
  check('SELECT x.* FROM orders o', 'any: ?')
  check('SELECT * FROM nowhere', 'any: ?')
  check('VALUES (1, 2), (3, (SELECT ssn FROM public.customers LIMIT 1))', '- | c.ssn')
  check('SELECT column2 FROM (VALUES (1, 2)) v', '-')
  check('SELECT n FROM generate_series(1, 3) n', '-')
  check('SELECT n.x FROM orders o, generate_series(1, o.total) n(x)', 'o.total')
  check('SELECT e.key, e.value FROM public.customers c, jsonb_each(c.notes) e', 'c.notes | c.notes')
  check(
    'SELECT u.ch, u.ord FROM public.customers c, unnest(string_to_array(c.ssn, NULL)) WITH ORDINALITY u(ch, ord)',
    'c.ssn | c.ssn',
  )
  check(
    'SELECT a, b FROM orders o, ROWS FROM (generate_series(1, o.total), unnest(ARRAY[1])) r(a, b)',
    'o.total | o.total',
  )
  check('SELECT contact FROM get_person(1)', '?')
  check('SELECT r.ssn FROM public.customers c, jsonb_to_record(c.notes) AS r(ssn text)', 'c.notes')
  check('SELECT r.ssn FROM public.customers c, jsonb_to_record(c.notes) AS r(ssn wheel)', '?')
  check(
    "SELECT t.v FROM public.customers c, xmltable('/a' PASSING xmlelement(name a, c.ssn) COLUMNS v text PATH '.') t",
    'c.ssn',
  )
  check(
    "SELECT q.a FROM public.customers c, json_table(c.notes, '$[*]' COLUMNS (a int PATH '$.a')) q",
    'c.notes',
  )
  check(
    'SELECT name FROM public.customers TABLESAMPLE bernoulli ((SELECT total FROM orders))',
    'c.name o.total',
  )
})

describe('common table expressions', () => {
  check('WITH x AS (SELECT ssn, city FROM public.customers) SELECT city, upper(ssn) FROM x', 'c.city | c.ssn')
  check('WITH x(a, b) AS (SELECT ssn, city FROM public.customers) SELECT b, a FROM x', 'c.city | c.ssn')
  check('WITH customers AS (SELECT 1 AS ssn) SELECT ssn FROM customers', '-')
  check('WITH customers AS (SELECT 1 AS ssn) SELECT ssn FROM public.customers', 'c.ssn')
  check(
    'WITH x AS (SELECT ssn FROM public.customers), y AS (SELECT ssn AS z FROM x) SELECT z FROM y',
    'c.ssn',
  )
  check(
    'WITH x AS (SELECT 1 AS v) SELECT (WITH x AS (SELECT ssn AS v FROM public.customers) SELECT v FROM x)',
    'c.ssn',
  )
  check('WITH orders AS (SELECT total FROM orders) SELECT total FROM orders', 'o.total')
  check('WITH x AS MATERIALIZED (SELECT * FROM public.customers) SELECT city FROM x', 'c.city')
  check('WITH x AS (SELECT ssn FROM public.customers) SELECT count(*) FROM orders', '-')
  check('WITH x AS (SELECT ssn FROM public.customers) SELECT * FROM x', 'c.ssn')
  check(
    'WITH RECURSIVE r AS (SELECT ssn AS v FROM public.customers UNION ALL SELECT v FROM r) SELECT v FROM r',
    'c.ssn',
  )
  check(
    'WITH RECURSIVE r(a, b, d) AS (SELECT id, city, 0 FROM public.customers UNION ALL SELECT a, b, d + 1 FROM r) SELECT a, b, d FROM r',
    'c.id | c.city | -',
  )
  check(
    'WITH RECURSIVE r(a, b, d) AS (SELECT 1, 2, salary FROM public.customers UNION ALL SELECT b, d, 0 FROM r) SELECT a, b, d FROM r',
    'c.salary | c.salary | c.salary',
  )
  check(
    'WITH RECURSIVE r(a, b) AS (SELECT 1, 2 UNION ALL SELECT b, (SELECT ssn FROM public.customers LIMIT 1) FROM r) SELECT a FROM r',
    'c.ssn',
  )
  check(
    'WITH RECURSIVE y AS (SELECT v FROM x), x AS (SELECT ssn AS v FROM public.customers) SELECT v FROM y',
    'c.ssn',
  )
  check('WITH RECURSIVE x AS (SELECT v FROM y), y AS (SELECT v FROM x) SELECT v FROM y', 'any: ?')
  check(
    'WITH RECURSIVE r AS (SELECT id AS a, ssn FROM public.customers UNION ALL SELECT a, ssn FROM r) SEARCH DEPTH FIRST BY ssn SET way SELECT way FROM r',
    'c.id c.ssn',
  )
  check('WITH x AS (DELETE FROM orders RETURNING total) SELECT total FROM x', 'o.total')
  check('WITH x AS (UPDATE orders SET total = 1 RETURNING id, total) SELECT id FROM x', 'o.id')
})

describe('set operations', () => {
  check('SELECT name FROM public.customers UNION SELECT ssn FROM people', 'c.name p.ssn')
  check(
    'SELECT name, id FROM public.customers UNION ALL SELECT city, 1 FROM public.customers',
    'c.name c.city | c.id',
  )
  check('SELECT 1 INTERSECT SELECT salary FROM public.customers', 'c.salary')
  check('SELECT total FROM orders EXCEPT SELECT salary FROM public.customers', 'c.salary o.total')
  check('(SELECT 1 UNION SELECT 2) UNION (SELECT id FROM orders ORDER BY 1 LIMIT 1)', 'o.id')
  check('SELECT a FROM (SELECT 1 AS a UNION SELECT total FROM orders) s', 'o.total')
  check('SELECT 1, 2 UNION SELECT * FROM secret.customers', 's.ssn s.id s.code | s.ssn s.id s.code')
  check(
    'SELECT * FROM secret.customers UNION SELECT 1, 2, total FROM orders',
    'any: o.total s.ssn s.id s.code',
  )
  check(
    'SELECT id FROM (TABLE secret.customers UNION SELECT 1, 2, total FROM orders) s',
    'o.total s.ssn s.id s.code',
  )
  check('SELECT 1 UNION SELECT 1, 2', '-')
})

describe('numbers of rows', () => {
  check('SELECT n FROM generate_series(1, 9) n OFFSET (SELECT salary FROM public.customers)', 'c.salary')
  check(
    'SELECT count(*) FROM (SELECT 1 FROM generate_series(1, 9) LIMIT (SELECT salary FROM public.customers)) s',
    'c.salary',
  )
  check('SELECT count(*) FROM public.customers c, unnest(array_fill(1, ARRAY[c.salary])) u', 'c.salary')
  check(
    'SELECT row_number() OVER () FROM public.customers c, unnest(array_fill(1, ARRAY[c.salary])) u',
    'c.salary',
  )
  check(
    'SELECT count(*) FROM (SELECT unnest(array_fill(1, ARRAY[salary])) FROM public.customers) s',
    'c.salary',
  )
  check(
    'SELECT array_length(ARRAY(SELECT 1 FROM public.customers c, unnest(array_fill(1, ARRAY[c.salary]))), 1)',
    'c.salary',
  )
  check(
    'SELECT (SELECT count(u.n)) FROM public.customers c, unnest(array_fill(1, ARRAY[c.salary])) u(n)',
    'c.salary',
  )
  check(
    'WITH x AS (SELECT unnest(array_fill(1, ARRAY[salary])) FROM public.customers) SELECT sum(1) FROM x',
    'c.salary',
  )
  check('SELECT count(*) FROM (SELECT DISTINCT ssn FROM public.customers) s', 'c.ssn')
  check('SELECT count(*) FROM (SELECT ssn FROM public.customers INTERSECT SELECT $1) s', 'c.ssn')
  check('SELECT count(*) FROM (SELECT ssn FROM public.customers UNION ALL SELECT $1) s', '-')
  check('SELECT count(*) FROM (SELECT city, max(salary) FROM public.customers GROUP BY city) s', '-')
  check('SELECT count(*) FROM public.customers TABLESAMPLE bernoulli ((SELECT total FROM orders))', 'o.total')
})

describe('modifications', () => {
  check('DELETE FROM orders WHERE id = 1 RETURNING id, total + 1', 'o.id | o.total')
  check('DELETE FROM orders', 'none')
  check(
    'DELETE FROM orders o USING public.customers c WHERE c.id = o.id RETURNING c.city, o.total',
    'c.city | o.total',
  )
  check('DELETE FROM orders RETURNING *', 'any: o.id o.customer_id o.total')
  check('UPDATE orders SET total = 1 RETURNING total', 'o.total')
  check(
    'UPDATE orders SET total = salary FROM public.customers c RETURNING orders.id, c.city',
    'c.salary o.id | c.city',
  )
  check(
    'UPDATE orders SET (id, total) = (SELECT 1, salary FROM public.customers) RETURNING total',
    'c.salary o.total',
  )
  check('INSERT INTO orders (id) VALUES (1) RETURNING id', 'o.id')
  check(
    'INSERT INTO orders SELECT 1, 2, salary FROM public.customers RETURNING upper(total::text)',
    'c.salary o.total',
  )
  check(
    'INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = excluded.id RETURNING total',
    'o.id o.customer_id o.total',
  )
  check('UPDATE orders SET total = 1 RETURNING old.total, new.id', 'o.total | o.id')
  check('UPDATE orders SET total = 1 RETURNING WITH (OLD AS before) before.total', 'o.total')
  check(
    'MERGE INTO orders o USING public.customers c ON c.id = o.id WHEN MATCHED THEN UPDATE SET total = c.salary RETURNING o.id, c.city, merge_action()',
    'c.salary o.id | c.city | -',
  )
  check('UPDATE people SET name = $1 RETURNING id', '?')
  check('UPDATE nowhere SET a = 1 RETURNING a', '?')
})

describe('statements around queries', () => {
  check('DECLARE k CURSOR FOR SELECT city FROM public.customers', 'c.city')
  check('PREPARE k AS SELECT ssn FROM public.customers', 'c.ssn')
  check('COPY (SELECT city, ssn FROM public.customers) TO STDOUT', 'c.city | c.ssn')
  check('COPY orders TO STDOUT', 'none')
  check('EXPLAIN SELECT ssn FROM public.customers', 'none')
  check('SELECT ssn INTO t FROM public.customers', 'none')
  check('CREATE TABLE t AS SELECT 1', 'none')
  check('FETCH ALL FROM k', 'named: -')
  check('EXECUTE k', 'named: -')
  check('SHOW all', 'none')
  check('SELECT 1; SELECT city FROM public.customers', '- ; c.city')
  check('', '')
  check('SELEC 1', '')
  check(`SELECT ${'('.repeat(450)}1${')'.repeat(450)}`, '-')
  check(`SELECT ${'NOT '.repeat(450)}true`, 'any: ?')
  check(`SELECT ${Array(400).fill('city').join('||')} FROM public.customers`, 'c.city')
})

describe('limits', () => {
  const steps = 'abcdefghijklmnopqrst'.split('')
  const doubled = steps.map((name, at) => {
    const before = steps[at - 1] ?? 'public.customers'
    return `${name} AS (SELECT * FROM ${before} x, ${before} y)`
  })
  const all = 'c.id c.name c.city c.ssn c.salary c.notes'
  // A million copies of each column.
  check(`WITH ${doubled.join(', ')} SELECT * FROM t`, `any: ${all}`)
  check(
    `SELECT ${'(SELECT c||'.repeat(90)}1${' FROM orders c)'.repeat(90)} FROM public.customers c`,
    'o.id o.customer_id o.total',
  )
})
