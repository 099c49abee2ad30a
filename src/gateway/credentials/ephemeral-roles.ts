import { randomBytes } from 'node:crypto'
import type { Connection } from '../../domain/connection.js'
import { compileGlob } from '../../domain/glob.js'
import type { SessionId } from '../../domain/ids.js'
import type { RoleName } from '../../domain/names.js'
import type { Session } from '../../domain/session.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import type { RoleCheck, RoleFailure } from '../../protocols/role-procedure.js'
import type { Log } from '../../tunnel/log.js'
import type { Admission } from '../access/admission.js'
import { Credential } from './credential.js'
import { proceduresOf, RoleTargets, type RoleTargetsOptions } from './role-targets.js'
import { DerivedKeys } from './shared-keys.js'
import { type RoleAdministrator, Upkeep } from './upkeep.js'

const PASSWORD_BYTES = 32
/** Beside the clients': reading the catalog, and one that is about to end. */
const CONNECTIONS_SPARE = 2

export interface EphemeralRolesOptions extends RoleTargetsOptions {
  /** Names this gateway on the roles it makes: the same after a restart, another for every other gateway. */
  readonly owner: string
  readonly log: Log
}

/** What became of the attempt to take a role back. */
export type Dropping =
  | { readonly kind: 'dropped' }
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string | undefined }

/** Roles at targets that live as long as a session: made when it opens, taken back when it ends. */
export class EphemeralRoles {
  readonly targets: RoleTargets
  /** Sessions whose role is being made, is in use or is being taken back. */
  readonly #held = new Set<SessionId>()
  readonly #dropping = new Set<Promise<void>>()

  constructor(readonly options: EphemeralRolesOptions) {
    this.targets = new RoleTargets(options)
  }

  /** True from before the session's role exists until the attempt to take it back is over. */
  holds(session: SessionId): boolean {
    return this.#held.has(session)
  }

  /**
   * Makes the role of a session. Forgetting the credential takes it back. Fails with `target_refused` when the target
   * cannot have it, and as opening a target does.
   */
  async make(
    admission: Admission,
    { session, credential }: { readonly session: Session; readonly credential: RoleAdministrator },
  ): Promise<Credential> {
    const { connection, grant } = admission
    const procedures = proceduresOf(connection)
    const password = randomBytes(PASSWORD_BYTES).toString('base64url')
    const making = procedures.make({
      owner: this.options.owner,
      session: session.id,
      role: session.role,
      until: grant.until,
      database: connection.database,
      memberOf: credential.memberOf,
      connectionsMax: connection.limits.clientConnectionsMax + CONNECTIONS_SPARE,
      password,
      randomBytes,
    })
    const giveBack = (): void => this.#giveBack(connection, session, credential)
    this.#held.add(session.id)
    let opened = false
    const onOpened = (): void => {
      opened = true
    }
    const outcome = await this.targets.perform(admission, credential, making, onOpened).catch(error => {
      // The target may have made it all the same: only the answer is missing.
      if (opened) giveBack()
      else this.#held.delete(session.id)
      throw error
    })
    if (outcome.kind === 'failed') {
      this.#held.delete(session.id)
      throw cannotMake(connection, outcome)
    }
    const user = procedures.nameFor(session.id)
    return new Credential({ user, password, derivedKeys: new DerivedKeys(), onForget: giveBack })
  }

  /**
   * Looks at the role that was made for a session, in every database that the session may use. Fails with
   * `target_refused` when it can read what a strong rule forbids or nobody can say, and as opening a target does; whoever
   * asked then forgets the credential.
   */
  async check(admission: Admission, { session, credential, forbidden }: StrongCheck): Promise<void> {
    const { connection } = admission
    const { nameFor, check } = proceduresOf(connection)
    const globs = connection.databases.map(compileGlob)
    const checking = check({
      name: nameFor(session.id),
      database: connection.database,
      offers: database => database === connection.database || globs.some(matches => matches(database)),
      forbidden,
    })
    const outcome = await this.targets.perform(admission, credential, checking)
    if (outcome.kind === 'failed') throw cannotMake(connection, outcome)
  }

  /** Takes back the role of a session that is over, as this administrator. Never rejects. */
  async drop(
    connection: Connection,
    { session, role, administrator }: Over & { readonly administrator: RoleAdministrator },
  ): Promise<Dropping> {
    try {
      const upkeep = Upkeep.of(connection)
      if (upkeep === undefined) throw new Error('the connection makes no roles')
      const { nameFor, drop } = proceduresOf(connection)
      const heirs = administratorOf(connection, role)?.memberOf ?? administrator.memberOf
      const dropping = drop({ name: nameFor(session), database: connection.database, heirs })
      const outcome = await this.targets.perform(upkeep, administrator, dropping)
      if (outcome.kind === 'failed') return { kind: 'failed', message: outcome.reason, hint: outcome.hint }
      return { kind: 'dropped' }
    } catch (error) {
      return { kind: 'failed', message: describeError(error), hint: undefined }
    }
  }

  /** Resolves when no role is being taken back. */
  async settled(): Promise<void> {
    await Promise.all(this.#dropping)
  }

  #giveBack(connection: Connection, { id, role }: Session, administrator: RoleAdministrator): void {
    const dropping = this.drop(connection, { session: id, role, administrator }).then(outcome => {
      this.#held.delete(id)
      this.#dropping.delete(dropping)
      if (outcome.kind === 'dropped') return
      const { message, hint } = outcome
      const fields = { session: id, connection: connection.name, cause: message, hint }
      this.options.log.error(fields, 'the role of a session could not be taken back: it is tried again')
    })
    this.#dropping.add(dropping)
  }
}

/** The session whose role is looked at, and what that must not read. */
export interface StrongCheck extends Pick<RoleCheck, 'forbidden'> {
  readonly session: Session
  readonly credential: RoleAdministrator
}

/** A session that is over, and the role it was for. */
interface Over {
  readonly session: SessionId
  readonly role: RoleName
}

/** The account that makes the roles of this role of a connection. */
export function administratorOf(connection: Connection, role: RoleName): RoleAdministrator | undefined {
  const credential = connection.roles.find(one => one.name === role)?.credential
  return credential?.kind === 'ephemeral-role' ? credential : undefined
}

function cannotMake({ name }: Connection, { reason, hint }: RoleFailure): HoopError {
  return new HoopError('target_refused', `Cannot make a role for the session on "${name}": ${reason}`, {
    hint: hint ?? `ask who runs "${name}" to look at the account that makes roles`,
  })
}
