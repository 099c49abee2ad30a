import type { Connection, RoleCredential } from '../../domain/connection.js'

/** The account that makes and drops roles. */
export type RoleAdministrator = Extract<RoleCredential, { kind: 'ephemeral-role' }>

/**
 * Proof that the gateway opens a target for itself: to take back roles that it made, which has to go on when the grants
 * they were made for are over. Nothing of a client travels on such a connection (invariant 9).
 */
export class Upkeep {
  readonly #proof = true

  private constructor(readonly connection: Connection) {}

  /** Only a connection that makes roles needs any; undefined for every other one. */
  static of(connection: Connection): Upkeep | undefined {
    const makesRoles = connection.roles.some(role => role.credential.kind === 'ephemeral-role')
    return makesRoles ? new Upkeep(connection) : undefined
  }

  /** A look-alike object has no proof. */
  get isProof(): boolean {
    return this.#proof
  }
}
