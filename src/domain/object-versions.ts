import { createHash } from 'node:crypto'
import type { FunctionName, RelationName, StatementFacts } from './facts.js'

/** The names whose definitions are asked for. A name without a schema is every thing of that name. */
export interface VersionQuestion {
  readonly relations: readonly RelationName[]
  readonly functions: readonly FunctionName[]
  /** Types, without a schema: facts do not say it. */
  readonly types: readonly string[]
  /** There is code of which nobody can say what it reaches: every definition of the database counts. */
  readonly everything: boolean
}

/** What kind of thing a name stands for. */
export type VersionedKind =
  | 'table'
  | 'view'
  | 'materialized view'
  | 'foreign table'
  | 'sequence'
  | 'function'
  | 'type'
  /** All operators and casts that are not built in, together: a statement chooses among them by types, not by name. */
  | 'operators'
  /** Every definition of the database: behind code of which nobody can say what it reaches. */
  | 'database'

/** One thing that a statement names, with everything that it is made of. */
export interface ObjectVersion {
  readonly kind: VersionedKind
  /** With its schema, as in `public.customers`; overloads of a function are one. */
  readonly name: string
  /** SHA-256, hexadecimal, of its definition and of the definitions it is built on; never of data. */
  readonly version: string
}

/** The definitions that a statement resolves to, as they were at one moment. Sorted, each kind and name once. */
export interface ObjectVersions {
  readonly objects: readonly ObjectVersion[]
  /** One digest over all of them: SHA-256, hexadecimal. The same if and only if `changedObjects` has nothing to say. */
  readonly digest: string
}

/**
 * Everything that statements name, those behind session names included. `alias.name` can be a call and `name(x)` a cast
 * (PostgreSQL manual, sections 8.16.5 and 4.2.9), so each of them counts as both.
 */
export function versionQuestion(statements: readonly StatementFacts[]): VersionQuestion {
  const relations = new Map<string, RelationName>()
  const functions = new Map<string, FunctionName>()
  const types = new Set<string>()
  for (const { flow, commands } of statements) {
    const copied = flow.copy?.relation === undefined ? [] : [flow.copy.relation]
    for (const one of [...flow.relations, ...copied, ...commands.flatMap(command => command.relations)])
      relations.set(JSON.stringify([one.schema, one.name]), { schema: one.schema, name: one.name })
    const fields = flow.columns.filter(({ qualifier }) => qualifier !== undefined)
    const calls = [...flow.functions, ...commands.flatMap(command => command.functions)]
    for (const { schema, name } of [...calls, ...fields.map(({ name }) => ({ schema: undefined, name }))])
      functions.set(JSON.stringify([schema, name]), { schema, name })
    for (const name of [...flow.casts, ...calls.map(call => call.name)]) types.add(name)
  }
  const everything = statements.some(({ commands }) => commands.some(command => command.opaque))
  return {
    relations: [...relations.values()],
    functions: [...functions.values()],
    types: [...types],
    everything,
  }
}

/** Puts the versions in order and makes their digest. Where one kind and name comes twice, both count. */
export function makeObjectVersions(found: readonly ObjectVersion[]): ObjectVersions {
  const byName = new Map<string, ObjectVersion[]>()
  for (const object of found) {
    const key = keyOf(object)
    byName.set(key, [...(byName.get(key) ?? []), object])
  }
  const keys = [...byName.keys()].sort()
  const objects = keys.flatMap(key => mergeVersions(byName.get(key) ?? []))
  const digest = sha256(JSON.stringify(objects.map(({ kind, name, version }) => [kind, name, version])))
  return { objects, digest }
}

/**
 * The things whose definition is another one than before, that came or that went, as `view "public.v_people"`; empty when
 * nothing changed. INVARIANT 6: what was approved is void when this is not empty.
 */
export function changedObjects(before: ObjectVersions, after: ObjectVersions): readonly string[] {
  const one = new Map(before.objects.map(object => [keyOf(object), object]))
  const other = new Map(after.objects.map(object => [keyOf(object), object]))
  const changed = [...new Set([...one.keys(), ...other.keys()])]
    .filter(key => one.get(key)?.version !== other.get(key)?.version)
    .sort()
  return changed.flatMap(key => {
    const object = one.get(key) ?? other.get(key)
    return object === undefined ? [] : [describeObject(object)]
  })
}

function mergeVersions(same: readonly ObjectVersion[]): readonly ObjectVersion[] {
  const [first, ...more] = same
  if (first === undefined || more.length === 0) return same
  const versions = same.map(({ version }) => version).sort()
  return [{ ...first, version: sha256(JSON.stringify(versions)) }]
}

function describeObject({ kind, name }: ObjectVersion): string {
  return kind === 'operators' || kind === 'database' ? name : `${kind} "${name}"`
}

function keyOf({ kind, name }: ObjectVersion): string {
  return `${kind}\0${name}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
