import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
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
} from '../../../src/protocols/postgres/codec.js'
import type { Action, Machine } from '../../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { FORBIDDEN, judge, maskNamed } from './joined-server.js'
import { at, eachByte, makeMachine, type Outcome, play, type Said, SERVER } from './script.js'

beforeAll(loadPostgresGrammar)

const join = (...messages: readonly Buffer[]) => Buffer.concat(messages)
const T = SERVER.rowDescription({ name: 'id' }, { name: 'ssn' })
const S42601 = SERVER.error('42601', 'syntax error at or near ")"')

const SCRIPT: readonly Said[] = [
  ['client', query('SELECT id, ssn FROM people')],
  [
    'target',
    join(SERVER.notice('a notice'), T, SERVER.row('1', 'a'), SERVER.row('2', null), SERVER.row('3', 'c')),
  ],
  ['target', join(SERVER.row('4', 'd'), SERVER.complete('SELECT 4'), SERVER.ready('I'))],
  ['client', query(`${FORBIDDEN} DROP TABLE people`)],
  ['target', join(S42601, SERVER.ready('I'))],
  [
    'client',
    join(
      parse({ name: 's', text: 'SELECT id, ssn FROM people WHERE id = $1' }),
      bind({ statement: 's', values: [Buffer.from('7')] }),
      execute(),
      parse({ text: `${FORBIDDEN} SELECT 1` }),
      bind({}),
      execute(),
      sync(),
    ),
  ],
  [
    'target',
    join(
      SERVER.parseComplete,
      SERVER.bindComplete,
      T,
      SERVER.row('7', 'g'),
      SERVER.complete('SELECT 1'),
      S42601,
      SERVER.ready('I'),
    ),
  ],
  ['client', query('COPY people TO STDOUT')],
  [
    'target',
    join(
      SERVER.copyOut(2),
      SERVER.copyData('1\ta\n'),
      SERVER.copyDone,
      SERVER.complete('COPY 1'),
      SERVER.ready('I'),
    ),
  ],
  ['client', query('COPY people FROM STDIN')],
  ['target', SERVER.copyIn(2)],
  ['client', join(SERVER.copyData('1\ta\n'), SERVER.copyDone)],
  ['target', join(SERVER.complete('COPY 1'), SERVER.ready('I'))],
  ['target', join(SERVER.notification('123-45-6789'), SERVER.parameterStatus('application_name', 'x'))],
]

/** One thing said to a machine that goes on; operations are judged at once. */
function run(machine: Machine, [side, bytes]: Said): readonly Action[] {
  const actions = side === 'client' ? machine.fromClient(bytes) : machine.fromTarget(bytes)
  return actions.flatMap(action =>
    action.kind === 'judge' ? machine.decide(judge(action.operation)) : [action],
  )
}
const MASKED = { masking: maskNamed(['ssn']) }

describe('however the chunks are cut, the same happens', () => {
  let expected: Outcome
  beforeAll(() => {
    expected = play(SCRIPT, MASKED)
  })
  const same = (outcome: Outcome) => {
    expect(outcome.toClient.toString('latin1')).toBe(expected.toClient.toString('latin1'))
    expect(outcome.toTarget.toString('latin1')).toBe(expected.toTarget.toString('latin1'))
    expect(outcome.events).toEqual(expected.events)
    expect(outcome.closed).toBeUndefined()
  }
  test('in one piece nothing is left over', () => {
    expect(expected.closed).toBeUndefined()
    expect(expected.machine.isBusy).toBe(false)
    expect(expected.toClient.includes('[masked]')).toBe(true)
  })
  test('byte by byte', () => same(play(SCRIPT, { ...MASKED, cut: eachByte })))
  test('at every place', () => {
    const longest = Math.max(...SCRIPT.map(([, bytes]) => bytes.length))
    for (let place = 1; place < longest; place += 1) same(play(SCRIPT, { ...MASKED, cut: at(place) }))
  })
  test('without masking too', () => {
    const plain = SCRIPT.filter(
      ([side, bytes]) => side === 'client' || !bytes.includes(T) || !bytes.includes('2'),
    )
    const one = play(plain)
    const other = play(plain, { cut: eachByte })
    expect(other.toClient.equals(one.toClient)).toBe(true)
    expect(other.events).toEqual(one.events)
  })
})

test('an unmasked result passes in one piece for each chunk', () => {
  const machine = makeMachine()
  const rows = join(T, ...Array.from({ length: 100 }, (_, row) => SERVER.row(String(row), 'x')))
  expect(
    run(machine, ['client', query('SELECT 1')]).filter(action => action.kind === 'toTarget'),
  ).toHaveLength(1)
  const actions = run(machine, ['target', rows])
  expect(actions.filter(action => action.kind === 'toClient').map(action => action.bytes)).toEqual([rows])
})

/** What the target says after the client, and why that ends the connection. */
function checkHostile(client: readonly Buffer[], target: readonly Buffer[], reason = 'protocol_violation') {
  const outcome = play(
    [
      ['client', join(...client)],
      ['target', join(...target)],
    ],
    MASKED,
  )
  expect(outcome.closed?.reason).toBe(reason)
  return outcome
}

describe('a hostile target is cut off', () => {
  const ASK = [query('SELECT id, ssn FROM people')]
  const EXTENDED = [parse({ text: 'SELECT id, ssn FROM people' }), bind({}), execute(), sync()]
  test('that sends a row nobody asked for', () => {
    expect(checkHostile([], [SERVER.row('1', 'secret')]).toClient.includes('secret')).toBe(false)
  })
  test('that sends a row before its description', () => {
    expect(checkHostile(ASK, [SERVER.row('1', 'secret')]).toClient.includes('secret')).toBe(false)
  })
  test('that sends a row of another shape', () => {
    expect(checkHostile(ASK, [T, SERVER.row('secret')]).toClient.includes('secret')).toBe(false)
    expect(checkHostile(ASK, [T, SERVER.row('1', 'a', 'secret')]).toClient.includes('secret')).toBe(false)
  })
  test('that answers a description of ours with none and sends rows', () => {
    const answers = [SERVER.parseComplete, SERVER.bindComplete, SERVER.noData, SERVER.row('1', 'secret')]
    expect(checkHostile(EXTENDED, answers).toClient.includes('secret')).toBe(false)
  })
  test('that lets a refused statement succeed', () => {
    checkHostile([query(`${FORBIDDEN} SELECT 1`)], [T])
    checkHostile([query(`${FORBIDDEN} SELECT 1`)], [SERVER.complete('DROP TABLE')])
    checkHostile([query(`${FORBIDDEN} SELECT 1`)], [SERVER.ready('I')])
    checkHostile([parse({ text: `${FORBIDDEN} SELECT 1` }), sync()], [SERVER.parseComplete])
  })
  test.each(['R', 'K', 'V', 'W', 'v', '?', '\0'])('that sends %j', tag => {
    checkHostile(ASK, [writeMessage(tag, Buffer.alloc(4))])
  })
  test('that sends lengths that cannot be', () => {
    checkHostile(ASK, [Buffer.from([0x54, 0, 0, 0, 3])])
    checkHostile(ASK, [Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff])])
    checkHostile(ASK, [T, Buffer.from([0x44, 0, 0, 0, 4])])
    checkHostile(ASK, [T, Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff])], 'limit_exceeded')
    checkHostile(ASK, [Buffer.from([0x54, 0x7f, 0xff, 0xff, 0xff])], 'limit_exceeded')
  })
  test('that reads statements in another way from now on', () => {
    checkHostile([], [SERVER.parameterStatus('standard_conforming_strings', 'off')])
  })
  test('that says ReadyForQuery with an unknown state', () => {
    checkHostile(ASK, [SERVER.complete('SELECT 0'), writeMessage('Z', Buffer.from('x'))])
  })
})

describe('a hostile client is cut off', () => {
  const check = (message: Buffer, reason = 'protocol_violation') => {
    const outcome = play([['client', message]])
    expect(outcome.closed?.reason).toBe(reason)
    expect(outcome.toTarget).toHaveLength(0)
  }
  test.each(['p', 'R', 'W', 'Z', '\0', 'é'])('that sends %j', tag =>
    check(writeMessage(tag, Buffer.alloc(4))),
  )
  test('that sends lengths that cannot be', () => {
    check(Buffer.from([0x51, 0, 0, 0, 3]))
    check(Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]))
    check(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]), 'limit_exceeded')
    check(Buffer.from([0x42, 0x7f, 0xff, 0xff, 0xff]), 'limit_exceeded')
    check(Buffer.from([0x53, 0, 0, 0, 5, 0]))
  })
  test('that hides something behind the end of a text', () => {
    check(writeMessage('Q', Buffer.from('SELECT 1\0DROP TABLE people\0')))
    check(writeMessage('Q', Buffer.from('SELECT 1')))
    check(writeMessage('P', Buffer.from('\0SELECT 1\0\0\0more')))
    check(writeMessage('D', Buffer.from('Xname\0')))
    check(writeMessage('E', Buffer.from('name\0\0\0')))
  })
  test('that sends COPY data out of nothing', () => check(SERVER.copyData('x')))
  test('that says good bye is let go', () => {
    const outcome = play([['client', terminate()]])
    expect(outcome.closed?.reason).toBe('client_closed')
    expect(outcome.toTarget).toEqual(terminate())
  })
})

describe('noise', () => {
  const frames = (letters: string) =>
    fc.array(
      fc
        .tuple(
          fc.constantFrom(...letters),
          fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(0))),
        )
        .map(([tag, body]) => writeMessage(tag, Buffer.from(body))),
      { maxLength: 12 },
    )
  const ASKED: Said = [
    'client',
    join(query('SELECT 1'), parse({ text: 'SELECT 2' }), bind({}), execute(), sync()),
  ]
  const survives = (script: readonly Said[], options: Parameters<typeof play>[1]) => {
    const outcome = play(script, options)
    expect(outcome.closed?.reason).not.toBe('fault')
    return outcome
  }
  test('of any bytes never breaks the machine', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        survives([['client', Buffer.from(bytes)]], {})
        survives([ASKED, ['target', Buffer.from(bytes)]], MASKED)
      }),
    )
  })
  test('in well-made frames of the target never breaks it, and never shows a row without its plan', () => {
    fc.assert(
      fc.property(frames('123ACDEGHINSTZcdnst'), messages => {
        survives([ASKED, ['target', join(...messages)]], {})
        survives([ASKED, ['target', join(...messages)]], MASKED)
      }),
      { numRuns: 500 },
    )
  })
  test('in well-made frames of the client never breaks it', () => {
    fc.assert(
      fc.property(frames('QPBDECSHFXdcf'), messages => {
        survives([['client', join(...messages)]], {})
      }),
      { numRuns: 500 },
    )
  })
})

test('what the recording keeps of a chunk is recorded before the chunk is sent', () => {
  const machine = makeMachine()
  run(machine, ['client', query('SELECT 1')])
  const actions = run(machine, ['target', join(T, SERVER.row('1', 'a'), SERVER.row('2', 'b'))])
  expect(actions.map(action => action.kind)).toEqual(['record', 'toClient'])
})

test('a prepared statement is recorded before the target reads it, whether or not it is ever run', () => {
  const actions = run(makeMachine(), ['client', parse({ name: 's', text: 'SELECT 1' })])
  const kinds = actions.map(action => (action.kind === 'record' ? action.event.kind : action.kind))
  expect(kinds).toEqual(['prepare', 'toTarget'])
})

test('the payload of a notification is masked as a payload, not as a message', () => {
  const machine = makeMachine()
  const hiding = { ...maskNamed([]), maskPayload: () => 'hidden' }
  machine.setBackground(() => hiding)
  const actions = run(machine, ['target', SERVER.notification('a value')])
  const said = actions
    .map(action => (action.kind === 'toClient' ? action.bytes.toString('latin1') : ''))
    .join('')
  expect(said).toContain('hidden')
  expect(said).not.toContain('a value')
})

describe('the end', () => {
  test('tells the client why and records what was owed', () => {
    const { machine } = play([['client', query('SELECT 1')]])
    expect(machine.isBusy).toBe(true)
    const actions = machine.end('grant_expired', 'the grant has expired')
    expect(actions).toMatchObject([
      { kind: 'record', event: { kind: 'result', outcome: 'abandoned' } },
      { kind: 'toClient' },
    ])
    const said = actions.at(-1)
    expect(said?.kind === 'toClient' && said.bytes.toString()).toContain(
      'hoop ended this session: the grant has expired',
    )
    expect(machine.end('fault', 'again')).toEqual([])
    expect(machine.fromTarget(SERVER.ready('I'))).toEqual([])
  })
  test('says nothing in the middle of a message', () => {
    const { machine } = play([
      ['client', query('SELECT 1')],
      [
        'target',
        join(
          T,
          ...Array.from({ length: 9 }, () => SERVER.row('1', 'x')),
          SERVER.row('1', 'long').subarray(0, 9),
        ),
      ],
    ])
    expect(machine.end('grant_expired', 'x').map(action => action.kind)).toEqual(['record'])
  })
})

test('while a verdict is out, what the client sends is kept and what the target says passes', () => {
  const machine = makeMachine()
  const [asked, ...more] = machine.fromClient(join(query('SELECT 1'), query('SELECT 2')))
  expect([asked?.kind, more, machine.isWaiting]).toEqual(['judge', [], true])
  expect(machine.fromClient(flush())).toEqual([])
  expect(machine.fromTarget(SERVER.notice('hello')).map(action => action.kind)).toEqual([
    'record',
    'toClient',
  ])
  expect(machine.fromClient(Buffer.alloc(2_000_000)).at(-1)).toMatchObject({
    kind: 'close',
    reason: 'limit_exceeded',
  })
})

test('an error that comes while a verdict is out takes the message with it', () => {
  const machine = makeMachine()
  const script: readonly Said[] = [['client', join(parse({ text: 'SELECT 1' }))]]
  for (const said of script) run(machine, said)
  const asked = machine.fromClient(join(bind({}), execute(), close('portal'), sync()))
  expect(asked.at(-1)?.kind).toBe('judge')
  const operation = asked.at(-1)
  run(machine, ['target', join(SERVER.parseComplete, SERVER.error('22P02', 'bad value'))])
  if (operation?.kind !== 'judge') throw new Error('no judge')
  const after = machine.decide(judge(operation.operation))
  expect(after).toEqual([{ kind: 'toTarget', bytes: sync() }])
  expect(run(machine, ['target', SERVER.ready('I')]).map(action => action.kind)).toEqual(['toClient'])
  expect(machine.isBusy).toBe(false)
})

test('what follows a refusal up to Sync is neither judged nor sent nor recorded', () => {
  const refused = [
    parse({ text: `${FORBIDDEN} SELECT 1` }),
    bind({}),
    execute(),
    query('SELECT 2'),
    flush(),
    sync(),
  ]
  const outcome = play([['client', join(...refused)]])
  expect(outcome.toTarget).toEqual(join(parse({ text: ') refused by hoop, rule no-forbidden' }), sync()))
  expect(outcome.events).toHaveLength(1)
})

test('a description that the client did not ask for is not shown to it', () => {
  const outcome = play(SCRIPT.slice(5, 7), MASKED)
  expect(outcome.toClient.includes(T)).toBe(false)
  expect(outcome.toTarget.includes(describeMessage('portal'))).toBe(true)
})
