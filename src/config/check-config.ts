import { compileGlob } from '../domain/glob.js'
import { nearestName } from '../lib/nearest-name.js'
import type { HoopShape } from './hoop-schema.js'
import type { ConfigProblem } from './problem.js'
import { spellPath } from './shape-problems.js'
import type { ConfigPath, YamlSource } from './yaml-source.js'

/** Longest life of the gateway's own token: what a person may no longer do must stop within it. */
const TOKEN_LIFETIME_MAX_MS = 3_600_000
/** Largest statement that can be read at all, in bytes. */
const STATEMENT_BYTES_MAX = 64 * 1024 * 1024

/** What only the whole file shows about everything but the rules. */
export function checkConfig(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return [
    ...checkTopLevel(shape, source),
    ...checkDistinct(shape.agents, ['agents'], source),
    ...checkDistinct(shape.connections, ['connections'], source),
    ...shape.connections.flatMap((connection, index) =>
      checkConnection(connection, { shape, index, source }),
    ),
  ]
}

/** Names that are there twice, each at its second place. */
export function checkDistinct(
  entries: readonly { readonly name: string }[],
  path: ConfigPath,
  source: YamlSource,
): readonly ConfigProblem[] {
  const seen = new Set<string>()
  return entries.flatMap(({ name }, index) => {
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    return [source.problemAt([...path, index, 'name'], `name "${name}" is taken by an entry above`)]
  })
}

/** Globs that match none of these names: allowed, and most likely a slip. */
export function checkGlobs(
  globs: readonly string[],
  {
    names,
    what,
    path,
    source,
  }: {
    readonly names: readonly string[]
    readonly what: string
    readonly path: ConfigPath
    readonly source: YamlSource
  },
): readonly ConfigProblem[] {
  return globs.flatMap((glob, index) => {
    if (glob === '*' || names.some(compileGlob(glob))) return []
    const nearest = nearestName(glob, names)
    const hint = nearest === undefined ? '' : `: did you mean "${nearest}"`
    const problem = source.problemAt([...path, index], `"${glob}" matches no ${what}${hint}`)
    return [{ ...problem, severity: 'warning' as const }]
  })
}

function checkTopLevel(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { store } = shape
  if (store !== undefined && (store.sqlite === undefined) === (store.postgres_url === undefined)) {
    problems.push(
      source.problemAt(['store'], '"store" cannot be read: expected either sqlite or postgres_url'),
    )
  }
  if (!shape.identity.scopes.includes('openid')) {
    problems.push(
      source.problemAt(
        ['identity', 'scopes'],
        '"identity.scopes" cannot be used: expected openid among them',
      ),
    )
  }
  if (shape.token_lifetime > TOKEN_LIFETIME_MAX_MS) {
    problems.push(
      source.problemAt(['token_lifetime'], '"token_lifetime" cannot be used: expected at most 1h'),
    )
  }
  return problems
}

interface Place {
  readonly shape: HoopShape
  readonly index: number
  readonly source: YamlSource
}

function checkConnection(
  connection: HoopShape['connections'][number],
  { shape, index, source }: Place,
): readonly ConfigProblem[] {
  const path: ConfigPath = ['connections', index]
  const problems = [
    ...checkDistinct(connection.roles, [...path, 'roles'], source),
    ...connection.roles.flatMap((role, at) => checkRole(role, [...path, 'roles', at], source)),
  ]
  const { agent, tls, limits } = connection
  const agents = shape.agents.map(one => one.name)
  if (agent !== undefined && !agents.includes(agent)) {
    const nearest = nearestName(agent, agents)
    const hint = nearest === undefined ? 'it is not among the agents' : `did you mean "${nearest}"`
    problems.push(source.problemAt([...path, 'agent'], `agent "${agent}" is not known: ${hint}`))
  }
  for (const key of ['ca_file', 'server_name'] as const) {
    if (tls.mode !== 'verify-full' && tls[key] !== undefined) {
      const why = `"${key}" has no effect with mode ${tls.mode}: expected mode verify-full`
      problems.push(source.problemAtKey([...path, 'tls'], key, why))
    }
  }
  if (tls.mode === 'disable' && tls.negotiation !== undefined) {
    const why = '"negotiation" has no effect with mode disable: expected mode require or verify-full'
    problems.push(source.problemAtKey([...path, 'tls'], 'negotiation', why))
  }
  if (limits.statement_bytes_max > STATEMENT_BYTES_MAX) {
    const why = '"statement_bytes_max" cannot be used: expected at most 64MiB'
    problems.push(source.problemAt([...path, 'limits', 'statement_bytes_max'], why))
  }
  return problems
}

/** A role has an account of its own, or is told how to make one; never both. */
function checkRole(
  role: HoopShape['connections'][number]['roles'][number],
  path: ConfigPath,
  source: YamlSource,
): readonly ConfigProblem[] {
  const spelled = spellPath(path)
  if (role.ephemeral === undefined) {
    const missing = (['user', 'password'] as const).filter(key => role[key] === undefined)
    return missing.map(key =>
      source.problemAt(path, `"${spelled}.${key}" is missing: expected user and password, or ephemeral`),
    )
  }
  const beside = (['user', 'password'] as const).filter(key => role[key] !== undefined)
  return beside.map(key =>
    source.problemAtKey(path, key, `"${key}" has no effect beside ephemeral: expected one of the two`),
  )
}
