import type { RecordingEvent } from '../../../src/domain/event.js'
import type { StatementMasking } from '../../../src/masking/statement-masking.js'
import {
  cstring,
  parameterStatus,
  readyForQuery,
  writeMessage,
} from '../../../src/protocols/postgres/codec.js'
import { joinPostgres } from '../../../src/protocols/postgres/machine.js'
import type { Action, Machine } from '../../../src/protocols/protocol.js'
import { judge } from './joined-server.js'

/** What one side says. */
export type Said = readonly ['client' | 'target', Buffer]

/** What a machine did with a script. */
export interface Outcome {
  readonly toClient: Buffer
  readonly toTarget: Buffer
  /** Rows of one result together: how they are spread over events depends on the chunks. */
  readonly events: readonly unknown[]
  readonly closed: Extract<Action, { kind: 'close' }> | undefined
  readonly machine: Machine
}

/** How a message is cut into chunks. */
export type Cut = (bytes: Buffer) => readonly Buffer[]
export const whole: Cut = bytes => [bytes]
export const eachByte: Cut = bytes => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
export const at =
  (place: number): Cut =>
  bytes =>
    [bytes.subarray(0, place), bytes.subarray(place)].filter(part => part.length > 0)

/** Plays a script to a fresh machine, with everything judged at once. */
export function play(
  script: readonly Said[],
  options: { cut?: Cut; masking?: StatementMasking } = {},
): Outcome {
  const machine = makeMachine(options.masking)
  const toClient: Buffer[] = []
  const toTarget: Buffer[] = []
  const events: RecordingEvent[] = []
  let closed: Outcome['closed']
  const perform = (actions: readonly Action[]): void => {
    for (const action of actions) {
      if (action.kind === 'toClient') toClient.push(action.bytes)
      else if (action.kind === 'toTarget') toTarget.push(action.bytes)
      else if (action.kind === 'record') events.push(action.event)
      else if (action.kind === 'judge') perform(machine.decide(judge(action.operation, options.masking)))
      else if (action.kind === 'close') closed = action
    }
  }
  for (const [side, bytes] of script) {
    for (const chunk of (options.cut ?? whole)(bytes)) {
      // A chunk is not ours to keep: what passes must be taken from it before the next one.
      perform(side === 'client' ? machine.fromClient(chunk) : machine.fromTarget(chunk))
    }
  }
  return {
    toClient: Buffer.concat(toClient),
    toTarget: Buffer.concat(toTarget),
    events: together(events),
    closed,
    machine,
  }
}

export function makeMachine(masking?: StatementMasking): Machine {
  let operations = 0
  const machine = joinPostgres({
    client: 1,
    ready: {
      settings: new Map([
        ['client_encoding', 'UTF8'],
        ['standard_conforming_strings', 'on'],
        ['server_encoding', 'UTF8'],
      ]),
      cancelKey: undefined,
      notices: Buffer.alloc(0),
    },
    cancelKey: { process: 1, secret: Buffer.from('abcd') },
    results: { rowsMax: 3, bytesMax: 1000 },
    statementBytesMax: 1000,
    nextOperation: () => (operations += 1),
  })
  machine.setBackground(() => masking)
  return machine
}

function together(events: readonly RecordingEvent[]): readonly unknown[] {
  const found: unknown[] = []
  let rows: unknown[] = []
  let columns: readonly string[] | undefined
  for (const event of events) {
    if (event.kind === 'rows') {
      rows.push(...event.rows)
      columns = event.columns ?? columns
    } else if (event.kind === 'result') {
      found.push({ ...event, rows: [...rows, ...(event.rows ?? [])], columns: event.columns ?? columns })
      rows = []
      columns = undefined
    } else found.push(event)
  }
  return found
}

/** Messages of a server. */
export const SERVER = {
  rowDescription: (...columns: readonly { name: string; typeOid?: number; format?: 0 | 1 }[]) => {
    const parts = columns.map(({ name, typeOid = 25, format = 0 }) => {
      const fixed = Buffer.alloc(18)
      fixed.writeUInt32BE(typeOid, 6)
      fixed.writeInt16BE(format, 16)
      return Buffer.concat([cstring(name), fixed])
    })
    return writeMessage('T', Buffer.concat([int16(columns.length), ...parts]))
  },
  row: (...cells: readonly (string | null)[]) =>
    writeMessage(
      'D',
      Buffer.concat([
        int16(cells.length),
        ...cells.map(cell =>
          cell === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(cell)), Buffer.from(cell)]),
        ),
      ]),
    ),
  complete: (tag: string) => writeMessage('C', cstring(tag)),
  ready: readyForQuery,
  parseComplete: writeMessage('1'),
  bindComplete: writeMessage('2'),
  closeComplete: writeMessage('3'),
  noData: writeMessage('n'),
  suspended: writeMessage('s'),
  error: (code: string, message: string, more: Readonly<Record<string, string>> = {}) =>
    writeMessage('E', fields({ S: 'ERROR', V: 'ERROR', C: code, M: message, ...more })),
  notice: (message: string) =>
    writeMessage('N', fields({ S: 'NOTICE', V: 'NOTICE', C: '00000', M: message })),
  notification: (payload: string) =>
    writeMessage('A', Buffer.concat([int32(1), cstring('news'), cstring(payload)])),
  parameterStatus,
  copyOut: (columns: number) => copyResponse('H', columns),
  copyIn: (columns: number) => copyResponse('G', columns),
  copyData: (text: string) => writeMessage('d', Buffer.from(text)),
  copyDone: writeMessage('c'),
} as const

function copyResponse(tag: string, columns: number): Buffer {
  return writeMessage(tag, Buffer.concat([Buffer.of(0), int16(columns), Buffer.alloc(2 * columns)]))
}

function fields(values: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(values).map(([letter, text]) =>
    Buffer.concat([Buffer.from(letter), cstring(text)]),
  )
  return Buffer.concat([...parts, Buffer.alloc(1)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
