import fc from 'fast-check'

/** Relations of these tests; the second of a name is in another schema. Each text column holds a marker of its own. */
export const RELATIONS = {
  'public.one': ['x', 'y', 'z', 'w'],
  'public.two': ['x', 'y', 'w', 'v'],
  'other.two': ['v', 'x', 'y'],
} as const

const NAMES = ['x', 'x', 'x', 'x', 'x', 'x', 'y', 'y', 'y', 'z', 'w']
const name = fc.constantFrom(...NAMES)
const column = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 4, arbitrary: name.map(one => `a.${one}`) },

  fc.constantFrom('a', '(a).x', 'a.max', "'-'"),
)

interface Parts {
  expression: string
  select: string
  source: string
}
/** Queries over `one` and `two`; most of them run. */
export const { select } = fc.letrec<Parts>(tie => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: column },
    tie('expression').map(one => `upper((${one})::text)`),
    tie('expression').map(one => `reverse((${one})::text)`),
    fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => `concat(${one}, ${other})`),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([one, other]) => `coalesce((${one})::text, (${other})::text)`),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([one, other]) => `CASE WHEN random() < 0.5 THEN (${one})::text ELSE (${other})::text END`),
    tie('expression').map(one => `to_jsonb(${one})::text`),
    tie('expression').map(one => `(ARRAY[(${one})::text])[1]`),
    tie('expression').map(one => `ROW(${one})::text`),
    tie('expression').map(one => `max((${one})::text) OVER ()`),
    tie('expression').map(one => `(array_agg((${one})::text) OVER (ORDER BY 1))[1]`),
    tie('select').map(one => `(SELECT p FROM (${one}) q(p) LIMIT 1)`),
    fc
      .tuple(tie('expression'), tie('source'))
      .map(([one, from]) => `(SELECT (${one})::text FROM ${from} LIMIT 1)`),
    tie('expression').map(one => `(SELECT (${one})::text)`),
    tie('select').map(one => `ARRAY(SELECT q::text FROM (${one}) q)::text`),
  ),
  source: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        'one a',
        'two a',
        'public.two a',
        'other.two a',
        'public.one a',
        'one',
        'two',
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'one a, two b',
        'one a NATURAL JOIN two b',
        'one a LEFT JOIN two b ON b.id = a.id',
        'one a FULL JOIN public.two b USING (id, x)',
        '(one CROSS JOIN two b) AS a(id, x, y, z)',
        'one a JOIN (VALUES (1, 2)) b(id, y) USING (id) AS j',
      ),
    },
    tie('select').map(one => `(${one}) a`),
    fc.tuple(tie('select'), name).map(([one, other]) => `(${one}) a(${other})`),
    fc.tuple(tie('select'), name, name).map(([one, other, third]) => `(${one}) a(${other}, ${third})`),
    tie('select').map(one => `two b, LATERAL (${one}) a`),
    tie('expression').map(one => `one b, LATERAL (SELECT ${one} AS x, b.y) a`),
    tie('expression').map(
      one => `one b, jsonb_each_text(to_jsonb(b)) a(x, y), LATERAL (SELECT ${one} AS z) c`,
    ),
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `(${one}) b, (${other}) a`),
  ),
  select: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.array(fc.tuple(tie('expression'), fc.option(name, { freq: 9 })), { minLength: 1, maxLength: 3 }),
          tie('source'),
        )
        .map(
          ([outputs, from]) =>
            `SELECT ${outputs.map(([one, alias]) => (alias === null ? one : `${one} AS ${alias}`)).join(', ')} FROM ${from}`,
        ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('*', 'a.*', '*, y AS x', 'x AS y, *', 'a.*, z'), tie('source'))
        .map(([list, from]) => `SELECT ${list} FROM ${from}`),
    },
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `(${one}) UNION ALL (${other})`),
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `WITH two AS (${one}) ${other}`),
    fc
      .tuple(tie('select'), name, tie('select'))
      .map(([one, first, other]) => `WITH one(${first}) AS (${one}) ${other}`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(
        ([one, other, third]) =>
          `WITH RECURSIVE a(x, y, id) AS (SELECT (${one})::text, (${other})::text, 1 FROM public.one a UNION ALL SELECT y, (${third})::text, id + 1 FROM a WHERE id < 3) SELECT x, y FROM a`,
      ),
    tie('source').map(from => `SELECT x FROM ${from} OFFSET 0`),
  ),
}))
