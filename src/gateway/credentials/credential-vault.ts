import type { SecretReference } from '../../domain/connection.js'
import type { Session } from '../../domain/session.js'
import { HoopError } from '../../lib/hoop-error.js'
import { unreachable } from '../../lib/unreachable.js'
import type { Admission } from '../access/admission.js'
import { Credential } from './credential.js'
import type { EphemeralRoles } from './ephemeral-roles.js'
import { SharedKeys } from './shared-keys.js'

/** Hands out what sessions sign in with at their targets. */
export class CredentialVault {
  readonly #keys = new SharedKeys()

  /** Without `roles`, roles that live as long as a session are refused. */
  constructor(readonly roles: EphemeralRoles | undefined) {}

  /**
   * The credential of one session, which must `forget` it at its end: a secret that is read now, or an account that is
   * made now and taken back then. Fails with `configuration`, `target_refused`, `target_unavailable`,
   * `agent_unavailable` or `limit_exceeded`.
   */
  async take(
    admission: Admission,
    session: Session,
    resolve: (reference: SecretReference) => string,
  ): Promise<Credential> {
    const { connection, role } = admission
    const { credential } = role
    switch (credential.kind) {
      case 'static': {
        const password = resolve(credential.password)
        const { keys, release } = this.#keys.hold(`${connection.name}\0${role.name}`)
        return new Credential({ user: credential.user, password, derivedKeys: keys, onForget: release })
      }
      case 'ephemeral-role':
        if (this.roles === undefined)
          throw new HoopError('configuration', 'Cannot make a role for the session: this gateway makes none')
        return this.roles.make(admission, { session, credential })
      default:
        return unreachable(credential)
    }
  }

  /** Resolves when nothing that was forgotten is still being taken back. */
  async settled(): Promise<void> {
    await this.roles?.settled()
  }
}
