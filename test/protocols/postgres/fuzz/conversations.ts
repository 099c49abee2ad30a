import fc from 'fast-check'
import {
  bind,
  close,
  describe as describeMessage,
  execute,
  flush,
  parse,
  query,
  sync,
  terminate,
  writeMessage,
} from '../../../../src/protocols/postgres/codec.js'
import { FORBIDDEN } from '../joined-server.js'
import { type Said, SERVER } from '../script.js'

/** In every value that a target gives in a conversation, and nowhere else. */
export const CANARY = '123-45-6789'

const T = SERVER.rowDescription({ name: 'a' }, { name: 'b', typeOid: 23 })
const T1 = SERVER.rowDescription({ name: 'a', format: 1 })
const ROW = SERVER.row(CANARY, '7')
const DONE = SERVER.complete('SELECT 1')
const NO_PARAMETERS = writeMessage('t', Buffer.alloc(2))
const FAILED = SERVER.error('22012', `failed at ${CANARY}`, { D: CANARY, W: CANARY, q: CANARY })
const name = fc.constantFrom('', 's', 'p')
const rows = fc.nat({ max: 4 }).map(count => Array.from({ length: count }, () => ROW))
const TEXTS = [
  'SELECT a, b FROM t',
  'TABLE t',
  'SELECT 1; SELECT 2',
  '',
  'BEGIN',
  'EXECUTE s',
  'FETCH 2 FROM p',
]
const REFUSED = [
  `${FORBIDDEN} SELECT 1`,
  'SELECT (',
  `SELECT ${'1+'.repeat(600)}1`,
  'SELECT 1;\u0001',
  'EXECUTE nope',
]
const text = fc.constantFrom(...TEXTS, 'DECLARE p CURSOR FOR TABLE t', 'PREPARE s AS TABLE t', 'DISCARD ALL')

/** Messages of the client and the answers to them, as a well-behaved pair would say them. */
type Exchange = readonly Said[]

function exchange(client: readonly Buffer[], target: readonly Buffer[]): Exchange {
  return [
    ...client.map(bytes => ['client', bytes] as const),
    ...target.map(bytes => ['target', bytes] as const),
  ]
}

const Z = fc.constantFrom(SERVER.ready('I'), SERVER.ready('T'), SERVER.ready('E'))
const [P1, B2] = [SERVER.parseComplete, SERVER.bindComplete]

const EXCHANGES: readonly fc.Arbitrary<Exchange>[] = [
  fc.tuple(text, rows, Z).map(([what, found, z]) => exchange([query(what)], [T, ...found, DONE, z])),
  fc.tuple(text, Z).map(([what, z]) => exchange([query(what)], [FAILED, z])),
  fc.tuple(fc.constantFrom(...REFUSED), Z).map(([what, z]) => exchange([query(what)], [FAILED, z])),
  fc
    .tuple(name, text, rows, Z)
    .map(([of, what, found, z]) =>
      exchange(
        [
          parse({ name: of, text: what }),
          bind({ statement: of }),
          describeMessage('portal'),
          execute(),
          sync(),
        ],
        [P1, B2, T, ...found, DONE, z],
      ),
    ),
  fc
    .tuple(name, rows, rows, Z)
    .map(([of, one, two, z]) =>
      exchange(
        [
          parse({ name: of, text: 'TABLE t' }),
          describeMessage('statement', of),
          bind({ statement: of, portal: of, resultFormats: [1], values: [null, Buffer.from('x')] }),
          execute(of, 2),
          flush(),
          execute(of),
          close('portal', of),
          close('statement', of),
          sync(),
        ],
        [
          P1,
          NO_PARAMETERS,
          T1,
          B2,
          T1,
          ...one,
          SERVER.suspended,
          ...two,
          DONE,
          SERVER.closeComplete,
          SERVER.closeComplete,
          z,
        ],
      ),
    ),
  fc
    .tuple(fc.constantFrom(...REFUSED), Z)
    .map(([what, z]) =>
      exchange(
        [
          parse({ text: 'SELECT 1' }),
          parse({ name: 'x', text: what }),
          bind({}),
          execute(),
          sync(),
          query('SELECT 2'),
        ],
        [P1, FAILED, z, T, DONE, z],
      ),
    ),
  fc
    .tuple(rows, Z)
    .map(([found, z]) =>
      exchange(
        [query('COPY t TO STDOUT')],
        [
          SERVER.copyOut(2),
          ...found.map(() => SERVER.copyData(`${CANARY}\t7\n`)),
          SERVER.copyDone,
          SERVER.complete('COPY 1'),
          z,
        ],
      ),
    ),
  Z.map(z => [
    ...exchange([query('COPY t FROM STDIN')], [SERVER.copyIn(2)]),
    ...exchange(
      [writeMessage('d', Buffer.from('1\tx\n')), writeMessage('c')],
      [SERVER.complete('COPY 1'), z],
    ),
  ]),
  Z.map(z => [
    ...exchange([query('COPY t FROM STDIN')], [SERVER.copyIn(2)]),
    ...exchange([writeMessage('f', Buffer.from('no\0')), sync()], [FAILED, z]),
  ]),
  Z.map(z => exchange([writeMessage('F', Buffer.alloc(12)), sync()], [FAILED, z, z])),
  fc.constant(
    exchange([], [SERVER.notice(CANARY), SERVER.notification(CANARY), SERVER.parameterStatus('x', CANARY)]),
  ),
  fc.constant(exchange([terminate()], [])),
]

/** Conversations as they should be. */
export const conversation = fc
  .array(fc.oneof(...EXCHANGES), { minLength: 1, maxLength: 5 })
  .map(found => found.flat())
