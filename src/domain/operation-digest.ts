import { createHash } from 'node:crypto'
import type { GrantId } from './ids.js'
import type { ConnectionName, RoleName } from './names.js'
import type { BoundValues } from './operation.js'
import type { Principal } from './principal.js'

/** Everything that an approval of an operation is for. */
export interface OperationParts {
  readonly text: string
  /** Texts behind the names that the text uses, as EXECUTE does. */
  readonly textsBehind: readonly string[]
  readonly bound: BoundValues | undefined
  readonly principal: Pick<Principal, 'issuer' | 'subject'>
  readonly grant: GrantId
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly database: string
  /** Settings that the client connected with, `search_path` among them. */
  readonly settings: Readonly<Record<string, string>>
  /** Digest over the versions of everything that the names may stand for: a search path that finds another thing is in it. */
  readonly objects: string
}

/** Everything that an approval of a grant is for. */
export interface GrantParts {
  readonly principal: Pick<Principal, 'issuer' | 'subject'>
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly durationMs: number
  readonly reason: string | undefined
}

/**
 * INVARIANT 6: what an approval of an operation is bound to. SHA-256, hexadecimal, over fields of which each begins with
 * its length in bytes, so that no two lists of fields are the same bytes.
 */
export function operationDigest(parts: OperationParts): string {
  const { principal, bound, settings } = parts
  const names = Object.keys(settings).sort()
  return digestOf([
    'hoop operation 1',
    parts.text,
    ...list(parts.textsBehind),
    ...(bound === undefined ? list([]) : list([bound.digest, ...bound.types.map(String)])),
    principal.issuer,
    principal.subject,
    parts.grant,
    parts.connection,
    parts.role,
    parts.database,
    ...list(names.flatMap(name => [name, settings[name] ?? ''])),
    parts.objects,
  ])
}

/** The same for a grant that is asked for. */
export function grantDigest({ principal, connection, role, durationMs, reason }: GrantParts): string {
  const { issuer, subject } = principal
  const why = reason === undefined ? [] : [reason]
  return digestOf(['hoop grant 1', issuer, subject, connection, role, String(durationMs), ...list(why)])
}

/** A list says how long it is, so that its end cannot be moved. */
function list(items: readonly string[]): readonly string[] {
  return [String(items.length), ...items]
}

function digestOf(fields: readonly string[]): string {
  const hash = createHash('sha256')
  for (const field of fields) {
    const bytes = Buffer.from(field, 'utf8')
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(bytes.length))
    hash.update(length).update(bytes)
  }
  return hash.digest('hex')
}
