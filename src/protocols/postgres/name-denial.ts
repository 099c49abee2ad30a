import type { Decision } from '../../domain/decision.js'
import type { UnknownName } from '../../domain/facts.js'
import {
  type NameTable,
  type Portal,
  type Prepared,
  protocolNameKey,
  type Resolved,
  sqlNameKey,
} from './names.js'
import { OWN_RULES, ownDenial, type Refusal } from './refusal.js'
import { isSureName } from './uncertain-name.js'

type Denial = Decision & { readonly kind: 'deny' }

/** What is known of the names of a client connection. */
export interface KnownNames {
  readonly statements: NameTable<Prepared>
  readonly cursors: NameTable<Portal>
  readonly serverEncoding: string
  readonly batch: number
  readonly status: 'I' | 'T' | 'E'
}

/** Only servers in UTF8 surely know a name outside of ASCII by its bytes. */
const UNSURE_NAME = ownDenial(
  OWN_RULES.notUnderstood,
  'names of statements and portals must be ASCII where the server does not encode in UTF8',
)

/** Why a statement cannot be made under a name; undefined when it can. */
export function denyParse(known: KnownNames, name: Buffer): Denial | undefined {
  if (known.statements.isFullFor(protocolNameKey(name)))
    return ownDenial(OWN_RULES.nameLimit, 'too many prepared statements are open', 'DEALLOCATE ALL')
  return isSureName(name, known.serverEncoding) ? undefined : UNSURE_NAME
}

/** Why a portal cannot be made of a statement; undefined when it can, or when the server will say why not. */
export function denyBind(
  known: KnownNames,
  names: { readonly statement: Buffer; readonly portal: Buffer },
  statement: Resolved<Prepared>,
): Denial | undefined {
  if (statement.kind === 'ambiguous') {
    const shown = names.statement.toString('utf8')
    const why = `the prepared statement "${shown}" was made again before the answer to its first form came`
    return ownDenial(OWN_RULES.ambiguousName, why)
  }
  if (known.cursors.isFullFor(protocolNameKey(names.portal)))
    return ownDenial(OWN_RULES.nameLimit, 'too many portals are open', 'CLOSE ALL')
  return isSureName(names.portal, known.serverEncoding) ? undefined : UNSURE_NAME
}

/** Why a portal that stands for no statement we know cannot be run. */
export function denyExecute(portal: Resolved<Portal>, name: Buffer): Denial {
  const shown = name.toString('utf8')
  return portal.kind === 'ambiguous'
    ? ownDenial(OWN_RULES.ambiguousName, `the portal "${shown}" was made again before it was answered`)
    : ownDenial(OWN_RULES.notUnderstood, `the portal "${shown}" does not exist`)
}

/** The server's words for a portal that is surely not there; undefined when it may be. PostgreSQL, appendix A. */
export function noSuchPortal(portal: Resolved<Portal>, name: Buffer): Refusal | undefined {
  if (portal.kind !== 'none') return undefined
  return { ...MISSING, code: '34000', message: `portal "${name.toString('utf8')}" does not exist` }
}

/**
 * The server's words for a name of SQL that is surely not there; undefined when it may be. Only words: what goes to the
 * server can never be run, whatever there is under this name (INVARIANT 2). Functions can open cursors of which the
 * gateway knows nothing, so that there a hint says who is speaking.
 */
export function noSuchName(known: KnownNames, unknown: UnknownName): Refusal | undefined {
  const { kind, name } = unknown
  const table = kind === 'prepared' ? known.statements : known.cursors
  if (table.resolve(sqlNameKey(name), known.batch).kind !== 'none') return undefined
  if (known.status === 'E') {
    const message = 'current transaction is aborted, commands ignored until end of transaction block'
    return { ...MISSING, code: '25P02', message }
  }
  if (kind === 'prepared')
    return { ...MISSING, code: '26000', message: `prepared statement "${name}" does not exist` }
  const hint = 'hoop serves the cursors that a connection declares itself, and not those that functions open'
  return { ...MISSING, code: '34000', message: `cursor "${name}" does not exist`, hint }
}

const MISSING = { rule: OWN_RULES.notUnderstood, hint: undefined }
