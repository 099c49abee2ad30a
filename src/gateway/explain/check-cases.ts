import type { Config } from '../../config/config.js'
import type { Catalog } from '../../domain/catalog.js'
import type { Connection } from '../../domain/connection.js'
import type { PolicyDecision } from '../../domain/decision.js'
import type { TextFacts } from '../../domain/facts.js'
import type { RoleName } from '../../domain/names.js'
import type { Principal } from '../../domain/principal.js'
import { visibleConnections } from '../../policy/access.js'
import { isFor } from '../../policy/access-rule.js'
import { liftReviews } from '../../policy/lifted-reviews.js'
import { makeStatementJudge } from '../../policy/statement-judge.js'
import type { StatementPolicy } from '../../policy/statement-policy.js'
import { compileStatementPolicy } from '../../policy/statement-policy.js'
import { makeJudge } from '../session/judge.js'
import type { PolicyCase } from './policy-cases.js'

/** A case whose answer is not the expected one. */
export interface FailedCase {
  readonly line: number
  readonly connection: string
  readonly statement: string
  /** `allow`, `deny`, `deny by "no-drop"`. */
  readonly expected: string
  /** The same for what policy says, or why the case cannot be asked. */
  readonly found: string
}

export interface CasesReport {
  readonly caseCount: number
  readonly failed: readonly FailedCase[]
}

export interface CheckCasesOptions {
  readonly readFacts: (text: string) => TextFacts
  /** The time of cases that name none. */
  readonly now: Date
}

/** Without a target there is no catalog: names stand for themselves, and views and partitions for nothing else. */
const NO_CATALOG: Catalog = {
  version: 0,
  byOid: new Map(),
  byName: new Map(),
  userFunctions: new Set(),
  firstUserOid: 0,
}

/**
 * Puts cases to the access and statement rules of a configuration, as the gateway would, without a gateway or a target.
 * Masking, which depends on the catalog, is left out.
 */
export async function checkCases(
  config: Config,
  cases: readonly PolicyCase[],
  options: CheckCasesOptions,
): Promise<CasesReport> {
  const { defaultRulesOff, statementDefault } = config
  const compiled = compileStatementPolicy(config.statements, { defaultRulesOff, statementDefault })
  // Reading the configuration has compiled the same rules.
  if (!compiled.ok) throw new Error('the rules of a configuration that was read do not compile')
  const failed: FailedCase[] = []
  for (const one of cases) {
    const found = await decideCase(one, { config, policy: compiled.policy, ...options })
    if (isExpected(one, found)) continue
    const { line, connection, statement } = one
    failed.push({ line, connection, statement, expected: spellExpected(one), found: spellFound(found) })
  }
  return { caseCount: cases.length, failed }
}

interface Deciding extends CheckCasesOptions {
  readonly config: Config
  readonly policy: StatementPolicy
}

type Found =
  | PolicyDecision
  | { readonly kind: 'no access' }
  | { readonly kind: 'not asked'; readonly why: string }

async function decideCase(one: PolicyCase, { config, policy, readFacts, now }: Deciding): Promise<Found> {
  const connection = config.connections.find(({ name }) => name === one.connection)
  if (connection === undefined)
    return { kind: 'not asked', why: `there is no connection "${one.connection}"` }
  if (one.role !== undefined && !connection.roles.some(({ name }) => name === one.role))
    return { kind: 'not asked', why: `"${connection.name}" has no role "${one.role}"` }
  const principal = readPrincipal(one, config)
  const role = chooseRole(one, { config, principal, connection })
  if (role === undefined) return { kind: 'no access' }
  const judge = makeStatementJudge(policy, {
    principal,
    connection: { name: connection.name, protocol: connection.protocol },
    role,
    database: one.database ?? connection.database,
  })
  const verdict = await makeJudge({
    readFacts,
    catalog: () => ({ kind: 'fresh', catalog: NO_CATALOG }),
    decide: question => {
      const decision = judge.decide({ ...question, now: one.at ?? now })
      return one.break_glass === true ? liftReviews(decision) : decision
    },
    maskerFor: () => undefined,
  })({ text: one.statement, step: 'run', names: { behind: () => undefined } })
  return verdict.decision
}

function readPrincipal({ as }: PolicyCase, { identity }: Config): Principal {
  const name = as.name ?? 'someone'
  return { issuer: identity.issuer, subject: as.subject ?? name, name, groups: as.groups }
}

interface Choosing {
  readonly config: Config
  readonly principal: Principal
  readonly connection: Connection
}

/** The role of the case, or the first one that is open; undefined when an access rule gives none. */
function chooseRole(one: PolicyCase, { config, principal, connection }: Choosing): RoleName | undefined {
  const { role, break_glass: breakGlass = false } = one
  const rules = config.access.filter(rule => isFor(rule, { breakGlass }))
  const open = visibleConnections(rules, principal, [connection])[0]?.roles ?? []
  return role === undefined ? open[0] : open.find(name => name === role)
}

function isExpected({ expect, rule }: PolicyCase, found: Found): boolean {
  if (found.kind === 'not asked') return false
  if (found.kind === 'no access') return expect === 'deny' && rule === undefined
  if (found.kind !== expect) return false
  if (found.kind !== 'review') return rule === undefined || found.rule === rule
  return rule === undefined || found.demands.some(demand => demand.rule === rule)
}

function spellExpected({ expect, rule }: PolicyCase): string {
  return rule === undefined ? expect : `${expect} by "${rule}"`
}

function spellFound(found: Found): string {
  if (found.kind === 'not asked') return found.why
  if (found.kind === 'no access') return 'deny: no access rule gives the connection in this role'
  if (found.kind === 'review') return `review by ${found.demands.map(({ rule }) => `"${rule}"`).join(', ')}`
  const rule = found.rule === undefined ? found.kind : `${found.kind} by "${found.rule}"`
  return found.kind === 'deny' ? `${rule}: ${found.message}` : rule
}
