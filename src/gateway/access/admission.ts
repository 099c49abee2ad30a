import type { Connection, Role } from '../../domain/connection.js'
import { type Grant, whyGrantIsDead } from '../../domain/grant.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { Policies } from './policies.js'

/**
 * Proof that a live grant allows a connection in a role, under the rules in force now. A target opens only for one of
 * these, and only `admit` makes them.
 */
export class Admission {
  readonly #proof = true

  private constructor(
    readonly grant: Grant,
    readonly connection: Connection,
    readonly role: Role,
  ) {}

  /** Checks the grant, then that today's configuration still gives what it gave. Errors deny. */
  static admit(grant: Grant, policies: Policies, now: Date): Admission {
    const dead = whyGrantIsDead(grant, now)
    if (dead !== undefined) throw grantEnded(grant, dead)
    const connection = policies.connection(grant.connection)
    const role = connection?.roles.find(one => one.name === grant.role)
    if (connection === undefined || role === undefined || !policies.stillGives(grant)) {
      throw new HoopError(
        'forbidden',
        `Cannot use "${grant.connection}" as "${grant.role}": no access rule allows it any more`,
        {
          hint: 'hoop connections',
        },
      )
    }
    return new Admission(grant, connection, role)
  }

  /** A look-alike object has no proof. */
  get isProof(): boolean {
    return this.#proof
  }
}

function grantEnded(grant: Grant, why: 'grant_expired' | 'grant_revoked'): HoopError {
  const end = why === 'grant_expired' ? `it ended at ${grant.until.toISOString()}` : 'it was revoked'
  return new HoopError('grant_ended', `Cannot use grant "${grant.id}": ${end}`, {
    hint: `hoop connect ${grant.connection}`,
  })
}
