import type { Config } from '../../config/config.js'
import type { Catalog } from '../../domain/catalog.js'
import type { Connection, SecretReference } from '../../domain/connection.js'
import { compileGlob } from '../../domain/glob.js'
import type { Grant } from '../../domain/grant.js'
import type { TraceView } from '../../domain/lineage.js'
import type { MaskingMode } from '../../domain/masking-rule.js'
import type { ConnectionName, RoleName } from '../../domain/names.js'
import type { Principal } from '../../domain/principal.js'
import { HoopError } from '../../lib/hoop-error.js'
import { type Masker, makeMasker } from '../../masking/masker.js'
import type { ColumnRule } from '../../masking/protected-columns.js'
import { type AccessRule, visibleConnections } from '../../policy/access.js'
import { isFor } from '../../policy/access-rule.js'
import { explainStatement, type StatementExplanation } from '../../policy/explain.js'
import { liftReviews } from '../../policy/lifted-reviews.js'
import { makeStatementJudge } from '../../policy/statement-judge.js'
import { compileStatementPolicy, type StatementPolicy } from '../../policy/statement-policy.js'
import type { DecisionInput } from '../session/judge.js'
import type { SessionRules } from '../session/live-session.js'

/** Who uses what: everything that rules depend on and that is fixed for a client connection. */
export interface Using {
  readonly principal: Principal
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly database: string
  /** The glass was broken for it: no statement waits for people, and what would have waited is recorded as such. */
  readonly breakGlass?: boolean | undefined
}

/** Which access rules are meant: those that break the glass, or the others. */
interface Opening {
  readonly breakGlass?: boolean
}

export interface PoliciesOptions {
  readonly config: Config
  readonly resolveSecret: (reference: SecretReference) => string
  readonly now: () => Date
}

/** One configuration, ready to decide. A reload makes a new one; nothing in here changes. */
export class Policies {
  readonly digest: string
  readonly accessRules: readonly AccessRule[]
  readonly resolveSecret: (reference: SecretReference) => string
  readonly #config: Config
  readonly #statements: StatementPolicy
  readonly #hashKey: Buffer
  readonly #now: () => Date

  constructor({ config, resolveSecret, now }: PoliciesOptions) {
    this.digest = config.digest
    this.accessRules = config.access
    this.resolveSecret = resolveSecret
    this.#config = config
    this.#now = now
    this.#hashKey = Buffer.from(
      config.masking.hashKey === undefined ? '' : resolveSecret(config.masking.hashKey),
      'utf8',
    )
    const { defaultRulesOff, statementDefault } = config
    const compiled = compileStatementPolicy(config.statements, { defaultRulesOff, statementDefault })
    if (!compiled.ok) {
      const [problem] = compiled.problems
      throw new HoopError('configuration', `Cannot use rule "${problem?.rule}": ${problem?.message}`)
    }
    this.#statements = compiled.policy
  }

  connection(name: ConnectionName): Connection | undefined {
    return this.#config.connections.find(connection => connection.name === name)
  }

  /** The connections any access rule opens to this principal, in the order of the file; or those that break the glass. */
  visibleConnections(principal: Principal, how: Opening = {}): readonly Connection[] {
    return visibleConnections(this.#rulesOf(how), principal, this.#config.connections).map(
      ({ connection }) => connection,
    )
  }

  visibleRoles(principal: Principal, connection: Connection, how: Opening = {}): readonly RoleName[] {
    return visibleConnections(this.#rulesOf(how), principal, [connection])[0]?.roles ?? []
  }

  /**
   * True while some access rule of its kind still opens what the grant was given for. An approval or hours that were added
   * since change nothing: it was right when it was given, and has its end.
   */
  stillGives(grant: Pick<Grant, 'principal' | 'connection' | 'role' | 'breakGlass'>): boolean {
    const { principal, connection, role, breakGlass = false } = grant
    const known = this.connection(connection)
    return known !== undefined && this.visibleRoles(principal, known, { breakGlass }).includes(role)
  }

  #rulesOf(how: Opening): readonly AccessRule[] {
    return this.accessRules.filter(rule => isFor(rule, how))
  }

  isAuditor(principal: Principal): boolean {
    return this.#config.auditors.some(group => principal.groups.includes(group))
  }

  /** What policy and masking say to this principal in this database. Without `traceView`, masking follows no view. */
  rulesFor(using: Using, traceView?: TraceView): SessionRules {
    const { principal, connection, role, database, breakGlass = false } = using
    const known = this.connection(connection)
    const protocol = known?.protocol ?? ''
    const judge = makeStatementJudge(this.#statements, {
      principal,
      connection: { name: connection, protocol },
      role,
      database,
    })
    // A connection that is gone gives no session; should one ask, the strictest mode is the safe answer.
    const mode = known?.masking ?? 'strict'
    const rules = this.#maskingRules({ principal, connection, mode })
    const hashKey = this.#hashKey
    let made: { readonly catalog: Catalog; readonly masker: Masker } | undefined
    const usesCatalog = rules.some(({ kind }) => kind === 'column') || this.#rulesReadTables(connection)
    return {
      usesCatalog,
      decide: question => {
        const decision = judge.decide({ ...question, now: this.#now() })
        return breakGlass ? liftReviews(decision) : decision
      },
      maskerFor: catalog => {
        if (rules.length === 0) return undefined
        if (made?.catalog !== catalog) {
          made = { catalog, masker: makeMasker({ rules, catalog, hashKey, mode, traceView }) }
        }
        return made.masker
      },
    }
  }

  /** The decision on a statement with its reasons, for whoever asks what would happen. */
  explain(using: Using, question: DecisionInput): StatementExplanation {
    const { principal, connection, role, database, breakGlass = false } = using
    const protocol = this.connection(connection)?.protocol ?? ''
    const asker = { principal, connection: { name: connection, protocol }, role, database }
    const explained = explainStatement(this.#statements, { ...asker, ...question, now: this.#now() })
    return breakGlass ? { ...explained, decision: liftReviews(explained.decision) } : explained
  }

  /** By the letters of its condition: one too many costs a look at the target now and then, one too few would cost more. */
  #rulesReadTables(connection: ConnectionName): boolean {
    return this.#config.statements.some(
      ({ connections, when }) =>
        when.includes('tables') && connections.some(pattern => compileGlob(pattern)(connection)),
    )
  }

  /** The columns that an account made for this principal must have no privilege to read, in every mode of masking. */
  strongRules({ principal, connection }: Pick<Using, 'principal' | 'connection'>): readonly ColumnRule[] {
    const rules = this.#maskingRules({ principal, connection, mode: 'strict' })
    return rules.flatMap(rule => (rule.kind === 'column' && rule.strong === true ? [rule] : []))
  }

  #maskingRules({
    principal,
    connection,
    mode,
  }: Pick<Using, 'principal' | 'connection'> & { readonly mode: MaskingMode }) {
    return this.#config.masking.rules
      .filter(({ connections }) => connections.some(pattern => compileGlob(pattern)(connection)))
      .filter(({ exceptGroups }) => !exceptGroups.some(group => principal.groups.includes(group)))
      .map(({ rule }) => rule)
      .filter(({ kind }) => mode !== 'net' || kind === 'detector')
  }
}
