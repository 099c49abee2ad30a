import { unreachable } from '../../lib/unreachable.js'
import type { ReaderAction, TargetReader } from '../protocol.js'
import type { OwnQuery } from './own-query.js'

type Cells = readonly (string | null)[]

/** How the rows of an answer become what was asked for. */
export interface OwnQueryReading<Answer> {
  /** What failed, when it does: half a sentence. */
  readonly what: string
  readonly rowsMax: number
  /** Undefined when the rows are not an answer. */
  readonly read: (rows: readonly Cells[]) => Answer | undefined
}

/** Reads one answer of the gateway's own query. Total: whatever the target says, there is one answer or one failure. */
export class OwnQueryReader<Answer> implements TargetReader<Answer> {
  readonly #query: OwnQuery
  readonly #reading: OwnQueryReading<Answer>
  readonly #rows: Cells[] = []
  #isOver = false

  constructor(query: OwnQuery, reading: OwnQueryReading<Answer>) {
    this.#query = query
    this.#reading = reading
  }

  begin(): readonly ReaderAction<Answer>[] {
    return [{ kind: 'toTarget', bytes: this.#query.bytes }]
  }

  fromTarget(chunk: Buffer): readonly ReaderAction<Answer>[] {
    if (this.#isOver) return []
    const { what, rowsMax } = this.#reading
    for (const event of this.#query.fromTarget(chunk)) {
      switch (event.kind) {
        case 'row':
          this.#rows.push(event.cells)
          if (this.#rows.length > rowsMax) return this.#fail(`${what}: the answer is too large`)
          break
        case 'done':
          return this.#answer()
        case 'failed':
          return this.#fail(`${what}: ${event.message}`)
        default:
          unreachable(event)
      }
    }
    return []
  }

  #answer(): readonly ReaderAction<Answer>[] {
    const answer = this.#reading.read(this.#rows)
    if (answer === undefined) return this.#fail(`${this.#reading.what}: the answer is not one`)
    this.#isOver = true
    return [{ kind: 'answer', answer }]
  }

  #fail(message: string): readonly ReaderAction<Answer>[] {
    this.#isOver = true
    return [{ kind: 'failed', message }]
  }
}
