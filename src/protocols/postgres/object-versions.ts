import type { FunctionName, RelationName } from '../../domain/facts.js'
import {
  makeObjectVersions,
  type ObjectVersion,
  type ObjectVersions,
  type VersionedKind,
  type VersionQuestion,
} from '../../domain/object-versions.js'
import type { TargetReader, VersionReader } from '../protocol.js'
import { OBJECT_VERSIONS_QUERY, VERSIONED_OBJECTS_MAX } from './object-versions-query.js'
import { nameArray, OwnQuery } from './own-query.js'
import { OwnQueryReader } from './own-query-reader.js'

/** Names of one question. */
const NAMES_MAX = 10_000
/** Rows of the answer: one for each thing that is named. */
const ROWS_MAX = 20_000
const WHAT = 'the versions of what it names cannot be read'

const KINDS: Readonly<Record<VersionedKind, true>> = {
  table: true,
  view: true,
  'materialized view': true,
  'foreign table': true,
  sequence: true,
  function: true,
  type: true,
  operators: true,
  database: true,
}

/**
 * Asks for the versions of everything that a statement names, in one round trip over a connection of the gateway's own.
 * INVARIANT 9: names are values of parameters. Needs no privilege beyond those of PUBLIC.
 */
export function readObjectVersions(question: VersionQuestion): VersionReader {
  const { relations, functions, types } = question
  if (relations.length + functions.length + types.length > NAMES_MAX)
    return failing(`${WHAT}: it names more than ${NAMES_MAX} things`)
  const parameters = [
    ...arrays(relations),
    ...arrays(functions),
    nameArray(types),
    question.everything ? 'true' : 'false',
  ]
  return new OwnQueryReader(new OwnQuery({ text: OBJECT_VERSIONS_QUERY, parameters }), {
    what: WHAT,
    rowsMax: ROWS_MAX,
    read: readVersions,
  })
}

function arrays(names: readonly (RelationName | FunctionName)[]): readonly string[] {
  return [nameArray(names.map(({ schema }) => schema ?? null)), nameArray(names.map(({ name }) => name))]
}

/** Undefined when something is missing: part of the versions would be none. */
function readVersions(rows: readonly (readonly (string | null)[])[]): ObjectVersions | undefined {
  const found: ObjectVersion[] = []
  for (const [kind, name, version, count] of rows) {
    if (name === undefined || name === null || !isKind(kind)) return undefined
    if (!/^[0-9a-f]{64}$/.test(version ?? '') || !(Number(count) <= VERSIONED_OBJECTS_MAX)) return undefined
    found.push({ kind, name, version: version ?? '' })
  }
  return makeObjectVersions(found)
}

function isKind(kind: string | null | undefined): kind is VersionedKind {
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind)
}

function failing(message: string): TargetReader<never> {
  return { begin: () => [{ kind: 'failed', message }], fromTarget: () => [] }
}
