import type { CatalogColumn, CatalogRelation } from '../domain/catalog.js'
import type { CopyUse } from '../domain/facts.js'
import { maskEntry, netEntry, type PlanContext, wholly } from './row-plan.js'
import type { RowPlan } from './statement-masking.js'
import { resolveRelation } from './touched.js'
import { tracedOutput } from './traced-output.js'

/** COPY (query) does not say types; as text, every detector looks. */
const TEXT_OID = 25

/**
 * The plan for COPY TO STDOUT by position. COPY has no row description: the columns of a table are those of its list, or
 * all in their order. Where the count on the wire is another one (generated columns are left out), every column counts as
 * protected. Of several candidates for a name, all count.
 */
export function planCopy(
  copies: readonly CopyUse[],
  columnCount: number,
  context: PlanContext,
): RowPlan | undefined {
  const plan: RowPlan[number][] = []
  for (let index = 0; index < columnCount; index += 1)
    plan.push(netEntry({ typeOid: TEXT_OID, format: 'text' }, context))
  for (const copy of copies) {
    if (copy.direction === 'out') applyCopy(copy, plan, context)
  }
  return plan.some(entry => entry !== undefined) ? plan : undefined
}

function applyCopy(copy: CopyUse, plan: RowPlan[number][], context: PlanContext): void {
  const { protection, trust } = context
  const rule = trust.rule ?? protection.columns.anyRule
  const hideAll = (): void => {
    if (rule === undefined) return
    for (const index of plan.keys())
      plan[index] = maskEntry({ typeOid: TEXT_OID, format: 'text' }, wholly(rule), context.hashKey)
  }
  if (copy.relation === undefined) {
    if (trust.tainted || trust.distrusted) hideTraced(plan, context)
    return
  }
  const resolved = resolveRelation(copy.relation, protection.catalog)
  if (resolved.kind === 'unknown') return hideAll()
  if (resolved.kind === 'system') return trust.systemValues ? hideAll() : undefined
  for (const relation of resolved.relations) {
    const columns = copiedColumns(copy, relation)
    const isProtected = protection.columns.byOid.has(relation.oid)
    if (columns === undefined || columns.length !== plan.length) {
      if (isProtected) hideAll()
      continue
    }
    columns.forEach((column, index) => {
      const own = protection.columns.byOid.get(relation.oid)?.get(column.number)
      if (own !== undefined) {
        plan[index] = maskEntry(
          { typeOid: column.typeOid, format: 'text' },
          { rule: own.name, strategy: own.strategy },
          context.hashKey,
        )
      } else if (!isProtected && resolved.relations.length === 1) {
        plan[index] = netEntry({ typeOid: column.typeOid, format: 'text' }, context)
      }
    })
  }
}

/** A query: the columns that its lineage clears are shown. Where there is none, the judge has refused the statement. */
function hideTraced(plan: RowPlan[number][], { protection, trust, hashKey }: PlanContext): void {
  const rule = trust.rule ?? protection.columns.anyRule
  if (rule === undefined) return
  const count = plan.length
  for (const index of plan.keys()) {
    if (tracedOutput(trust.lineage, { index, count }, protection)?.holds !== 'clear')
      plan[index] = maskEntry({ typeOid: TEXT_OID, format: 'text' }, wholly(rule), hashKey)
  }
}

/** The columns in the order in which COPY writes them; undefined when the list names one that the snapshot has not. */
function copiedColumns(copy: CopyUse, relation: CatalogRelation): readonly CatalogColumn[] | undefined {
  if (copy.columns.length === 0) return relation.columns
  const columns = copy.columns.map(name => relation.columns.find(column => column.name === name))
  return columns.every(column => column !== undefined) ? columns : undefined
}
