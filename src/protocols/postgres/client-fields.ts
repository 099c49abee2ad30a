import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { RecordedValue } from '../../domain/event.js'
import type { BoundValues } from '../../domain/operation.js'
import { ByteReader } from '../../lib/byte-reader.js'
import { describeBindValue, VALUE_BYTES_MAX } from './values.js'

const HEADER_BYTES = 5
/** Bytes of all bind values of one Bind that a recording keeps. */
const VALUES_BYTES_MAX = 64 * 1024

/** A Parse message. `text` is undefined when it is not valid UTF-8. */
export interface ParseFields {
  readonly name: Buffer
  readonly text: string | undefined
  readonly parameterTypes: readonly number[]
}

/** A Bind message; values stay bytes until their types are known. */
export interface BindFields {
  readonly portal: Buffer
  readonly statement: Buffer
  readonly valueFormats: readonly number[]
  readonly values: readonly (Buffer | null)[]
  readonly resultFormats: readonly number[]
  /** Everything behind both names, as it came. */
  readonly rest: Buffer
}

/** Reads the text of a Query; `broken` when it is not one string, undefined when it is not valid UTF-8. */
export function readQuery(frame: Buffer, start: number, end: number): string | 'broken' | undefined {
  const from = start + HEADER_BYTES
  if (frame.indexOf(0, from) !== end - 1) return 'broken'
  return decodeText(frame.subarray(from, end - 1))
}

/** Reads a Parse message; undefined when it is not well formed. */
export function readParse(body: Buffer): ParseFields | undefined {
  const reader = new ByteReader(body)
  const name = reader.takeUntilNul()
  const text = reader.takeUntilNul()
  const count = reader.uint16()
  if (!reader.ok || reader.remaining !== 4 * count) return undefined
  const parameterTypes: number[] = []
  for (let at = 0; at < count; at += 1) parameterTypes.push(reader.uint32())
  return { name, text: decodeText(text), parameterTypes }
}

/** Reads a Bind message; undefined when it is not well formed. */
export function readBind(body: Buffer): BindFields | undefined {
  const reader = new ByteReader(body)
  const portal = reader.takeUntilNul()
  const statement = reader.takeUntilNul()
  const rest = body.subarray(portal.length + statement.length + 2)
  const valueFormats = readCodes(reader)
  const count = reader.uint16()
  const values: (Buffer | null)[] = []
  for (let at = 0; at < count && reader.ok; at += 1) {
    const length = reader.int32()
    values.push(length === -1 ? null : reader.take(length))
  }
  const resultFormats = readCodes(reader)
  if (!reader.ok || reader.remaining > 0) return undefined
  return { portal, statement, valueFormats, values, resultFormats, rest }
}

/** Reads Describe and Close: a letter and a name; undefined when it is not well formed. */
export function readTarget(
  body: Buffer,
): { readonly of: 'statement' | 'portal'; readonly name: Buffer } | undefined {
  const letter = body[0]
  if (body.indexOf(0, 1) !== body.length - 1 || (letter !== 0x53 && letter !== 0x50)) return undefined
  return { of: letter === 0x53 ? 'statement' : 'portal', name: body.subarray(1, -1) }
}

/** Reads the name of the portal in an Execute; undefined when it is not well formed. */
export function readExecute(body: Buffer): Buffer | undefined {
  const nul = body.indexOf(0)
  return nul >= 0 && nul === body.length - 5 ? body.subarray(0, nul) : undefined
}

/** What a Bind gives a statement to run with; undefined when it gives no values. */
export function boundValues(bind: BindFields, types: readonly number[]): BoundValues | undefined {
  if (bind.values.length === 0) return undefined
  let left = VALUES_BYTES_MAX
  let isWhole = true
  for (const value of bind.values) {
    if (value === null) continue
    left -= value.length
    if (value.length > VALUE_BYTES_MAX || left < 0) isWhole = false
  }
  return { values: recordValues(bind, types), digest: hash('sha256', bind.rest), types, isWhole }
}

/** Bind values as a recording keeps them. */
function recordValues(bind: BindFields, parameterTypes: readonly number[]): readonly RecordedValue[] {
  let left = VALUES_BYTES_MAX
  return bind.values.map((value, at) => {
    left -= value?.length ?? 0
    if (left < 0 && value !== null) return `… (${value.length} bytes)`
    const code = bind.valueFormats.length === 1 ? bind.valueFormats[0] : bind.valueFormats[at]
    const format = code === 1 ? 'binary' : 'text'
    return describeBindValue(value, { typeOid: parameterTypes[at] ?? 0, format })
  })
}

function readCodes(reader: ByteReader): readonly number[] {
  const count = reader.uint16()
  const codes: number[] = []
  for (let at = 0; at < count && reader.ok; at += 1) codes.push(reader.int16())
  return codes
}

/**
 * A statement as the server will read it: `client_encoding` is pinned to UTF8. Text that is not valid UTF-8 is not
 * understood: what the parser saw would not be what the server sees.
 */
function decodeText(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}
