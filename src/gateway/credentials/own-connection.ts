import type { Duplex } from 'node:stream'
import { HoopError } from '../../lib/hoop-error.js'
import type { Cells, RoleAnswer, RoleQuery } from '../../protocols/role-procedure.js'

/** How long one text may take; the target's own limit is a little shorter. */
const ANSWER_MS = 25_000
/** Rows of one answer: more than any procedure reads. */
const ROWS_MAX = 10_000

/** A connection to a target that is the gateway's own and carries texts of its own only (invariant 9). */
export class OwnConnection {
  constructor(
    readonly stream: Duplex,
    readonly query: (text: string) => RoleQuery,
  ) {
    stream.on('error', () => {})
  }

  /** Asks one text, one at a time. Fails with `target_unavailable`; what the target refuses is an answer. */
  async ask(text: string): Promise<RoleAnswer> {
    const { stream } = this
    const query = this.query(text)
    const rows: Cells[] = []
    const settled = new AbortController()
    const { signal } = settled
    try {
      return await new Promise<RoleAnswer>((resolve, reject) => {
        const fail = (why: string): void =>
          reject(new HoopError('target_unavailable', `Cannot ask the target: ${why}`))
        const onClose = (): void => fail('it closed the connection')
        const onData = (chunk: Buffer): void => {
          for (const event of query.fromTarget(chunk)) {
            if (event.kind === 'done') resolve({ kind: 'rows', rows })
            else if (event.kind === 'failed') resolve({ kind: 'refused', message: event.message })
            else rows.push(event.cells)
          }
          if (rows.length > ROWS_MAX) fail('it answers with too many rows')
        }
        const timer = setTimeout(() => fail('it did not answer in time'), ANSWER_MS)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          stream.off('data', onData)
          stream.off('close', onClose)
        })
        if (stream.destroyed) return onClose()
        stream.on('data', onData)
        stream.once('close', onClose)
        stream.resume()
        stream.write(query.bytes)
      })
    } finally {
      settled.abort()
      stream.pause()
    }
  }

  close(): void {
    this.stream.destroy()
  }
}
