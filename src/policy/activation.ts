import type { CommandFacts, FunctionName, RelationName, RelationUse } from '../domain/facts.js'

/** Entries of one list a rule can look at: rules may nest one loop in another, and the client chooses the lengths. */
export const LIST_LENGTH_MAX = 1000

/**
 * The tables a relation of a statement can stand for, as `schema.table`. The function's identity stands for the state of
 * the catalog: whoever makes one makes a new one when the catalog changes.
 */
export type ResolveTables = (relation: RelationName) => readonly string[]

/** The CEL variable `statement`: one command of a text. Lists are made when a rule reads them. */
export class StatementView {
  readonly understood = true
  readonly #command: CommandFacts
  readonly #resolveTables: ResolveTables
  #tables: readonly string[] | undefined
  #writtenTables: readonly string[] | undefined

  constructor(
    command: CommandFacts,
    readonly text: string,
    resolveTables: ResolveTables,
  ) {
    this.#command = command
    this.#resolveTables = resolveTables
  }

  get verb(): string {
    return this.#command.verb
  }
  get object(): string {
    return this.#command.object
  }
  get nested(): boolean {
    return this.#command.nested
  }
  get writes(): boolean {
    return this.#command.writes
  }
  get filtered(): boolean {
    return this.#command.filtered
  }
  get drops(): boolean {
    return this.#command.drops
  }
  get defines(): boolean {
    return this.#command.defines
  }
  get opaque(): boolean {
    return this.#command.opaque
  }
  get server_access(): boolean {
    return this.#command.serverAccess
  }
  get tables(): readonly string[] {
    this.#tables ??= this.#resolve(this.#command.relations)
    return this.#tables
  }
  get written_tables(): readonly string[] {
    this.#writtenTables ??= this.#resolve(this.#command.relations.filter(one => one.access === 'write'))
    return this.#writtenTables
  }
  get functions(): readonly string[] {
    return listOf('functions', this.#command.functions.flatMap(spellFunction))
  }
  get settings(): readonly string[] {
    // The server looks settings up without regard to case, also between double quotes.
    return listOf(
      'settings',
      this.#command.settings.map(one => one.name.toLowerCase()),
    )
  }

  #resolve(relations: readonly RelationUse[]): readonly string[] {
    return listOf(
      'tables',
      relations.flatMap(relation => this.#resolveTables(relation)),
    )
  }
}

/** The CEL variable `now`, in UTC. Numbers are `int` in CEL, which is a bigint here. */
export class NowView {
  constructor(readonly time: Date) {}

  get hour(): bigint {
    return BigInt(this.time.getUTCHours())
  }
  get minute(): bigint {
    return BigInt(this.time.getUTCMinutes())
  }
  /** 0 is Sunday. */
  get weekday(): bigint {
    return BigInt(this.time.getUTCDay())
  }
}

/** The CEL variable `principal`. */
export class PrincipalView {
  constructor(
    readonly name: string,
    readonly groups: readonly string[],
    readonly issuer: string,
    readonly subject: string,
  ) {}
}

/** The CEL variable `connection`. */
export class ConnectionView {
  constructor(
    readonly name: string,
    readonly protocol: string,
    readonly database: string,
  ) {}
}

/** Everything an expression can name. An alias, so that it is a record to the expression library without a copy. */
export type Activation = {
  readonly statement: StatementView
  readonly principal: PrincipalView
  readonly connection: ConnectionView
  readonly role: string
  readonly now: NowView
}

/** A function is known by its bare name, so that a qualified call is not another function; and as written. */
function spellFunction({ schema, name }: FunctionName): readonly string[] {
  return schema === undefined ? [name] : [name, `${schema}.${name}`]
}

function listOf(what: string, entries: readonly string[]): readonly string[] {
  const distinct = [...new Set(entries)]
  // Thrown into the rule that reads the list: it becomes a denial that names the rule.
  if (distinct.length > LIST_LENGTH_MAX)
    throw new Error(`the command names more than ${LIST_LENGTH_MAX} ${what}`)
  return distinct
}
