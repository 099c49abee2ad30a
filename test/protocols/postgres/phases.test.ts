import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { startClient } from '../../../src/protocols/postgres/client-start.js'
import {
  authenticationOk,
  authenticationSasl,
  backendKeyData,
  bind,
  close,
  describe as describeMessage,
  execute,
  parse,
  query,
  saslInitialResponse,
  startupMessage,
  sync,
  writeMessage,
} from '../../../src/protocols/postgres/codec.js'
import { ScramClient } from '../../../src/protocols/postgres/scram-client.js'
import { startTarget } from '../../../src/protocols/postgres/target-start.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { fixedBytes, LOOPBACK } from './exchange.js'
import { play, type Said, SERVER } from './script.js'

beforeAll(loadPostgresGrammar)

/** What may come in a phase, as letters, and how the conversation gets there. Written from the protocol, not from the code. */
interface Phase {
  readonly reach: readonly Said[]
  readonly letters: string
}

const T = SERVER.rowDescription({ name: 'a' })
const client = (...messages: readonly Buffer[]): Said => ['client', Buffer.concat(messages)]
const target = (...messages: readonly Buffer[]): Said => ['target', Buffer.concat(messages)]
const EXTENDED = client(parse({ text: 'TABLE t' }), bind({}), execute(), sync())
const BOUND = target(SERVER.parseComplete, SERVER.bindComplete)
const COPY = client(query('COPY t FROM STDIN'))
const COPY_OUT = client(query('COPY t TO STDOUT'))
/** ErrorResponse, NoticeResponse, NotificationResponse and ParameterStatus. */
const ALWAYS = 'ENAS'

const CLIENT: Readonly<Record<string, Phase>> = {
  'signed in, nothing asked': { reach: [], letters: 'QPBDECSHFXcf' },
  'while a query runs': { reach: [client(query('SELECT 1'))], letters: 'QPBDECSHFXdcf' },
  'in COPY FROM STDIN': { reach: [COPY, target(SERVER.copyIn(1))], letters: 'dcfHSX' },
  'after COPY FROM STDIN failed': {
    reach: [COPY, target(SERVER.copyIn(1), SERVER.error('22P02', 'x'))],
    letters: 'QPBDECSHFXdcf',
  },
  'between an error and Sync': {
    reach: [client(parse({ text: 'SELECT 1' })), target(SERVER.error('42601', 'x'))],
    letters: 'QPBDECSHFXdcf',
  },
}

const TARGET: Readonly<Record<string, Phase>> = {
  'nothing asked': { reach: [], letters: '' },
  'in answer to Query': { reach: [client(query('SELECT 1'))], letters: 'TCIGHZ' },
  'in the rows of Query': { reach: [client(query('TABLE t')), target(T)], letters: 'DC' },
  'in COPY TO STDOUT': { reach: [COPY_OUT, target(SERVER.copyOut(1))], letters: 'dcC' },
  'in COPY FROM STDIN': { reach: [COPY, target(SERVER.copyIn(1))], letters: 'C' },
  'after the error of Query': {
    reach: [client(query('SELECT 1')), target(SERVER.error('42601', 'x'))],
    letters: 'Z',
  },
  'in answer to Parse': { reach: [client(parse({ text: 'SELECT 1' }), sync())], letters: '1' },
  'in answer to Bind': { reach: [EXTENDED, target(SERVER.parseComplete)], letters: '2' },
  'in answer to Execute': { reach: [EXTENDED, BOUND], letters: 'DCIsGH' },
  'in the rows of Execute': { reach: [EXTENDED, BOUND, target(SERVER.row('x'))], letters: 'DCs' },
  'in answer to Close': { reach: [client(close('portal'), sync())], letters: '3' },
  'in answer to Describe of a portal': {
    reach: [client(describeMessage('portal'), sync())],
    letters: 'Tn',
  },
  'in answer to Describe of a statement': {
    reach: [client(describeMessage('statement'), sync())],
    letters: 't',
  },
  'after its parameters': {
    reach: [client(describeMessage('statement'), sync()), target(writeMessage('t', Buffer.alloc(2)))],
    letters: 'Tn',
  },
  'in answer to Sync': { reach: [client(sync())], letters: 'Z' },
  'after what was put in the place of a refused message': {
    reach: [client(query('SELECT /*forbidden*/ 1'))],
    letters: '',
  },
}

/** Messages that are a header and nothing else, by side: with a body they would be refused for that. */
const EMPTY = { client: 'SHcX', target: '123Insc' } as const
const TAGS = Array.from({ length: 256 }, (_, tag) => tag)

function message(side: 'client' | 'target', tag: number): Buffer {
  const letter = String.fromCharCode(tag)
  const bytes = writeMessage(letter, Buffer.alloc(EMPTY[side].includes(letter) ? 0 : 2))
  bytes[0] = tag
  return bytes
}

/** The tags that are not closed for coming where they come. */
function taken(side: 'client' | 'target', reach: readonly Said[]): string {
  const before = play(reach)
  expect(before.closed).toBeUndefined()
  return TAGS.filter(tag => {
    const after = play([...reach, [side, message(side, tag)]])
    const isOutOfPlace = /is not expected here|answers nothing|without a COPY/.test(
      after.closed?.message ?? '',
    )
    if (isOutOfPlace) {
      expect(after.closed?.reason).toBe('protocol_violation')
      expect(after.toTarget).toEqual(before.toTarget)
      const said = after.toClient.subarray(before.toClient.length)
      expect(said.toString('latin1')).toMatch(/^E.{4}SFATAL\0VFATAL\0C08P01\0/s)
    }
    return !isOutOfPlace
  })
    .map(tag => String.fromCharCode(tag))
    .join('')
}

const sorted = (letters: string): string => [...letters].sort().join('')

describe('of the 256 types of a message, the client may send', () => {
  test.each(Object.entries(CLIENT))('%s, exactly its own', (_name, { reach, letters }) => {
    expect(taken('client', reach)).toBe(sorted(letters))
  })
})

describe('of the 256 types of a message, the target may send', () => {
  test.each(Object.entries(TARGET))('%s, exactly its own', (_name, { reach, letters }) => {
    expect(taken('target', reach)).toBe(sorted(letters + ALWAYS))
  })
})

describe('before the session, of the 256 types', () => {
  const signingIn = (messages: readonly Buffer[]) =>
    TAGS.filter(tag => {
      const start = startClient({ verifier: LOOPBACK.verifier, randomBytes: fixedBytes() })
      for (const bytes of [startupMessage({ user: 'a' }), ...messages]) start.fromClient(bytes)
      const letter = String.fromCharCode(tag)
      const bytes = message('client', tag)
      const actions = start.fromClient(bytes)
      const told = JSON.stringify(actions.map(action => ('message' in action ? action.message : '')))
      return letter === 'X' || !/before the sign-in was over|out of turn/.test(told)
    }).map(tag => String.fromCharCode(tag))

  test('a client that signs in sends passwords or leaves', () => {
    const scram = new ScramClient({
      password: 'x',
      nonce: 'n0',
      serverEndPoint: undefined,
      mechanisms: [],
    })
    expect(signingIn([]).join('')).toBe('Xp')
    expect(signingIn([saslInitialResponse('SCRAM-SHA-256', scram.first)]).join('')).toBe('Xp')
  })

  const target = (said: readonly Buffer[]) =>
    TAGS.filter(tag => {
      const start = startTarget({
        user: 'a',
        password: 'b',
        database: 'c',
        tls: 'disable',
        settings: {},
        randomBytes: fixedBytes(),
      })
      start.begin()
      for (const bytes of said) start.fromTarget(bytes)
      const actions = start.fromTarget(message('target', tag))
      return !actions.some(action => action.kind === 'failed' && action.message.includes('out of turn'))
    })
      .map(tag => String.fromCharCode(tag))
      .join('')

  test('a target sends authentication, then its settings, its key and that it is ready', () => {
    const ok = authenticationOk()
    expect(target([])).toBe(sorted('REN'))
    expect(target([authenticationSasl(['SCRAM-SHA-256'])])).toBe(sorted('REN'))
    expect(target([ok])).toBe(sorted('SKZEN'))
    expect(target([ok, backendKeyData({ process: 1, secret: Buffer.alloc(4) })])).toBe(sorted('SKZEN'))
  })
})

test('the documentation names every message of the tables', () => {
  const page = readFileSync(new URL('../../../docs/postgres.md', import.meta.url), 'utf8')
  const letters = new Set(
    [...Object.values(CLIENT), ...Object.values(TARGET)].flatMap(phase => [...phase.letters]),
  )
  for (const letter of letters) expect(page).toContain(`\`${letter}\``)
})
