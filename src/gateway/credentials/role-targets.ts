import type { Connection, SecretReference } from '../../domain/connection.js'
import { HoopError } from '../../lib/hoop-error.js'
import { protocolNamed } from '../../protocols/registry.js'
import type { EphemeralRoleProcedures, RoleProcedure } from '../../protocols/role-procedure.js'
import type { Admission } from '../access/admission.js'
import type { AgentHub } from '../agents/hub.js'
import { openTarget } from '../session/target.js'
import { Credential } from './credential.js'
import { OwnConnection } from './own-connection.js'
import { performProcedure } from './perform-procedure.js'
import { SharedKeys } from './shared-keys.js'
import { Turns } from './turns.js'
import type { RoleAdministrator, Upkeep } from './upkeep.js'

/** Connections of the administrator's to one target at once: clients need the target's places too. */
const CONNECTIONS_MAX = 4
/** Sessions of one connection that may wait to be opened or ended. */
const WAITING_MAX = 1_000

export interface RoleTargetsOptions {
  readonly agents: AgentHub
  readonly resolveSecret: (reference: SecretReference) => string
}

/** Performs procedures at targets, signed in as the account that makes and drops roles there. */
export class RoleTargets {
  readonly #keys = new SharedKeys()
  readonly #turns = new Turns({ runningMax: CONNECTIONS_MAX, waitingMax: WAITING_MAX })

  constructor(readonly options: RoleTargetsOptions) {}

  /** The administrator's password is read for this one procedure and forgotten after it. `onOpened` says that it began. */
  perform<Outcome>(
    proof: Admission | Upkeep,
    administrator: RoleAdministrator,
    procedure: RoleProcedure<Outcome>,
    onOpened: () => void = () => undefined,
  ): Promise<Outcome> {
    const { name } = proof.connection
    return this.#turns.take(name, async () => {
      const { keys, release } = this.#keys.hold(`${name}\0${administrator.adminUser}`)
      const password = this.#resolve(administrator, release)
      const credential = new Credential({
        user: administrator.adminUser,
        password,
        derivedKeys: keys,
        onForget: release,
      })
      try {
        return await performProcedure(procedure, async database => {
          const opened = await this.#open(proof, { credential, database })
          onOpened()
          return opened
        })
      } finally {
        credential.forget()
      }
    })
  }

  #resolve({ adminPassword }: RoleAdministrator, onFailure: () => void): string {
    try {
      return this.options.resolveSecret(adminPassword)
    } catch (error) {
      onFailure()
      throw error
    }
  }

  async #open(
    proof: Admission | Upkeep,
    { credential, database }: { readonly credential: Credential; readonly database: string },
  ): Promise<OwnConnection> {
    const protocol = protocolNamed(proof.connection.protocol)
    const { settings, ask } = proceduresOf(proof.connection)
    const { agents } = this.options
    const { stream } = await openTarget(proof, { protocol, credential, database, settings, agents })
    return new OwnConnection(stream, ask)
  }
}

/** How roles are made at the target of a connection. Fails with `configuration` where they cannot be. */
export function proceduresOf({ name, protocol }: Connection): EphemeralRoleProcedures {
  const procedures = protocolNamed(protocol).ephemeralRoles
  if (procedures !== undefined) return procedures
  throw new HoopError(
    'configuration',
    `Cannot make a role for a session on "${name}": targets of type ${protocol} have none`,
  )
}
