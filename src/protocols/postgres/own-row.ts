import { ByteReader } from '../../lib/byte-reader.js'

/** Letters of a reason that are kept: the target words it. */
const REASON_LETTERS_MAX = 300

/** The cells of a DataRow in the text format, on a connection of the gateway's own; a text says what is wrong with it. */
export function readOwnRow(body: Buffer, columnsMax: number): readonly (string | null)[] | string {
  const reader = new ByteReader(body)
  const count = reader.int16()
  const cells: (string | null)[] = []
  if (count < 0 || count > columnsMax) return 'a row has too many columns'
  for (let at = 0; at < count; at += 1) {
    const length = reader.int32()
    cells.push(length === -1 ? null : reader.take(length).toString('utf8'))
  }
  return !reader.ok || reader.remaining > 0 ? 'a row is cut short' : cells
}

/** Why something failed, in one line of bounded length. */
export function boundReason(message: string): string {
  return message.replace(/\p{C}+/gu, ' ').slice(0, REASON_LETTERS_MAX)
}
