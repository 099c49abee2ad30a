import { readGrantId } from '../../domain/ids.js'
import { isSamePrincipal, type Principal } from '../../domain/principal.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { Store } from '../../store/store.js'
import { Admission } from './admission.js'
import type { Policies } from './policies.js'

/** What admitting needs of the gateway. */
export interface AdmitDeps {
  readonly store: Pick<Store, 'grants'>
  readonly policies: () => Policies
  readonly now: () => Date
}

/**
 * Admits a principal by the name of a grant: what is behind everything that opens a target. Fails with `not_found`, in
 * the same words for somebody else's grant and for none, with `grant_ended` or with `forbidden`.
 */
export async function admitGrant(deps: AdmitDeps, principal: Principal, text: string): Promise<Admission> {
  const id = readGrantId(text)
  const grant = id === undefined ? undefined : await deps.store.grants.find(id)
  if (grant === undefined || !isSamePrincipal(grant.principal, principal)) {
    throw new HoopError('not_found', `Cannot use grant "${text}": there is none of that name among yours`, {
      hint: 'hoop connect NAME',
    })
  }
  // The groups of the token in hand count, not those of the time of the grant.
  return Admission.admit({ ...grant, principal }, deps.policies(), deps.now())
}
