import type { Catalog } from '../../domain/catalog.js'
import type { Decision, PolicyDecision } from '../../domain/decision.js'
import type { StatementFacts, TextFacts } from '../../domain/facts.js'
import type { StatementLineage } from '../../domain/lineage.js'
import { type RuleName, readRuleName } from '../../domain/names.js'
import type { Operation } from '../../domain/operation.js'
import type { Masker } from '../../masking/masker.js'
import type { TraceStatement } from '../../masking/statement-groups.js'
import type { StatementMasking } from '../../masking/statement-masking.js'
import type { ResolveTables } from '../../policy/activation.js'
import { makeTableResolver } from '../../policy/table-resolver.js'
import type { Verdict } from '../../protocols/protocol.js'
import type { FreshCatalog, ReadFreshCatalog } from './fresh-catalog.js'
import { isHeld, type Judged, underReview } from './held-verdict.js'

/** The name under which a text is refused whose names could not be looked up. It is not configured and is always on. */
export const UNCHECKED_DEFINITIONS = readOwnName('unchecked-definitions')

/** Answers the question a protocol machine asks of an operation. A promise only where something has to be fetched. */
export type Judge = (operation: Operation) => Judged | Promise<Judged>

export interface JudgeOptions {
  /** The facts of a text, from the cache or the parser. */
  readonly readFacts: (text: string) => TextFacts | Promise<TextFacts>
  /** The catalog to judge a text with; a promise while it is checked or read again. */
  readonly catalog: ReadFreshCatalog
  readonly decide: (input: DecisionInput) => PolicyDecision
  /** The masker for this catalog; undefined when nothing is masked for this principal. */
  readonly maskerFor: (catalog: Catalog) => Masker | undefined
  /** The lineage of a statement by its facts; undefined where it is not traced. Absent: never traced. */
  readonly traceLineage?: (statement: StatementFacts, catalog: Catalog) => StatementLineage | undefined
}

export interface DecisionInput {
  readonly facts: TextFacts
  readonly statements: readonly StatementFacts[]
  readonly text: string
  /** The same function for the same catalog: what was decided with it can be remembered. */
  readonly resolveTables: ResolveTables
}

/** A verdict before policy, and what it depends on beside the text. */
interface Prepared {
  readonly version: number
  /** Another one after a reload, or when the provider says something else of the person. */
  readonly masker: Masker | undefined
  readonly verdict: Verdict
}

/**
 * Makes the judge of one client connection: facts, then policy, then what masking can keep its word on. The strictest
 * answer counts.
 */
export function makeJudge(options: JudgeOptions): Judge {
  const found = new WeakMap<TextFacts, Prepared>()

  let resolver: { readonly catalog: Catalog; readonly resolve: ResolveTables } | undefined
  const resolverFor = (catalog: Catalog): ResolveTables => {
    if (resolver?.catalog !== catalog) resolver = { catalog, resolve: makeTableResolver(catalog) }
    return resolver.resolve
  }

  const conclude = (operation: Operation, facts: TextFacts, catalog: Catalog): Judged => {
    const known = found.get(facts)
    const masker = options.maskerFor(catalog)
    // What masking and search need of a text depends on the text, the catalog and the rules, unless it speaks of session names.
    const isKnown = known?.version === catalog.version && known.masker === masker
    const prepared = isKnown ? known.verdict : undefined
    const resolved = prepared === undefined ? resolveNames(operation, facts) : undefined
    const resolveTables = resolverFor(catalog)
    const base = prepared ?? describe(resolved?.facts ?? facts, resolved?.statements ?? [], resolveTables)
    const decision = options.decide({
      facts: base.facts,
      statements: base.statements,
      text: operation.text,
      resolveTables,
    })
    const trace: TraceStatement = statement => options.traceLineage?.(statement, catalog)
    const verdict = prepared ?? withMasking(base, masker, trace)
    if (resolved?.usesNames === false) found.set(facts, { version: catalog.version, masker, verdict })
    if (decision.kind !== 'review') return strictest(verdict, decision)
    const decide = (statements: readonly StatementFacts[]): PolicyDecision =>
      options.decide({ facts: base.facts, statements, text: operation.text, resolveTables })
    return underReview({ operation, facts, verdict, demand: decision, decide })
  }

  const concludeWith = (operation: Operation, facts: TextFacts, found: FreshCatalog): Judged => {
    const verdict = conclude(operation, facts, found.catalog)
    return found.kind === 'fresh' ? verdict : unchecked(verdict, found.reason)
  }

  const settle = (operation: Operation, facts: TextFacts): Judged | Promise<Judged> => {
    const catalog = options.catalog(facts)
    if (catalog instanceof Promise) return catalog.then(one => concludeWith(operation, facts, one))
    return concludeWith(operation, facts, catalog)
  }

  return operation => {
    const facts = options.readFacts(operation.text)
    return facts instanceof Promise ? facts.then(one => settle(operation, one)) : settle(operation, facts)
  }
}

/** Fail closed: nobody knows what the text means at the target now. */
function unchecked(verdict: Judged, reason: string): Verdict {
  if (!isHeld(verdict) && verdict.decision.kind === 'deny') return verdict
  const hint = 'try again: the target may be busy'
  return { ...verdict, decision: { kind: 'deny', rule: UNCHECKED_DEFINITIONS, message: reason, hint } }
}

/** Masking's own refusal stands in `verdict` already; a denial by a rule is the clearer answer of the two. */
function strictest(verdict: Verdict, decision: Decision): Verdict {
  if (decision.kind === 'deny' || verdict.decision.kind === 'allow') return { ...verdict, decision }
  return verdict
}

function withMasking(verdict: Verdict, masker: Masker | undefined, trace: TraceStatement): Verdict {
  if (masker === undefined) return verdict
  const judged = masker.judge(verdict.statements, verdict.facts, trace)
  if (judged.kind === 'masked') return { ...verdict, masking: judged.masking }
  const { rule, message, hint } = judged
  return { ...verdict, masking: masker.background, decision: { kind: 'deny', rule, message, hint } }
}

function describe(
  facts: TextFacts,
  statements: readonly StatementFacts[],
  resolveTables: ResolveTables,
): Verdict {
  const verbs = new Set<string>()
  const tables = new Set<string>()
  for (const statement of statements) {
    for (const command of statement.commands) verbs.add(command.verb)
    for (const relation of statement.flow.relations) {
      for (const name of resolveTables(relation)) tables.add(name)
    }
  }
  const masking: StatementMasking | undefined = undefined
  return {
    decision: { kind: 'allow', rule: undefined },
    facts,
    statements,
    masking,
    verbs: [...verbs],
    tables: [...tables],
  }
}

interface ResolvedNames {
  readonly facts: TextFacts
  readonly statements: readonly StatementFacts[]
  readonly usesNames: boolean
}

/** Adds what EXECUTE and FETCH stand for. A name nobody knows is not understood, and not forwarded. */
function resolveNames(operation: Operation, facts: TextFacts): ResolvedNames {
  if (!facts.understood) return { facts, statements: [], usesNames: false }
  const statements: StatementFacts[] = []
  const madeHere = new Map<string, StatementFacts>()
  let usesNames = false
  for (const statement of facts.statements) {
    statements.push(statement)
    const use = statement.flow.sessionName
    if (use === undefined || use.name === undefined) continue
    if (use.kind === 'prepare' || use.kind === 'declare') madeHere.set(nameKey(use.kind, use.name), statement)
    if (use.kind !== 'execute' && use.kind !== 'fetch') continue
    usesNames = true
    const here = madeHere.get(nameKey(use.kind === 'execute' ? 'prepare' : 'declare', use.name))
    const before = operation.names.behind(use.kind === 'execute' ? 'prepared' : 'cursor', use.name)
    if (here === undefined && before === undefined)
      return { facts: unknownName(use.kind, use.name, facts.statements.length), statements: [], usesNames }
    statements.push(...(before ?? []), ...(here === undefined ? [] : [here]))
  }
  return { facts, statements, usesNames }
}

function nameKey(kind: 'prepare' | 'declare', name: string): string {
  return `${kind} ${name}`
}

function unknownName(use: 'execute' | 'fetch', name: string, statements: number): TextFacts {
  const kind = use === 'execute' ? 'prepared' : 'cursor'
  const what = kind === 'prepared' ? 'prepared statement' : 'cursor'
  const reason = `the ${what} "${name}" is not known in this connection`
  return { understood: false, reason, ...(statements === 1 ? { unknownName: { kind, name } } : {}) }
}

function readOwnName(text: string): RuleName {
  const name = readRuleName(text)
  if (name === undefined) throw new Error(`"${text}" is no name of a rule`)
  return name
}
