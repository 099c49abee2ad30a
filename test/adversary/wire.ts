import type { Duplex } from 'node:stream'
import type { ColumnSource } from '../../src/masking/statement-masking.js'
import { readErrorFields, sync, terminate, writeMessage } from '../../src/protocols/postgres/codec.js'
import { readRowDescription } from '../../src/protocols/postgres/rows.js'
import { openTarget, type TargetAccount } from '../protocols/postgres/bridge.js'

/** How long an answer may take. */
const ANSWER_WAIT_MS = 20_000
const QUERY = 0x51
const READY = 0x5a
const COPY_IN = 0x47
const COPY_FAIL = writeMessage('f', Buffer.from('no data\0'))

/** A client of frames that keeps every byte it was sent. */
export class Wire {
  readonly #stream: Duplex
  #chunks: Buffer[] = []
  #pending: Buffer = Buffer.alloc(0)
  #ready = 0
  #copyAnswer: Buffer = COPY_FAIL
  #closed = false
  #wake: () => void = () => {}

  private constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    for (const event of ['end', 'close']) {
      stream.on(event, () => {
        this.#closed = true
        this.#wake()
      })
    }
    stream.resume()
  }

  /** Signs in. */
  static async open(account: TargetAccount): Promise<Wire> {
    const outcome = await openTarget(account)
    if (outcome.kind === 'failed') throw new Error(outcome.message)
    return new Wire(outcome.stream)
  }

  /** Sends messages that end in one ReadyForQuery, and gives every byte up to it, or up to the end of the connection. */
  async ask(messages: Buffer): Promise<Buffer> {
    if (this.#closed) throw new Error('the connection is closed')
    this.#ready = 0
    // While COPY reads, the server takes no notice of Sync: the one that was sent is gone.
    this.#copyAnswer = messages[0] === QUERY ? COPY_FAIL : Buffer.concat([COPY_FAIL, sync()])
    this.#stream.write(messages)
    const deadline = Date.now() + ANSWER_WAIT_MS
    while (this.#ready < 1 && !this.#closed) {
      if (Date.now() > deadline) throw new Error(`no answer but ${this.#drain().toString('latin1')}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 1000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.#drain()
  }

  get isClosed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#stream.end(terminate())
  }

  #drain(): Buffer {
    return Buffer.concat(this.#chunks.splice(0))
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    let at = 0
    while (this.#pending.length - at >= 5) {
      const end = at + 1 + this.#pending.readUInt32BE(at + 1)
      if (this.#pending.length < end) break
      if (this.#pending[at] === READY) this.#ready += 1
      if (this.#pending[at] === COPY_IN) this.#stream.write(this.#copyAnswer)
      at = end
    }
    this.#pending = this.#pending.subarray(at)
    this.#wake()
  }
}

/** What a server said, one line a message, values and all. What differs from run to run is left out. */
export function transcriptOf(bytes: Buffer): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    const line = lineOf(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, end))
    if (line !== undefined) lines.push(line)
    at = end
  }
  return lines
}

function lineOf(tag: string, body: Buffer): string | undefined {
  // Numbers of tables depend on what was made before, not on values: only whether there is one.
  if (tag === 'T') return `T ${JSON.stringify(readRowDescription(body)?.map(withoutOid) ?? 'broken')}`
  // The last figures of a plan are times.
  if (tag === 'D' && /(Planning|Execution) Time: /.test(body.toString('latin1'))) return undefined
  if (tag === 'E' || tag === 'N') {
    // File, line and routine of the server are not the gateway's to keep.
    const fields = [...readErrorFields(body)].filter(([letter]) => !/[FLR]/.test(letter))
    return `${tag} ${fields.map(([letter, text]) => `${letter}=${text}`).join(' ')}`
  }
  // The process that notified.
  const shown = tag === 'A' ? body.subarray(4) : body
  return `${tag} ${escapeBytes(shown)}`
}

function withoutOid(column: ColumnSource): object {
  return { ...column, tableOid: column.tableOid > 0 }
}

function escapeBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^ -~]/g, byte => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
