import type { RecordedValue } from '../../domain/event.js'

/** Bytes of one bind value that a recording keeps. */
export const VALUE_BYTES_MAX = 8 * 1024

const INT8 = 20
const JSONB = 3802
const UUID = 2950
/** Types whose binary form is their text: char, name, text, json, xml, bpchar, varchar, unknown. */
const TEXT_TYPES: ReadonlySet<number> = new Set([18, 19, 25, 114, 142, 1042, 1043, 705])

/** Reads fixed-size binary values by type OID: bool, int2, int4, oid, int8, float4, float8. */
const FIXED: ReadonlyMap<number, { readonly size: number; readonly read: (bytes: Buffer) => string }> =
  new Map([
    [16, { size: 1, read: bytes => (bytes[0] === 0 ? 'f' : 't') }],
    [21, { size: 2, read: bytes => String(bytes.readInt16BE()) }],
    [23, { size: 4, read: bytes => String(bytes.readInt32BE()) }],
    [26, { size: 4, read: bytes => String(bytes.readUInt32BE()) }],
    [INT8, { size: 8, read: bytes => String(bytes.readBigInt64BE()) }],
    [700, { size: 4, read: bytes => String(Math.fround(bytes.readFloatBE())) }],
    [701, { size: 8, read: bytes => String(bytes.readDoubleBE()) }],
  ])

/** How to read one value. `typeOid` is 0 when it is not known. */
export interface ValueForm {
  readonly typeOid: number
  readonly format: 'text' | 'binary'
}

/**
 * A value as people read it in a recording: text as it is, binary of common types as text, other binary as `\x` and
 * hexadecimal digits. Total: a value that does not fit its type is hexadecimal too.
 */
export function describeValue(bytes: Buffer, form: ValueForm): string {
  if (form.format === 'text' || TEXT_TYPES.has(form.typeOid)) return bytes.toString('utf8')
  const fixed = FIXED.get(form.typeOid)
  if (fixed !== undefined && bytes.length === fixed.size) return fixed.read(bytes)
  if (form.typeOid === JSONB && bytes[0] === 1) return bytes.toString('utf8', 1)
  if (form.typeOid === UUID && bytes.length === 16)
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return `\\x${bytes.toString('hex')}`
}

/** The same for a bind value, cut at `VALUE_BYTES_MAX` with the size it had. */
export function describeBindValue(bytes: Buffer | null, form: ValueForm): RecordedValue {
  if (bytes === null) return null
  if (bytes.length <= VALUE_BYTES_MAX) return describeValue(bytes, form)
  const kept = bytes.subarray(0, VALUE_BYTES_MAX)
  const text = form.format === 'text' ? kept.toString('utf8') : `\\x${kept.toString('hex')}`
  return `${text}… (${bytes.length} bytes)`
}
