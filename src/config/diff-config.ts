import { isDeepStrictEqual } from 'node:util'
import type { SecretReference } from '../domain/connection.js'
import type { Config } from './config.js'
import { spellSecret } from './resolve-secret.js'

/** Longest value that is shown of what changed, in UTF-16 code units. */
const SHOWN_LENGTH_MAX = 80
/** Changes that are told one by one. */
const CHANGES_MAX = 100

/**
 * What a reload changed, one sentence each, for the log. Secrets appear as references; the change of a literal one is
 * told without it. Empty when nothing that counts changed (a comment, say).
 */
export function diffConfig(before: Config, after: Config): readonly string[] {
  // The digest changes with every letter of the file and says nothing.
  const changes = diff({ ...before, digest: '' }, { ...after, digest: '' }, '')
  if (changes.length <= CHANGES_MAX) return changes
  return [...changes.slice(0, CHANGES_MAX), `and ${changes.length - CHANGES_MAX} more changes`]
}

function diff(before: unknown, after: unknown, path: string): readonly string[] {
  if (isDeepStrictEqual(before, after)) return []
  if (isSecret(before) || isSecret(after)) return [diffValue(before, after, path)]
  if (isNamedList(before) && isNamedList(after)) return diffNamed(before, after, path)
  if (isRecord(before) && isRecord(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(key =>
      diff(before[key], after[key], path === '' ? key : `${path}.${key}`),
    )
  }
  return [diffValue(before, after, path)]
}

function diffNamed(before: readonly Named[], after: readonly Named[], path: string): readonly string[] {
  const old = new Map(before.map(entry => [nameOf(entry), entry]))
  const fresh = new Map(after.map(entry => [nameOf(entry), entry]))
  const removed = [...old.keys()]
    .filter(name => !fresh.has(name))
    .map(name => `${path} "${name}" was removed`)
  const added = [...fresh.keys()].filter(name => !old.has(name)).map(name => `${path} "${name}" was added`)
  const changed = [...fresh].flatMap(([name, entry]) => {
    const previous = old.get(name)
    return previous === undefined ? [] : diff(previous, entry, `${path} "${name}"`)
  })
  // Order decides which access rule gives a grant.
  const kept = [...old.keys()].filter(name => fresh.has(name))
  const isMoved = !isDeepStrictEqual(
    kept,
    [...fresh.keys()].filter(name => old.has(name)),
  )
  return [...removed, ...added, ...changed, ...(isMoved ? [`${path} are in another order`] : [])]
}

function diffValue(before: unknown, after: unknown, path: string): string {
  const from = spell(before)
  const to = spell(after)
  return from === to ? `${path} changed` : `${path} changed from ${from} to ${to}`
}

function spell(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (isSecret(value)) return spellSecret(value)
  const text = JSON.stringify(value, (_key, inner: unknown) => (isSecret(inner) ? spellSecret(inner) : inner))
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text
}

type Named = Readonly<Record<string, unknown>>

/** Masking rules have their name one level down. */
function nameOf(entry: Named): string | undefined {
  const { name, rule } = entry
  if (typeof name === 'string') return name
  return isRecord(rule) && typeof rule.name === 'string' ? rule.name : undefined
}

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every(entry => isRecord(entry) && nameOf(entry) !== undefined)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSecret(value: unknown): value is SecretReference {
  if (!isRecord(value)) return false
  const { kind, name, path, value: literal } = value
  return (
    (kind === 'env' && typeof name === 'string') ||
    (kind === 'file' && typeof path === 'string') ||
    (kind === 'literal' && typeof literal === 'string')
  )
}
