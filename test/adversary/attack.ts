import {
  bind,
  describe,
  execute,
  parse,
  query,
  sync,
  writeMessage,
} from '../../src/protocols/postgres/codec.js'
import type { ArenaRole } from './arena.js'

/** One step: a text, or the bytes of one that is none in UTF-8. */
export type Step = string | { readonly hex: string }

/** Statements that try to learn what is protected. */
export interface Attack {
  readonly id: string
  readonly role: ArenaRole
  readonly steps: readonly Step[]
}

/** A way to send the steps of an attack. Each gives the messages of one step, which end in one ReadyForQuery. */
export interface Way {
  readonly name: string
  /** The messages of all steps in order; undefined when the attack cannot go this way. */
  readonly messages: (attack: Attack) => readonly Buffer[] | undefined
  /** What comes depends on statistics of the table: only values count. */
  readonly isPlan?: boolean
}

/** Not DISCARD ALL: it counts as a change of definitions, after which the gateway reads the catalog again. */
const CLEAN_UP = [
  'ROLLBACK',
  'CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all()',
]

/** What leaves a connection as it was. */
export const CLEAN_UP_MESSAGES: readonly Buffer[] = CLEAN_UP.map(query)

const SELECTS = /^\s*(SELECT|WITH|TABLE|VALUES)\b/i
const PREPARABLE = /^\s*(SELECT|WITH|TABLE|VALUES|INSERT|UPDATE|DELETE|MERGE)\b/i

/** The way in which everything can be sent. */
export const SIMPLE: Way = {
  name: 'simple',
  messages: ({ steps }) => steps.map(step => queryBytes(bytesOf(step))),
}

/** Without a description the client learns no types, and the gateway has to ask for itself. */
export const BINARY: Way = {
  name: 'extended, binary, not described',
  messages: extended({ format: 1, describes: false }),
}

/** Every way. */
export const WAYS: readonly Way[] = [
  SIMPLE,
  BINARY,
  { name: 'extended, text', messages: extended({ format: 0, describes: true }) },
  { name: 'extended, text, not described', messages: extended({ format: 0, describes: false }) },
  { name: 'extended, binary', messages: extended({ format: 1, describes: true }) },
  { name: 'one batch', messages: oneBatch },
  { name: 'one text', messages: oneText },
  {
    name: 'PREPARE and EXECUTE',
    messages: wrapped(PREPARABLE, text => [query(`PREPARE hoop_p AS ${text}`), query('EXECUTE hoop_p')]),
  },
  {
    name: 'Parse and EXECUTE',
    messages: wrapped(PREPARABLE, text => [
      Buffer.concat([parse({ name: 'hoop_q', text }), sync()]),
      query('EXECUTE hoop_q'),
    ]),
  },
  {
    name: 'PREPARE and Bind',
    messages: wrapped(PREPARABLE, text => [query(`PREPARE hoop_r AS ${text}`), bindOf('hoop_r')]),
  },
  {
    name: 'a cursor',
    messages: wrapped(SELECTS, text => [
      query('BEGIN'),
      query(`DECLARE hoop_c CURSOR FOR ${text}`),
      query('FETCH 1 FROM hoop_c'),
      Buffer.concat([bindFetch('FETCH ALL FROM hoop_c'), sync()]),
      query('COMMIT'),
    ]),
  },
  {
    name: 'a cursor with hold, in binary',
    messages: wrapped(SELECTS, text => [
      query(`DECLARE hoop_h BINARY CURSOR WITH HOLD FOR ${text}`),
      query('FETCH ALL FROM hoop_h'),
      query('CLOSE hoop_h'),
    ]),
  },
  {
    name: 'a portal that FETCH reads',
    messages: wrapped(SELECTS, text => [
      query('BEGIN'),
      Buffer.concat([parse({ text }), bind({ portal: 'hoop_l' }), sync()]),
      query('FETCH ALL FROM hoop_l'),
      query('COMMIT'),
    ]),
  },
  {
    name: 'a portal in parts',
    messages: wrapped(SELECTS, text => [
      Buffer.concat([parse({ text }), bind({}), execute('', 1), describe('portal'), execute('', 0), sync()]),
    ]),
  },
  { name: 'COPY', messages: wrapped(SELECTS, text => [query(`COPY (${text}) TO STDOUT`)]) },
  {
    name: 'COPY as CSV',
    messages: wrapped(SELECTS, text => [
      query(`COPY (${text}) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)`),
    ]),
  },
  {
    name: 'EXPLAIN',
    isPlan: true,
    messages: wrapped(PREPARABLE, text => [query(`EXPLAIN (VERBOSE, COSTS off) ${text}`)]),
  },
]

function extended(options: { readonly format: 0 | 1; readonly describes: boolean }): Way['messages'] {
  const { format, describes } = options
  return ({ steps }) =>
    steps.map(step =>
      Buffer.concat([
        parseBytes(bytesOf(step)),
        bind({ resultFormats: [format] }),
        ...(describes ? [describe('portal')] : []),
        execute(),
        sync(),
      ]),
    )
}

/** Every step behind the other and one Sync: a failure takes all that follows with it. */
function oneBatch({ steps }: Attack): readonly Buffer[] | undefined {
  if (steps.length < 2) return undefined
  const parts = steps.flatMap(step => [parseBytes(bytesOf(step)), bind({}), describe('portal'), execute()])
  return [Buffer.concat([...parts, sync()])]
}

function oneText({ steps }: Attack): readonly Buffer[] | undefined {
  if (steps.length < 2 || steps.some(step => typeof step !== 'string')) return undefined
  return [query(steps.join(';\n'))]
}

/** The last step in another dress, the ones before as they are. */
function wrapped(fits: RegExp, dress: (text: string) => readonly Buffer[]): Way['messages'] {
  return ({ steps }) => {
    const last = steps.findLastIndex(step => typeof step === 'string' && fits.test(step))
    const text = steps[last]
    if (typeof text !== 'string') return undefined
    const rest = (part: readonly Step[]) => part.map(step => queryBytes(bytesOf(step)))
    return [...rest(steps.slice(0, last)), ...dress(text), ...rest(steps.slice(last + 1))]
  }
}

function bindOf(statement: string): Buffer {
  return Buffer.concat([bind({ statement }), describe('portal'), execute(), sync()])
}

function bindFetch(text: string): Buffer {
  return Buffer.concat([parse({ text }), bind({ resultFormats: [1] }), execute()])
}

function bytesOf(step: Step): Buffer {
  return typeof step === 'string' ? Buffer.from(step, 'utf8') : Buffer.from(step.hex, 'hex')
}

function queryBytes(text: Buffer): Buffer {
  return writeMessage('Q', Buffer.concat([text, Buffer.alloc(1)]))
}

function parseBytes(text: Buffer): Buffer {
  return writeMessage('P', Buffer.concat([Buffer.alloc(1), text, Buffer.alloc(3)]))
}
