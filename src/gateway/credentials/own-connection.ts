import type { Duplex } from 'node:stream'
import { HoopError } from '../../lib/hoop-error.js'
import type { CatalogAction, CatalogReader } from '../../protocols/protocol.js'
import type { Cells, RoleAnswer, RoleQuery } from '../../protocols/role-procedure.js'

/** How long one text may take; the target's own limit is a little shorter. */
const ANSWER_MS = 25_000
/** Rows of one answer: more than any procedure reads. */
const ROWS_MAX = 10_000

/** A connection to a target that is the gateway's own and carries texts of its own only (invariant 9). */
export class OwnConnection {
  constructor(
    readonly stream: Duplex,
    readonly query: (text: string, parameters?: readonly string[]) => RoleQuery,
  ) {
    stream.on('error', () => {})
  }

  /** Asks one text, one at a time. Fails with `target_unavailable`; what the target refuses is an answer. */
  ask(text: string, parameters?: readonly string[]): Promise<RoleAnswer> {
    const query = this.query(text, parameters)
    const rows: Cells[] = []
    return this.#converse(query.bytes, chunk => {
      for (const event of query.fromTarget(chunk)) {
        if (event.kind === 'done') return { kind: 'rows', rows }
        if (event.kind === 'failed') return { kind: 'refused', message: event.message }
        rows.push(event.cells)
      }
      if (rows.length > ROWS_MAX) throw cannotAsk('it answers with too many rows')
      return undefined
    })
  }

  /** Reads what the database is made of; the reader keeps its own limits. Fails as `ask` does. */
  readCatalog(reader: CatalogReader): Promise<RoleAnswer> {
    const act = (actions: readonly CatalogAction[]): RoleAnswer | undefined => {
      for (const action of actions) {
        if (action.kind === 'catalog') return { kind: 'rows', rows: [], catalog: action.catalog }
        if (action.kind === 'failed') return { kind: 'refused', message: action.message }
        this.stream.write(action.bytes)
      }
      return undefined
    }
    const first = reader.begin().flatMap(action => (action.kind === 'toTarget' ? [action.bytes] : []))
    return this.#converse(Buffer.concat(first), chunk => act(reader.fromTarget(chunk)))
  }

  close(): void {
    this.stream.destroy()
  }

  /** Writes, and reads until what came is an answer. */
  async #converse(bytes: Buffer, hear: (chunk: Buffer) => RoleAnswer | undefined): Promise<RoleAnswer> {
    const { stream } = this
    const settled = new AbortController()
    const { signal } = settled
    try {
      return await new Promise<RoleAnswer>((resolve, reject) => {
        const fail = (why: string): void => reject(cannotAsk(why))
        const onClose = (): void => fail('it closed the connection')
        const onData = (chunk: Buffer): void => {
          try {
            const answer = hear(chunk)
            if (answer !== undefined) resolve(answer)
          } catch (error) {
            reject(error)
          }
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
        stream.write(bytes)
      })
    } finally {
      settled.abort()
      stream.pause()
    }
  }
}

function cannotAsk(why: string): HoopError {
  return new HoopError('target_unavailable', `Cannot ask the target: ${why}`)
}
