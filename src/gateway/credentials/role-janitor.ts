import type { Connection } from '../../domain/connection.js'
import type { SessionId } from '../../domain/ids.js'
import { describeError } from '../../lib/hoop-error.js'
import type { RoleTag } from '../../protocols/role-procedure.js'
import type { Log } from '../../tunnel/log.js'
import type { EphemeralRoles } from './ephemeral-roles.js'
import { proceduresOf } from './role-targets.js'
import { type RoleAdministrator, Upkeep } from './upkeep.js'

/** How often targets are looked at. */
const SWEEP_MS = 60_000
/** How soon one that could not be looked at is tried again: at the start, agents are on their way. */
const RETRY_MS = 10_000
/** How long after its end a role of another gateway is left to that one. */
const FOREIGN_GRACE_MS = 300_000
/** Roles of ended sessions at one target, beyond which somebody should look. */
const LEFTOVERS_WARN = 50
/** Failures that are remembered as told; then all are told once more. */
const TOLD_MAX = 10_000

export interface RoleJanitorOptions {
  readonly roles: EphemeralRoles
  readonly owner: string
  readonly connections: () => readonly Connection[]
  readonly now: () => Date
  readonly log: Log
}

/** What a look at one target came to. */
export interface Swept {
  readonly dropped: number
  /** Roles of ended sessions that are still there. */
  readonly left: number
}

/** Takes back what a crash left at the targets: at the start and then every minute. */
export class RoleJanitor {
  readonly #options: RoleJanitorOptions
  /** Roles whose failure is in the log already. */
  readonly #told = new Set<SessionId>()
  readonly #unreachable = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: RoleJanitorOptions) {
    this.#options = options
  }

  /** Begins, and goes on by itself until it is closed. */
  start(): void {
    void this.sweep().then(({ unreachable }) => {
      if (this.#closed) return
      this.#timer = setTimeout(() => this.start(), unreachable > 0 ? RETRY_MS : SWEEP_MS)
      this.#timer.unref()
    })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Looks at every target once. Never rejects. */
  async sweep(): Promise<Swept & { readonly unreachable: number }> {
    const places = this.#options.connections().flatMap(connection => {
      const upkeep = Upkeep.of(connection)
      return upkeep === undefined
        ? []
        : administratorsOf(connection).map(administrator => ({ upkeep, administrator }))
    })
    const swept = await Promise.all(places.map(place => this.#sweepTarget(place)))
    const sum = (read: (one: Swept) => number): number =>
      swept.reduce((total, one) => total + (one === undefined ? 0 : read(one)), 0)
    const unreachable = swept.filter(one => one === undefined).length
    return { dropped: sum(one => one.dropped), left: sum(one => one.left), unreachable }
  }

  /** Undefined when the target cannot be looked at now. */
  async #sweepTarget(place: Place): Promise<Swept | undefined> {
    const { connection } = place.upkeep
    const key = `${connection.name}\0${place.administrator.adminUser}`
    try {
      const due = await this.#findDue(place)
      this.#unreachable.delete(key)
      let dropped = 0
      for (const tag of due) if (await this.#drop(place, tag)) dropped += 1
      const swept = { dropped, left: due.length - dropped }
      this.#report(connection, swept)
      return swept
    } catch (error) {
      // Said once: a target that is down is down for a while.
      const fields = { connection: connection.name, cause: describeError(error) }
      if (this.#unreachable.has(key))
        this.#options.log.debug(fields, 'a target still cannot be searched for roles')
      else this.#options.log.warn(fields, 'a target could not be searched for roles of ended sessions')
      this.#unreachable.add(key)
      return undefined
    }
  }

  async #findDue({ upkeep, administrator }: Place): Promise<readonly RoleTag[]> {
    const { connection } = upkeep
    const { roles } = this.#options
    const listing = proceduresOf(connection).list(connection.database)
    const listed = await roles.targets.perform(upkeep, administrator, listing)
    if (listed.kind === 'failed') throw new Error(listed.reason)
    return listed.tags.filter(tag => this.#isDue(tag))
  }

  /** A role of ours without a session here is a crash's; one of another gateway is when its end is long over. */
  #isDue({ owner, session, until }: RoleTag): boolean {
    if (this.#options.roles.holds(session)) return false
    if (owner === this.#options.owner) return true
    return until.getTime() + FOREIGN_GRACE_MS < this.#options.now().getTime()
  }

  async #drop({ upkeep, administrator }: Place, { session, role }: RoleTag): Promise<boolean> {
    const { connection } = upkeep
    const outcome = await this.#options.roles.drop(connection, { session, role, administrator })
    if (outcome.kind === 'dropped') {
      this.#told.delete(session)
      return true
    }
    const fields = { session, connection: connection.name, cause: outcome.message, hint: outcome.hint }
    if (!this.#told.has(session))
      this.#options.log.warn(fields, 'the role of an ended session is still at the target')
    if (this.#told.size >= TOLD_MAX) this.#told.clear()
    this.#told.add(session)
    return false
  }

  #report({ name }: Connection, { dropped, left }: Swept): void {
    const fields = { connection: name, dropped, left }
    if (dropped > 0) this.#options.log.info(fields, 'roles of ended sessions were taken back')
    if (left > LEFTOVERS_WARN) this.#options.log.warn(fields, 'roles of ended sessions pile up at a target')
  }
}

interface Place {
  readonly upkeep: Upkeep
  readonly administrator: RoleAdministrator
}

/** Each account that makes roles on this connection, once. */
function administratorsOf(connection: Connection): readonly RoleAdministrator[] {
  const found = new Map<string, RoleAdministrator>()
  for (const { credential } of connection.roles)
    if (credential.kind === 'ephemeral-role') found.set(credential.adminUser, credential)
  return [...found.values()]
}
