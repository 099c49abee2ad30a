import type { RecordedValue } from '../../domain/event.js'
import { ByteReader } from '../../lib/byte-reader.js'
import type { ColumnSource, RowPlan } from '../../masking/statement-masking.js'
import { describeValue } from './values.js'

const HEADER_BYTES = 5
/** Up to here a loop is faster than `Buffer.copy`, which makes a view of the part first. Measured. */
const SMALL_COPY_BYTES_MAX = 96
const UNKNOWN_FORM = { typeOid: 0, format: 'text' } as const

/** Reads the body of a RowDescription; undefined when it is not well formed. PostgreSQL protocol, "Message Formats". */
export function readRowDescription(body: Buffer): readonly ColumnSource[] | undefined {
  const reader = new ByteReader(body)
  const count = reader.uint16()
  const columns: ColumnSource[] = []
  for (let at = 0; at < count && reader.ok; at += 1) {
    const name = reader.cstring()
    const tableOid = reader.uint32()
    const columnNumber = reader.int16()
    const typeOid = reader.uint32()
    reader.take(6) // The type's size and modifier say nothing about where a value comes from.
    const format = reader.int16()
    if (format !== 0 && format !== 1) return undefined
    columns.push({ name, tableOid, columnNumber, typeOid, format: format === 0 ? 'text' : 'binary' })
  }
  return reader.ok && reader.remaining === 0 ? columns : undefined
}

/** The columns with the formats that Bind asked for: none is text, one is for all. */
export function withFormats(
  columns: readonly ColumnSource[],
  formats: readonly number[],
): readonly ColumnSource[] {
  return columns.map((column, at) => {
    const code = formats.length === 1 ? formats[0] : formats[at]
    return { ...column, format: code === 1 ? 'binary' : 'text' }
  })
}

/** The cells of a DataRow as people read them, for the recording. Total: what is cut short is left out. */
export function readRow(
  frame: Buffer,
  start: number,
  end: number,
  columns: readonly ColumnSource[] | undefined,
): readonly RecordedValue[] {
  const row: RecordedValue[] = []
  if (end - start < HEADER_BYTES + 2) return row
  const count = frame.readUInt16BE(start + HEADER_BYTES)
  let at = start + HEADER_BYTES + 2
  for (let column = 0; column < count && at + 4 <= end; column += 1) {
    const length = frame.readInt32BE(at)
    at += 4
    if (length < 0) row.push(null)
    else {
      if (at + length > end) break
      row.push(describeValue(frame.subarray(at, at + length), columns?.[column] ?? UNKNOWN_FORM))
      at += length
    }
  }
  return row
}

/** Rewrites the rows of one result. `same`: pass the row as it came. `broken`: it does not have the shape of the plan. */
export class RowMasker {
  /** True for the columns that were changed in any row. */
  readonly changed: boolean[]
  readonly #plan: RowPlan
  #scratch = Buffer.allocUnsafe(1024)
  #used = 0

  constructor(plan: RowPlan) {
    this.#plan = plan
    this.changed = plan.map(() => false)
  }

  /** The rewritten frame of the last row that was `masked`, good until the next row. */
  get masked(): Buffer {
    return this.#scratch.subarray(0, this.#used)
  }

  /** Masks the DataRow frame at [start, end). INVARIANT 4: a row that does not fit the plan is never passed. */
  mask(frame: Buffer, start: number, end: number): 'same' | 'masked' | 'broken' {
    const plan = this.#plan
    this.#used = 0
    let at = start + HEADER_BYTES + 2
    if (at > end || frame.readUInt16BE(at - 2) !== plan.length) return 'broken'
    let copied = start
    for (let column = 0; column < plan.length; column += 1) {
      if (at + 4 > end) return 'broken'
      const length = frame.readInt32BE(at)
      const cell = at + 4
      at = length > 0 ? cell + length : cell
      if (length < -1 || at > end) return 'broken'
      const masking = plan[column]
      if (length < 0 || masking === undefined) continue
      const value = frame.subarray(cell, at)
      const masked = masking.mask(value)
      if (masked === value) continue
      this.changed[column] = true
      this.#append(frame, copied, cell - 4)
      this.#appendCell(masked)
      copied = at
    }
    if (at !== end) return 'broken'
    if (this.#used === 0) return 'same'
    this.#append(frame, copied, end)
    this.#scratch.writeUInt32BE(this.#used - 1, 1)
    return 'masked'
  }

  #appendCell(value: Buffer | null): void {
    this.#reserve(4)
    this.#used = this.#scratch.writeInt32BE(value === null ? -1 : value.length, this.#used)
    if (value !== null) this.#append(value, 0, value.length)
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const size = end - start
    this.#reserve(size)
    const scratch = this.#scratch
    const shift = this.#used - start
    if (size > SMALL_COPY_BYTES_MAX) bytes.copy(scratch, this.#used, start, end)
    else for (let at = start; at < end; at += 1) scratch[at + shift] = bytes[at] ?? 0
    this.#used += size
  }

  #reserve(size: number): void {
    if (this.#used + size <= this.#scratch.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#scratch.length, this.#used + size))
    this.#scratch.copy(larger, 0, 0, this.#used)
    this.#scratch = larger
  }
}
