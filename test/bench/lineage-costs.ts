import type { Catalog, CatalogRelation } from '../../src/domain/catalog.js'
import type { TextFacts } from '../../src/domain/facts.js'
import type { MaskingRule } from '../../src/domain/masking-rule.js'
import { readRuleName } from '../../src/domain/names.js'
import { makeMasker } from '../../src/masking/masker.js'
import { isTraceable, takesRow } from '../../src/masking/traceable-functions.js'
import { isTraceableType } from '../../src/masking/traceable-types.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { traceView } from '../../src/sql/lineage/trace-view.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import type { Measuring } from './measurement.js'
import { median } from './rounds.js'
import { makeRow, type Row } from './row.js'

const ROUNDS = 7
const VIEWS = 500
const OPTIONS = { isTraceable, isBuiltInType: isTraceableType, takesRow }
const HASH_KEY = Buffer.alloc(32)

/** Each reads a masked column in an expression, so that nothing is decided before its lineage is known. */
const STATEMENTS: Readonly<Record<string, string>> = {
  'a point select': 'SELECT id, upper(name), upper(c3) FROM t0 WHERE id = 1',
  'a join of five': `SELECT a.id, upper(b.name), c.c1 || d.c2, length(e.c3) FROM t0 a JOIN t1 b ON b.id = a.id
    JOIN t2 c ON c.id = b.id LEFT JOIN t3 d ON d.id = c.id LEFT JOIN t4 e ON e.id = d.id WHERE a.id < 100`,
  '2 kB with common tables': commonTables(),
}

/** What masking adds to a statement that nobody has seen, and to the first touch of a view, in this process. */
export async function lineageCosts({ quick, tell }: Measuring): Promise<readonly Row[]> {
  tell('lineage')
  await loadPostgresGrammar()
  const times = quick ? 20 : 200
  const catalog = makeCatalog()
  const rows = Object.entries(STATEMENTS).flatMap(([name, text]) => {
    const row = (what: string, work: () => unknown): Row =>
      makeRow({ name: `${what} of ${name}`, unit: 'us', ours: microseconds(times, work) })
    return [
      row('facts', () => readPostgresText(text)),
      row('lineage', () => traceLineage(text, catalog, OPTIONS)),
      row('judgement by both', judgement(text, catalog)),
    ]
  })
  const views = [...catalog.byOid.values()].filter(one => one.kind === 'view')
  const perView = microseconds(1, () => views.map(view => traceView(view, catalog, OPTIONS))) / views.length
  return [...rows, makeRow({ name: `lineage of one view of ${VIEWS}`, unit: 'us', ours: perView })]
}

/** The judgement alone: facts and lineage are known, and both are new to the masker. */
function judgement(text: string, catalog: Catalog): () => unknown {
  const name = readRuleName('pii')
  const rules: readonly MaskingRule[] =
    name === undefined ? [] : [{ kind: 'column', name, columns: ['*.*.c3'], strategy: { kind: 'redact' } }]
  const masker = makeMasker({ rules, catalog, hashKey: HASH_KEY })
  const facts = readPostgresText(text)
  const statements = facts.understood ? facts.statements : []
  const lineages = traceLineage(text, catalog, OPTIONS)
  return () => {
    // A copy is new to the masker, which knows facts by their identity.
    const copy: TextFacts = { ...facts }
    return masker.judge(statements, copy, one => lineages[statements.indexOf(one)])
  }
}

/** Of the processor, so that what else runs on the machine counts less. */
function microseconds(times: number, work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const started = process.cpuUsage()
    for (let turn = 0; turn < times; turn += 1) work()
    const { user, system } = process.cpuUsage(started)
    // The first one warms up.
    if (round > 0) rounds.push((user + system) / times)
  }
  return median(rounds)
}

function commonTables(): string {
  const tables = Array.from(
    { length: 12 },
    (_, at) =>
      `q${at} AS (SELECT ${at === 0 ? 'id, name, c1, c3' : `q.id, upper(q.name) AS name, q.c1, coalesce(q.c3, 'none') AS c3`}
        FROM ${at === 0 ? 't0' : `q${at - 1} q JOIN t${at} x ON x.id = q.id`} WHERE ${at === 0 ? '' : 'q.'}id > ${at} AND ${at === 0 ? '' : 'q.'}name LIKE '%x${at}%')`,
  )
  return `WITH ${tables.join(', ')} SELECT id, lower(name), c1, length(c3) FROM q11 UNION ALL SELECT id, name, c1, 0 FROM q10`
}

/** Twenty tables and views over them, one of ten over another view. */
function makeCatalog(): Catalog {
  const columns = ['id', 'name', 'c1', 'c2', 'c3'].map((name, at) => ({ number: at + 1, name, typeOid: 25 }))
  const base = { schema: 'public', columns, parents: [], callsFunctions: false }
  const tables = Array.from(
    { length: 20 },
    (_, at): CatalogRelation => ({ ...base, oid: 20_000 + at, name: `t${at}`, kind: 'table', reads: [] }),
  )
  const views = Array.from({ length: VIEWS }, (_, at): CatalogRelation => {
    const [one, other] = [at % 20, (at + 7) % 20]
    const below = at % 10 === 9 ? `v${at - 1}` : `t${other}`
    const oids = [20_000 + one, at % 10 === 9 ? 29_999 + at : 20_000 + other]
    const definition = ` SELECT a.id,\n    upper(a.name) AS name,\n    ((a.c1 || ' '::text) || b.c1) AS c1,\n    COALESCE(b.c2, 'none'::text) AS c2,\n    a.c3\n   FROM (public.t${one} a\n     JOIN public.${below} b ON ((b.id = a.id)))\n  WHERE ((a.name IS NOT NULL) AND (b.c1 <> ''::text));`
    const reads = oids.map(oid => ({ oid, columns: [1, 2, 3, 4, 5] }))
    return { ...base, oid: 30_000 + at, name: `v${at}`, kind: 'view', reads, definition }
  })
  const relations = [...tables, ...views]
  return {
    version: 1,
    byOid: new Map(relations.map(one => [one.oid, one])),
    byName: new Map(relations.map(one => [one.name, [one]])),
    userFunctions: new Set(),
    firstUserOid: 16_384,
  }
}
