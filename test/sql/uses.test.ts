import { beforeAll, expect, test } from 'vitest'
import type { UseFacts } from '../../src/domain/facts.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'

beforeAll(loadPostgresGrammar)

const MARKS = { condition: '?', key: '^', expression: '=' }

/**
 * Uses as one line: `?` in a condition, `^` as a key, `=` in an expression, then renames, rows whose relation is known,
 * operators, written columns and flags.
 */
function compact({ used, renames, rows, mixesNames, showsStar, operators, written }: UseFacts): string {
  const dotted = (first: string | undefined, name: string) =>
    first === undefined ? name : `${first}.${name}`
  return [
    ...used.map(({ kind, qualifier, name }) => MARKS[kind] + dotted(qualifier, name)).sort(),
    ...renames.map(({ from, to }) => `${from}>${to}`).sort(),
    ...rows
      .flatMap(({ name, relation }) =>
        relation ? [`${name}:${dotted(relation.schema, relation.name)}`] : [],
      )
      .sort(),
    ...operators.filter(({ builtIn }) => !builtIn).map(({ schema, name }) => `op[${dotted(schema, name)}]`),
    ...(written.length > 0 ? [`writes[${written.join()}]`] : []),
    ...(mixesNames ? ['MIXES'] : []),
    ...(showsStar ? ['STAR'] : []),
  ].join(' ')
}

const CASES: readonly (readonly [text: string, uses: string])[] = [
  ['SELECT a, t.b AS c FROM t', 'b>c t:t'],
  ['SELECT * FROM s.t x', 'x:s.t STAR'],
  ['SELECT a + b FROM t WHERE c = 1 AND d.e < 2 ORDER BY f', '=a =b ?c ?d.e ^f t:t'],
  ['SELECT count(*), max(a) FILTER (WHERE b) FROM t GROUP BY c HAVING d', '=a ?b ?d ^c t:t'],
  ['SELECT a, b FROM t GROUP BY 1, CUBE (2)', '^a ^b t:t'],
  ['SELECT *, a FROM t ORDER BY 2', '^* t:t STAR'],
  ['SELECT a, * FROM t ORDER BY 1', '^a t:t STAR'],
  ['SELECT DISTINCT a, b FROM t', '^a ^b t:t'],
  ['SELECT DISTINCT ON (a) b FROM t', '^a t:t'],
  ['SELECT a FROM t UNION ALL SELECT b FROM u', 't:t u:u'],
  ['SELECT a FROM t UNION SELECT b FROM u', '^a ^b t:t u:u'],
  ['SELECT 1 FROM (SELECT a FROM t UNION ALL SELECT b FROM u) q', 'b>a t:t u:u'],
  ['SELECT 1 FROM (SELECT a FROM t UNION ALL SELECT * FROM u) q', '*>a t:t u:u STAR'],
  ['SELECT 1 FROM (SELECT * FROM t UNION ALL SELECT b FROM u) q', 't:t u:u MIXES STAR'],
  ['SELECT 1 FROM (SELECT upper(a) FROM t UNION ALL SELECT b FROM u) q', '=a b>upper t:t u:u'],
  ['SELECT 1 FROM (VALUES (1) UNION ALL SELECT b FROM u) q', 'u:u MIXES'],
  ['SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1', '^a ^b b>a t:t u:u'],
  ['SELECT 1 FROM (SELECT a, b FROM t) q (x, y)', 'a>x b>y t:t'],
  ['SELECT 1 FROM (SELECT * FROM t) q (x)', '*>x t:t STAR'],
  ['SELECT 1 FROM t AS q (x, y)', '*>x *>y q:t'],
  ['SELECT 1 FROM f(a) AS q (x)', '=a'],
  ['WITH w (x) AS (SELECT a FROM t) SELECT x FROM w', 'a>x t:t'],
  ['WITH t AS (SELECT 1) SELECT a FROM t', ''],
  ['WITH d (x) AS (DELETE FROM t RETURNING a) SELECT x FROM d', 'a>x t:t'],
  ['SELECT (SELECT a FROM t), array(SELECT * FROM t)', '=* =a t:t STAR'],
  ['SELECT 1 WHERE EXISTS (SELECT *, a FROM t)', 't:t STAR'],
  ['SELECT 1 WHERE b IN (SELECT a FROM t)', '?a ?b t:t'],
  ['SELECT 1 FROM t NATURAL JOIN u', '?* t:t u:u'],
  ['SELECT 1 FROM t JOIN u USING (a)', '?a t:t u:u'],
  ['SELECT (c).a[1], c.* FROM t c', '=a =c c:t STAR'],
  ['SELECT count(c.*) FROM t c', '=c.* c:t'],
  ['SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c)', '=a ^b ^c t:t'],
  ['SELECT a FROM t LIMIT (SELECT b FROM u)', '=b t:t u:u'],
  ['SELECT a ||| b, c OPERATOR(pg_catalog.+) 1, d OPERATOR(s.+) 1 FROM t', '=a =b =c =d t:t op[s.+] op[|||]'],
  ['SELECT 1 WHERE a BETWEEN b AND c', '?a ?b ?c'],
  ['SELECT a FROM t ORDER BY a USING OPERATOR(s.<<<)', '^a t:t op[s.<<<]'],
  ['SELECT 1 FROM t o FOR UPDATE OF o', 'o:t'],
  ['INSERT INTO t VALUES (1)', 't:t writes[*]'],
  ['INSERT INTO t (a, b) SELECT c, d FROM u', '=c =d t:t u:u writes[a,b]'],
  [
    'INSERT INTO t (a) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = excluded.d',
    '=excluded.d ^b t:t writes[a,c]',
  ],
  ['UPDATE t SET a = 1, (b, c) = (SELECT d, e FROM u) RETURNING f AS g', '=d =e f>g t:t u:u writes[a,b,c]'],
  [
    'MERGE INTO t USING u ON t.a = u.a WHEN MATCHED AND b THEN UPDATE SET c = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)',
    '?b ?t.a ?u.a t:t u:u writes[*,c]',
  ],
  ['COPY t (a) FROM STDIN WHERE b > 1', '?b t:t writes[a]'],
  ['COPY t FROM STDIN', 't:t writes[*]'],
  ['COPY t TO STDOUT', 't:t'],
  ['CREATE TABLE k (x int REFERENCES t (a), FOREIGN KEY (x) REFERENCES u)', '^t.a ^u.* k:k t:t u:u'],
  ['CREATE INDEX ON t (a, lower(b)) WHERE c', '=b ?c ^a t:t'],
]

test.each(CASES)('%s', (text, uses) => {
  const facts = readPostgresText(text)
  const [statement] = facts.understood ? facts.statements : []
  expect(statement && compact(statement.flow.uses)).toBe(uses)
})

test.each([
  ['SELECT a + b || c, d ||| e, f OPERATOR(s.+) g FROM t', '+ ||  ||| s.+'],
  ['SELECT a FROM t ORDER BY a USING ~<~', '~<~'],
  ['SELECT a FROM t WHERE b IN (1, 2)', '='],
  ['SELECT a FROM t WHERE b NOT IN (SELECT 1)', '='],
  ['SELECT a FROM t WHERE b > ALL (SELECT 1) AND EXISTS (SELECT 1)', '>'],
  ['SELECT CASE a WHEN 1 THEN 2 END, NULLIF(b, 1) FROM t', '='],
  ['SELECT CASE WHEN a THEN 2 END FROM t', ''],
  ['SELECT 1 FROM t JOIN u USING (a)', '='],
  ['SELECT 1 FROM t NATURAL JOIN u', '='],
  ['SELECT 1 FROM t JOIN u ON true', ''],
  ['SELECT a BETWEEN 1 AND 2, b LIKE c FROM t', '>= <= < > ~~'],
  ['SELECT (a, b) < (c, d), e IS DISTINCT FROM f FROM t', '< ='],
  ['UPDATE t SET a = -b WHERE c @> d', '- @>'],
])('%s names the operators %s', (text, expected) => {
  const facts = readPostgresText(text)
  const operators = facts.understood ? facts.statements.flatMap(one => one.flow.uses.operators) : []
  const named = operators.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`))
  expect(named.sort()).toEqual(expected.split(' ').filter(Boolean).sort())
})

test('a deep statement needs no more stack than a flat one', () => {
  const joins = Array.from({ length: 400 }, (_, at) => `JOIN t${at} USING (a)`).join(' ')
  const facts = readPostgresText(`SELECT ${'a || '.repeat(5_000)} a FROM t ${joins}`)
  expect(facts.understood && facts.statements[0]?.flow.uses.rows.length).toBeGreaterThan(400)
})
