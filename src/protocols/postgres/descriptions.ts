import type { ColumnSource } from '../../masking/statement-masking.js'
import { readRowDescription } from './rows.js'

/** Descriptions kept at once; a client that prepares uses a handful of shapes again and again. */
const SLOTS = 8
/** A larger description is read anew each time. */
const BODY_BYTES_MAX = 16 * 1024

/** Reads RowDescriptions, and knows those it has read: the same bytes are the same object, so plans can hang on it. */
export class DescriptionCache {
  readonly #slots: { readonly body: Buffer; readonly columns: readonly ColumnSource[] }[] = []
  #next = 0

  /** The columns of a RowDescription's body; undefined when it is not well formed. */
  read(body: Buffer): readonly ColumnSource[] | undefined {
    for (const slot of this.#slots)
      if (slot.body.length === body.length && slot.body.equals(body)) return slot.columns
    const columns = readRowDescription(body)
    if (columns !== undefined && body.length <= BODY_BYTES_MAX) {
      this.#slots[this.#next] = { body: Buffer.from(body), columns }
      this.#next = (this.#next + 1) % SLOTS
    }
    return columns
  }
}
