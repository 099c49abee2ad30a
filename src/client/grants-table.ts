import type { GrantView } from '../domain/api.js'
import { toPrintable } from '../recording/printable.js'
import { showDuration } from './durations.js'
import { renderTable } from './text-table.js'

export interface GrantsTableOptions {
  readonly now: Date
  /** Whose each grant is, where they are everybody's. */
  readonly withPrincipal: boolean
}

/** Grants for people, one a line. Reasons were written by somebody: nothing in them acts on the terminal. */
export function renderGrants(
  grants: readonly GrantView[],
  { now, withPrincipal }: GrantsTableOptions,
): string {
  const header = [
    'ID',
    ...(withPrincipal ? ['WHO'] : []),
    'CONNECTION',
    'ROLE',
    'STATE',
    'GIVEN BY',
    'REASON',
  ]
  const rows = grants.map(grant => [
    grant.id,
    ...(withPrincipal ? [grant.principal ?? ''] : []),
    grant.connection,
    grant.role,
    stateOf(grant, now),
    givenBy(grant),
    grant.reason ?? '',
  ])
  return renderTable(
    header,
    rows.map(row => row.map(toPrintable)),
  )
}

function stateOf({ until, revokedAt }: GrantView, now: Date): string {
  if (revokedAt !== undefined) return 'revoked'
  const left = (new Date(until).getTime() - now.getTime()) / 1000
  return left > 0 ? `${showDuration(left)} left` : 'expired'
}

/** The rule that gave it, and what else it took. */
function givenBy({ rule, review, breakGlass }: GrantView): string {
  if (breakGlass) return `${rule}, glass broken`
  return review === undefined ? rule : `${rule}, ${review}`
}
