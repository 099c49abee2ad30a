import type { Catalog } from '../../domain/catalog.js'
import type { TraceView } from '../../domain/lineage.js'
import type { Session } from '../../domain/session.js'
import { describeError } from '../../lib/hoop-error.js'
import { type ColumnRule, resolveProtectedColumns } from '../../masking/protected-columns.js'
import type { ForbiddenColumn } from '../../protocols/role-procedure.js'
import { actorOf } from '../../store/actor.js'
import type { Store } from '../../store/store.js'
import type { Log } from '../../tunnel/log.js'
import type { Admission } from '../access/admission.js'
import type { NewestClaims } from '../access/newest-claims.js'
import type { Policies } from '../access/policies.js'
import type { Credential } from '../credentials/credential.js'
import type { CredentialVault } from '../credentials/credential-vault.js'

/** What taking a credential needs of the gateway. */
export interface TakingDeps {
  readonly vault: CredentialVault
  readonly claims: NewestClaims
  readonly policies: () => Policies
  readonly traceView: TraceView
  readonly store: Pick<Store, 'audit'>
  readonly log: Log
  readonly now: () => Date
}

/**
 * The credential that a session begins with. An account that was made for it is looked at first: INVARIANT: a session does
 * not start where a strong rule forbids what its account can read, or where nobody can say. Fails as
 * `CredentialVault.take` does; then the account is taken back and the failure of the check is in the audit log.
 */
export async function takeCredential(
  { admission, session }: { readonly admission: Admission; readonly session: Session },
  deps: TakingDeps,
): Promise<Credential> {
  const policies = deps.policies()
  const taken = await deps.vault.take(admission, session, policies.resolveSecret)
  const { credential } = admission.role
  const principal = deps.claims.of(session.principal)
  const rules = policies.strongRules({ principal, connection: session.connection })
  if (credential.kind !== 'ephemeral-role' || rules.length === 0) return taken
  try {
    const forbidden = (catalog: Catalog): readonly ForbiddenColumn[] =>
      forbiddenIn(catalog, { rules, traceView: deps.traceView })
    await deps.vault.roles?.check(admission, { session, credential, forbidden })
    return taken
  } catch (error) {
    taken.forget()
    await noteRefusal(session, describeError(error), deps)
    throw error
  }
}

/** Every column of a snapshot that the rules protect, as masking does: in partitions, views and foreign tables too. */
function forbiddenIn(
  catalog: Catalog,
  { rules, traceView }: { readonly rules: readonly ColumnRule[]; readonly traceView: TraceView },
): readonly ForbiddenColumn[] {
  const { byOid } = resolveProtectedColumns(rules, { catalog, traceView })
  const found: ForbiddenColumn[] = []
  for (const oid of catalog.byOid.keys())
    for (const [number, { name: rule }] of byOid.get(oid) ?? []) found.push({ oid, number, rule })
  return found
}

async function noteRefusal(session: Session, why: string, { store, log, now }: TakingDeps): Promise<void> {
  const { id, principal, connection, role, address } = session
  log.warn({ session: id, connection, role, cause: why }, 'a session did not start: its role was not cleared')
  await store.audit.append({
    at: now(),
    actor: actorOf(principal),
    action: 'session.refused',
    subject: id,
    address,
    detail: { why },
  })
}
