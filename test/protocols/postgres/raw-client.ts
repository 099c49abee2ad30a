import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { readErrorFields, startupMessage } from '../../../src/protocols/postgres/codec.js'
import { readRow, readRowDescription } from '../../../src/protocols/postgres/rows.js'
import type { PostgresDetails } from '../../setup/postgres.js'
import { openTarget } from './bridge.js'

const LINES_WAIT_MS = 10_000

/** A client without a driver: sends bytes, and reads what comes back as one line a message. */
export class RawClient {
  readonly #stream: Duplex
  #bytes: Buffer = Buffer.alloc(0)
  readonly #lines: string[] = []
  #wake: () => void = () => {}
  #closed = false
  /** The body of the last ErrorResponse, fields and all. */
  lastError = ''

  private constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('close', () => {
      this.#closed = true
      this.#wake()
    })
    stream.on('end', () => {
      this.#closed = true
      this.#wake()
    })
    stream.resume()
  }

  /** Through the machine. */
  static async join(port: number, database = 'postgres'): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.write(startupMessage({ user: 'anyone', database }))
    const client = new RawClient(socket)
    await client.until(line => line.startsWith('Z'))
    return client
  }

  /** Straight to the server, for comparison. */
  static async direct(postgres: PostgresDetails, database = 'postgres'): Promise<RawClient> {
    const { host, port, superuser, superuserPassword } = postgres
    const account = {
      host,
      port,
      user: superuser,
      password: superuserPassword,
      database,
      tls: 'disable',
    } as const
    const outcome = await openTarget(account)
    if (outcome.kind === 'failed') throw new Error(outcome.message)
    return new RawClient(outcome.stream)
  }

  send(...messages: readonly Buffer[]): void {
    this.#stream.write(Buffer.concat(messages))
  }

  /** Sends, and gives the lines up to the `count`th ReadyForQuery. */
  async ask(messages: readonly Buffer[], count = 1): Promise<readonly string[]> {
    this.send(...messages)
    let seen = 0
    return this.until(line => {
      if (line.startsWith('Z')) seen += 1
      return seen === count
    })
  }

  /** The lines up to the first that fits; what came until the end, when the connection ends. */
  async until(fits: (line: string) => boolean): Promise<readonly string[]> {
    const deadline = Date.now() + LINES_WAIT_MS
    for (let at = 0; ; ) {
      for (; at < this.#lines.length; at += 1) {
        const line = this.#lines[at]
        if (line !== undefined && fits(line)) return this.#lines.splice(0, at + 1)
      }
      if (this.#closed) return [...this.#lines.splice(0), 'closed']
      if (Date.now() > deadline) throw new Error(`still waiting after ${this.#lines.join(' | ')}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 1000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.#stream.destroy()
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readUInt32BE(1)
      if (this.#bytes.length < end) break
      if (this.#bytes[0] === 0x45) this.lastError = this.#bytes.toString('utf8', 5, end)
      this.#lines.push(describeFrame(this.#bytes.subarray(0, end)))
      this.#bytes = this.#bytes.subarray(end)
    }
    this.#wake()
  }
}

/** One message of a server as a line. */
export function describeFrame(frame: Buffer): string {
  const tag = String.fromCharCode(frame[0] ?? 0)
  const body = frame.subarray(5)
  switch (tag) {
    case 'T':
      return `T ${readRowDescription(body)?.map(column => column.name) ?? 'broken'}`
    case 'D':
      return `D ${readRow(frame, 0, frame.length, undefined).map(value => value ?? 'NULL')}`
    case 'C':
      return `C ${body.toString('utf8', 0, body.length - 1)}`
    case 'E':
    case 'N': {
      const fields = readErrorFields(body)
      return `${tag} ${fields.get('C')} ${fields.get('M')}`
    }
    case 'd':
      return `d ${body.toString('utf8').trimEnd()}`
    case 'Z':
      return `Z ${body.toString('latin1')}`
    default:
      return tag
  }
}
