import { createHash } from 'node:crypto'
import type { ExplainRequest, ExplainResponse } from '../../domain/api.js'
import type { Catalog } from '../../domain/catalog.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { TraceStatement } from '../../masking/statement-groups.js'
import { makeTableResolver } from '../../policy/table-resolver.js'
import { actorOf } from '../../store/actor.js'
import type { Store } from '../../store/store.js'
import type { Admission } from '../access/admission.js'
import { type AdmitDeps, admitGrant } from '../access/admit-grant.js'
import { checkDatabase } from '../access/check-database.js'
import type { Asking } from '../access/grants.js'
import type { FactsCache } from '../session/facts-cache.js'
import { makeJudge } from '../session/judge.js'
import { viewCommand, viewDecision, viewMasking } from './explanation-views.js'

/** What explaining needs of the gateway. */
export interface ExplainDeps extends AdmitDeps {
  readonly store: Pick<Store, 'grants' | 'audit'>
  readonly facts: Pick<FactsCache, 'read' | 'traceLineage' | 'traceView'>
  readonly catalogs: {
    catalog(
      admission: Admission,
      asked: { readonly database: string; readonly address: string },
    ): Promise<Catalog>
  }
}

/**
 * Says what the gateway would do with a statement, without running it: the judge of a session is asked, and then each of
 * its parts for its reasons. Fails as opening a session and its target does, and with `usage` for a statement that is
 * larger than the connection takes. INVARIANT 12: that it was asked is in the audit log before it is answered.
 */
export async function explainStatement(
  deps: ExplainDeps,
  asking: Asking,
  { grant, statement, database: named }: ExplainRequest & { readonly grant: string },
): Promise<ExplainResponse> {
  const admission = await admitGrant(deps, asking.principal, grant)
  const { connection, role } = admission
  const database = named ?? connection.database
  checkDatabase(connection, database)
  checkSize(statement, connection.limits.statementBytesMax)
  const catalog = await deps.catalogs.catalog(admission, { database, address: asking.address })
  const policies = deps.policies()
  const { breakGlass } = admission.grant
  const where = { connection: connection.name, role: role.name, database }
  const using = { principal: asking.principal, ...where, breakGlass }
  const { decide, maskerFor } = policies.rulesFor(using, (view, asked) => deps.facts.traceView(view, asked))
  const judge = makeJudge({
    readFacts: text => deps.facts.read(text),
    catalog: () => ({ kind: 'fresh', catalog }),
    decide,
    maskerFor,
    traceLineage: (one, asked) => deps.facts.traceLineage(one, asked),
  })
  // No session, so nothing stands behind a name that the text does not make itself.
  const verdict = await judge({ text: statement, step: 'run', names: { behind: () => undefined } })
  const { facts, statements, decision } = verdict
  const resolveTables = makeTableResolver(catalog)
  const masker = maskerFor(catalog)
  const trace: TraceStatement = one => deps.facts.traceLineage(one, catalog)
  const explained = policies.explain(using, { facts, statements, text: statement, resolveTables })
  await audit(deps, asking, { admission, database, statement, decision })
  return {
    connection: connection.name,
    role: role.name,
    database,
    policy: policies.digest,
    decision: viewDecision(decision),
    commands: explained.commands.map(viewCommand),
    commandCount: explained.commandCount,
    masking: viewMasking(
      masker && { mode: masker.mode, explanation: masker.explain(statements, facts, trace) },
    ),
  }
}

function checkSize(statement: string, bytesMax: number): void {
  if (Buffer.byteLength(statement) <= bytesMax) return
  throw new HoopError('usage', `Cannot explain the statement: it is larger than ${bytesMax} bytes`, {
    hint: 'send it in parts',
  })
}

interface Explained {
  readonly admission: Admission
  readonly database: string
  readonly statement: string
  readonly decision: Awaited<ReturnType<ReturnType<typeof makeJudge>>>['decision']
}

/** The statement goes in by its digest: it may hold values, and those belong into recordings only. */
function audit(
  { store, now }: ExplainDeps,
  { principal, address }: Asking,
  { admission, database, statement, decision }: Explained,
): Promise<void> {
  const { grant, connection, role } = admission
  const digest = createHash('sha256').update(statement).digest('hex')
  const detail = {
    connection: connection.name,
    role: role.name,
    database,
    decision: decision.kind,
    statement: digest,
  }
  const rule = decision.kind === 'review' ? decision.demands[0]?.rule : decision.rule
  const actor = actorOf(principal)
  return store.audit.append({
    at: now(),
    actor,
    action: 'policy.explained',
    subject: grant.id,
    rule,
    address,
    detail,
  })
}
