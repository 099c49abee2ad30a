import { nearestName } from '../lib/nearest-name.js'
import { checkDistinct } from './check-config.js'
import type { HoopShape } from './hoop-schema.js'
import type { ConfigProblem } from './problem.js'
import type { ConfigPath, YamlSource } from './yaml-source.js'

/** Longest wait for an answer, and longest life of a yes. */
const WAIT_MAX_MS = 7 * 86_400_000

/** What only the whole file shows about approvals and the rules that refer to them. */
export function checkApprovals(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return [
    ...checkDistinct(shape.approvals, ['approvals'], source),
    ...shape.approvals.flatMap((approval, index) =>
      checkApproval(approval, { shape, path: ['approvals', index], source }),
    ),
    ...shape.access.flatMap((rule, index) => checkAccess(rule, { shape, path: ['access', index], source })),
    ...shape.statements.flatMap((rule, index) =>
      checkStatement(rule, { shape, path: ['statements', index], source }),
    ),
  ]
}

interface Place {
  readonly shape: HoopShape
  readonly path: ConfigPath
  readonly source: YamlSource
}

function checkApproval(
  approval: HoopShape['approvals'][number],
  { shape, path, source }: Place,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const refuse = (key: string, why: string) => {
    problems.push(source.problemAt([...path, key], `approval "${approval.name}" cannot be used: ${why}`))
  }
  const warn = (key: string, why: string) => {
    const problem = source.problemAt([...path, key], `approval "${approval.name}" ${why}`)
    problems.push({ ...problem, severity: 'warning' })
  }
  const { groups, manager, count } = approval
  if (groups.length === 0 && !manager) refuse('groups', 'nobody may answer, expected groups or manager')
  if (groups.includes('*')) refuse('groups', '"*" would be everyone, expected names of groups')
  for (const key of ['wait', 'valid'] as const) {
    if (approval[key] > WAIT_MAX_MS) refuse(key, `expected "${key}" of at most 7d`)
  }
  if ((approval.wait_in_transaction ?? 0) > approval.wait)
    refuse('wait_in_transaction', 'expected "wait_in_transaction" of at most "wait"')
  if (manager && shape.identity.claims.manager === undefined)
    warn('manager', 'asks a manager that nobody knows: "identity.claims.manager" is not set')
  if (groups.length === 0 && count > 1)
    warn('count', `asks for ${count} people, and a manager is one: nobody can meet it`)
  return problems
}

function checkAccess(rule: HoopShape['access'][number], place: Place): readonly ConfigProblem[] {
  const { path, source } = place
  if (rule.break_glass && rule.approval === undefined) {
    const why = `rule "${rule.name}" cannot be used: break_glass needs approval, whose people look at it afterwards`
    return [source.problemAt([...path, 'break_glass'], why)]
  }
  return checkReference(rule.approval, place)
}

function checkStatement(
  { name, then: effect, approval }: HoopShape['statements'][number],
  place: Place,
): readonly ConfigProblem[] {
  const { path, source } = place
  if (effect !== 'review' && approval !== undefined) {
    const why = `"approval" has no effect with then: ${effect}: expected then: review`
    return [source.problemAtKey(path, 'approval', why)]
  }
  if (effect === 'review' && approval === undefined) {
    const why = `rule "${name}" cannot be used: review needs approval`
    return [source.problemAt([...path, 'then'], why)]
  }
  return checkReference(approval, place)
}

function checkReference(
  approval: string | undefined,
  { shape, path, source }: Place,
): readonly ConfigProblem[] {
  const names = shape.approvals.map(one => one.name)
  if (approval === undefined || names.some(name => name === approval)) return []
  const nearest = nearestName(approval, names)
  const hint = nearest === undefined ? 'it is not among the approvals' : `did you mean "${nearest}"`
  return [source.problemAt([...path, 'approval'], `approval "${approval}" is not known: ${hint}`)]
}
