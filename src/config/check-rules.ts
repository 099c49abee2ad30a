import { compileGlob } from '../domain/glob.js'
import { nearestName } from '../lib/nearest-name.js'
import { MASKED_DATA_STAYS } from '../masking/laundering.js'
import { STRICT_MASKING } from '../masking/strict.js'
import { DEFAULT_RULES, SHIPPED_NAMES } from '../policy/default-rules.js'
import { compileStatementPolicy } from '../policy/statement-policy.js'
import { checkDistinct, checkGlobs } from './check-config.js'
import type { HoopShape } from './hoop-schema.js'
import type { ConfigProblem } from './problem.js'
import type { YamlSource } from './yaml-source.js'

/** Names that refusals give without a rule of the file: nothing else may answer to them. */
const TAKEN: readonly string[] = [...SHIPPED_NAMES, MASKED_DATA_STAYS, STRICT_MASKING]

/** What only the whole file shows about its rules: names, conditions, and globs that match nothing. */
export function checkRules(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return [
    ...checkDistinct(shape.access, ['access'], source),
    ...checkNames(shape, source),
    ...checkConditions(shape, source),
    ...checkDefaultsOff(shape, source),
    ...checkMasking(shape, source),
    ...checkModes(shape, source),
    ...checkStrong(shape, source),
    ...checkReach(shape, source),
  ]
}

/** Statement and masking rules share one space of names: a refusal and a recording name either. */
function checkNames(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  const statements = new Set<string>(shape.statements.map(rule => rule.name))
  const taken = (name: string): string => `name "${name}" is taken by a rule that is shipped`
  return [
    ...checkDistinct(shape.statements, ['statements'], source),
    ...checkDistinct(shape.masking.rules, ['masking', 'rules'], source),
    ...shape.statements.flatMap(({ name }, index) =>
      TAKEN.includes(name) ? [source.problemAt(['statements', index, 'name'], taken(name))] : [],
    ),
    ...shape.masking.rules.flatMap(({ name }, index) => {
      const path = ['masking', 'rules', index, 'name']
      if (TAKEN.includes(name)) return [source.problemAt(path, taken(name))]
      return statements.has(name)
        ? [source.problemAt(path, `name "${name}" is taken by a statement rule`)]
        : []
    }),
  ]
}

/** Each rule is compiled alone: two of them may have the same name, which is a problem of its own. */
function checkConditions(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return shape.statements.flatMap(({ name, connections, when }, index) => {
    const rule = { name, connections, when, effect: 'deny', message: undefined, hint: undefined } as const
    const compiled = compileStatementPolicy([rule], { defaultRulesOff: [], statementDefault: 'allow' })
    return (compiled.ok ? [] : compiled.problems).map(problem =>
      source.problemInText(
        ['statements', index, 'when'],
        problem,
        `rule "${name}" cannot be used: ${problem.message}`,
      ),
    )
  })
}

function checkDefaultsOff(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  const names = DEFAULT_RULES.filter(rule => rule.canBeOff).map(rule => rule.name)
  return shape.defaults_off.flatMap((name, index) => {
    if (names.includes(name)) return []
    const nearest = nearestName(name, names)
    const why = SHIPPED_NAMES.includes(name)
      ? 'other promises stand on it'
      : nearest === undefined
        ? `expected one of ${names.join(', ')}`
        : `did you mean "${nearest}"`
    return [source.problemAt(['defaults_off', index], `rule "${name}" cannot be turned off: ${why}`)]
  })
}

function checkMasking({ masking }: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return masking.rules.flatMap((rule, index) => {
    const path = ['masking', 'rules', index]
    const problems: ConfigProblem[] = []
    if ((rule.columns === undefined) === (rule.detectors === undefined)) {
      const why = `rule "${rule.name}" cannot be used: expected either columns or detectors`
      problems.push(source.problemAt(path, why))
    }
    if (rule.strong && rule.columns === undefined) {
      const why = `rule "${rule.name}" cannot be used: strong is about columns, and detectors look at values`
      problems.push(source.problemAtKey(path, 'strong', why))
    }
    if (rule.strategy.kind === 'hash' && masking.hash_key === undefined) {
      const why = `rule "${rule.name}" cannot be used: strategy hash needs "masking.hash_key"`
      problems.push(source.problemAt([...path, 'strategy'], why))
    }
    return problems
  })
}

/** In the mode net there are detectors and nothing else. A rule about columns that reaches there is most likely a slip. */
function checkModes({ masking, connections }: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  const net = connections.filter(one => (one.masking ?? masking.mode) === 'net').map(one => one.name)
  return masking.rules.flatMap((rule, index) => {
    // A strong rule is checked at the target in every mode.
    if (rule.columns === undefined || rule.strong) return []
    const idle = net.find(name => rule.connections.some(glob => compileGlob(glob)(name)))
    if (idle === undefined) return []
    const why = `rule "${rule.name}" does nothing on connection "${idle}": columns are not masked in mode net`
    return [{ ...source.problemAt(['masking', 'rules', index], why), severity: 'warning' as const }]
  })
}

/** What an account that is there already may read is its administrator's business: nobody checks it. */
function checkStrong({ masking, connections }: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return masking.rules.flatMap((rule, index) => {
    if (!rule.strong || rule.columns === undefined) return []
    const path = ['masking', 'rules', index]
    return connections
      .filter(({ name }) => rule.connections.some(glob => compileGlob(glob)(name)))
      .flatMap(({ name, roles }) =>
        roles
          .filter(role => role.ephemeral === undefined)
          .map(role => {
            const why = `rule "${rule.name}" is not checked for role "${role.name}" of connection "${name}": strong needs an ephemeral role`
            return { ...source.problemAtKey(path, 'strong', why), severity: 'warning' as const }
          }),
      )
  })
}

/** Globs that match nothing are warnings: a connection may be on its way. */
function checkReach(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  const names = shape.connections.map(connection => connection.name)
  const roles = shape.connections.flatMap(connection => connection.roles.map(role => role.name))
  const what = 'connection'
  return [
    ...shape.access.flatMap((rule, index) => [
      ...checkGlobs(rule.connections, { names, what, path: ['access', index, 'connections'], source }),
      ...checkGlobs(rule.roles, { names: roles, what: 'role', path: ['access', index, 'roles'], source }),
    ]),
    ...shape.statements.flatMap((rule, index) =>
      checkGlobs(rule.connections, { names, what, path: ['statements', index, 'connections'], source }),
    ),
    ...shape.masking.rules.flatMap((rule, index) =>
      checkGlobs(rule.connections, { names, what, path: ['masking', 'rules', index, 'connections'], source }),
    ),
  ]
}
