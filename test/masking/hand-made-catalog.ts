import type { Catalog, CatalogConstraint, CatalogRelation } from '../../src/domain/catalog.js'
import type { MaskingRule, MaskStrategy } from '../../src/domain/masking-rule.js'
import { type RuleName, readRuleName } from '../../src/domain/names.js'

/** A relation in a few words: columns are `name` or `name:typeOid`, text without one. OIDs are given from 20 000 on. */
export interface RelationSketch {
  readonly name: string
  readonly columns: string
  readonly kind?: CatalogRelation['kind']
  readonly parents?: readonly string[]
  readonly reads?: Readonly<Record<string, readonly number[]>>
  readonly callsFunctions?: boolean
  readonly constraints?: readonly CatalogConstraint[]
  /** What columns are generated from. */
  readonly generated?: Readonly<Record<string, readonly number[]>>
  readonly definition?: string
}

const FIRST_OID = 20_000
const TEXT_OID = 25

/** A catalog from sketches. `name` is `schema.table`; parents and reads name other sketches, or OIDs as numbers. */
export function sketchCatalog(
  sketches: readonly RelationSketch[],
  functions: readonly string[] = [],
): Catalog {
  const oids = new Map(sketches.map((sketch, index) => [sketch.name, FIRST_OID + index]))
  const oidOf = (name: string): number => oids.get(name) ?? Number(name)
  const relations = sketches.map((sketch): CatalogRelation => {
    const [schema = '', name = ''] = sketch.name.split(/\.(.*)/)
    return {
      oid: oidOf(sketch.name),
      schema,
      name,
      kind: sketch.kind ?? 'table',
      columns: sketch.columns.split(' ').map((column, index) => {
        const [columnName = '', typeOid] = column.split(':')
        const generatedFrom = sketch.generated?.[columnName]
        return {
          ...{ number: index + 1, name: columnName, typeOid: Number(typeOid ?? TEXT_OID) },
          ...(generatedFrom === undefined ? {} : { generatedFrom }),
        }
      }),
      parents: (sketch.parents ?? []).map(oidOf),
      reads: Object.entries(sketch.reads ?? {}).map(([read, columns]) => ({ oid: oidOf(read), columns })),
      callsFunctions: sketch.callsFunctions ?? false,
      ...(sketch.constraints === undefined ? {} : { constraints: sketch.constraints }),
      ...(sketch.definition === undefined ? {} : { definition: sketch.definition }),
    }
  })
  const byName = new Map<string, CatalogRelation[]>()
  for (const relation of relations)
    byName.set(relation.name, [...(byName.get(relation.name) ?? []), relation])
  return {
    version: 1,
    byOid: new Map(relations.map(relation => [relation.oid, relation])),
    byName,
    userFunctions: new Set(functions),
    firstUserOid: 16_384,
  }
}

/** A column rule; the name is checked as it is in a configuration. */
export function columnRule(
  name: string,
  columns: readonly string[],
  strategy: MaskStrategy,
): MaskingRule & { readonly kind: 'column' } {
  return { kind: 'column', name: ruleName(name), columns, strategy }
}

/** A rule's name. */
export function ruleName(name: string): RuleName {
  const read = readRuleName(name)
  if (read === undefined) throw new Error(`not a rule name: ${name}`)
  return read
}
