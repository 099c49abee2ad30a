import { beforeAll, describe, expect, test } from 'vitest'
import { makeReviewId } from '../../../src/domain/ids.js'
import type { Operation } from '../../../src/domain/operation.js'
import {
  bind,
  describe as describeMessage,
  execute,
  flush,
  parse,
  query,
  sync,
} from '../../../src/protocols/postgres/codec.js'
import type { Action, Machine, Verdict } from '../../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { judge, RULE } from './joined-server.js'
import { makeMachine, SERVER } from './script.js'

beforeAll(loadPostgresGrammar)

const REVIEW = makeReviewId(size => new Uint8Array(size))
const HELD = 'UPDATE t SET a = 1'
const join = Buffer.concat

/** A machine whose operations wait when they write, as a relay drives it. */
class Driven {
  readonly machine: Machine = makeMachine()
  toTarget = ''
  toClient = ''
  readonly events: string[] = []
  waiting: Operation | undefined

  client(...messages: readonly Buffer[]): this {
    return this.#perform(this.machine.fromClient(join(messages)))
  }

  target(...messages: readonly Buffer[]): this {
    return this.#perform(this.machine.fromTarget(join(messages)))
  }

  notify(message: string): this {
    return this.#perform(this.machine.notify({ message }))
  }

  decide(decision: Verdict['decision']): this {
    const { waiting } = this
    if (waiting === undefined) throw new Error('nothing waits')
    this.waiting = undefined
    return this.#perform(this.machine.decide({ ...judge(waiting), decision }))
  }

  approve(): this {
    return this.decide({ kind: 'allow', rule: undefined, review: REVIEW })
  }

  #perform(actions: readonly Action[]): this {
    for (const action of actions) {
      if (action.kind === 'toTarget') this.toTarget += tags(action.bytes)
      else if (action.kind === 'toClient') this.toClient += tags(action.bytes)
      else if (action.kind === 'record') this.events.push(action.event.kind)
      else if (action.kind === 'judge') this.#judge(action.operation)
    }
    return this
  }

  #judge(operation: Operation): void {
    const verdict = judge(operation)
    const isHeld = operation.text.startsWith('UPDATE') && operation.continues === undefined
    if (!isHeld) this.#perform(this.machine.decide(verdict))
    else if (operation.step === 'prepare')
      this.#perform(this.machine.decide({ ...verdict, reviewedWhenRun: true }))
    else {
      this.waiting = operation
      this.#perform(this.machine.hold())
    }
  }
}

/** The letters of whole messages. */
function tags(bytes: Buffer): string {
  let found = ''
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1))
    found += String.fromCharCode(bytes[at] ?? 0)
  return found
}

describe('what prepares an operation that waits', () => {
  test('stays back with it, and goes on with it', () => {
    const driven = new Driven().client(
      parse({ text: HELD }),
      bind({}),
      describeMessage('portal'),
      execute(),
      sync(),
    )
    expect([driven.toTarget, driven.waiting?.transaction]).toEqual(['', 'none'])
    expect(driven.approve().toTarget).toBe('PBDES')
    expect(driven.events).toEqual(['prepare', 'operation'])
  })
  test('goes on before a refusal too, so that its answers come', () => {
    const driven = new Driven().client(parse({ text: HELD }), bind({}), execute(), sync())
    driven.decide({ kind: 'deny', rule: RULE, message: 'no', hint: undefined, review: REVIEW })
    expect(driven.toTarget).toBe('PBPS')
  })
  test('goes on at once when the client waits for its answers', () => {
    expect(new Driven().client(parse({ text: HELD }), describeMessage('statement'), sync()).toTarget).toBe(
      'PDS',
    )
    expect(new Driven().client(parse({ text: HELD }), describeMessage('statement'), flush()).toTarget).toBe(
      'PDH',
    )
    expect(new Driven().client(parse({ text: HELD }), query('SELECT 1')).toTarget).toBe('PQ')
  })
  test('stays back when only Bind is new', () => {
    const driven = new Driven().client(parse({ name: 's', text: HELD }), sync())
    driven.target(SERVER.parseComplete, SERVER.ready('I'))
    driven.client(bind({ statement: 's' }), execute(), sync())
    expect([driven.toTarget, driven.waiting?.transaction]).toEqual(['PS', 'none'])
    expect(driven.approve().toTarget).toBe('PSBES')
  })
  test('goes on when it is more than is kept, and then a transaction counts as open', () => {
    const large = bind({ values: [Buffer.alloc(300_000)] })
    const driven = new Driven().client(parse({ text: HELD }), large, execute(), sync())
    expect(driven.toTarget.startsWith('PB')).toBe(true)
    expect(driven.waiting?.transaction).toBe('open')
  })
})

describe('what came before an operation that waits', () => {
  test('is answered meanwhile: the target is asked for it', () => {
    const driven = new Driven().client(
      ...[parse({ text: 'SELECT 1' }), bind({}), execute()],
      ...[parse({ text: HELD }), bind({}), execute(), sync()],
    )
    expect([driven.toTarget, driven.waiting?.transaction]).toEqual(['PBEH', 'open'])
    driven.target(SERVER.parseComplete, SERVER.bindComplete, SERVER.row('1'), SERVER.complete('SELECT 1'))
    expect(driven.toClient).toBe('12DC')
    expect(driven.approve().toTarget).toBe('PBEHPBES')
  })
  test('makes it moot when it fails', () => {
    const driven = new Driven().client(
      ...[parse({ text: 'SELECT 1/0' }), bind({}), execute()],
      ...[parse({ text: HELD }), bind({}), execute(), sync()],
    )
    expect(driven.machine.isMoot).toBe(false)
    driven.target(SERVER.parseComplete, SERVER.bindComplete, SERVER.error('22012', 'division by zero'))
    expect(driven.machine.isMoot).toBe(true)
    driven.approve()
    expect(driven.events).toEqual(['prepare', 'operation', 'prepare', 'result'])
    expect(driven.toTarget).not.toMatch(/E.*E/)
  })
  test('is told to have changed definitions, up to the end of its transaction', () => {
    const driven = new Driven().client(query('BEGIN')).target(SERVER.complete('BEGIN'), SERVER.ready('T'))
    driven
      .client(query('CREATE VIEW v AS SELECT 1'))
      .target(SERVER.complete('CREATE VIEW'), SERVER.ready('T'))
    expect(driven.client(query(HELD)).waiting?.definesUncommitted).toBe(true)
    const later = new Driven().client(query('BEGIN; CREATE TABLE t (); COMMIT'))
    later.target(...['BEGIN', 'CREATE TABLE', 'COMMIT'].map(SERVER.complete), SERVER.ready('I'))
    expect(later.client(query(HELD)).waiting?.definesUncommitted).toBeUndefined()
  })
  test.each(['CREATE VIEW v AS SELECT 1', 'DO $$ BEGIN END $$', 'CALL p()'])(
    'may change definitions before anybody knows: %s',
    text => {
      const driven = new Driven().client(
        ...[parse({ text }), bind({}), execute()],
        ...[parse({ text: HELD }), bind({}), execute(), sync()],
      )
      expect(driven.waiting?.definesUncommitted).toBe(true)
      expect(new Driven().client(query(text), query(HELD)).waiting?.definesUncommitted).toBe(true)
    },
  )
  test('tells whether it is in a transaction', () => {
    const driven = new Driven().client(query('BEGIN')).target(SERVER.complete('BEGIN'), SERVER.ready('T'))
    expect(driven.client(query(HELD)).waiting?.transaction).toBe('open')
    const failed = new Driven().client(query('x')).target(SERVER.error('42601', 'no'), SERVER.ready('E'))
    expect(failed.client(query(HELD)).waiting?.transaction).toBe('failed')
  })
})

test('the rest of a portal that people agreed to is not asked about again, and a new portal is', () => {
  const driven = new Driven().client(parse({ text: HELD }), bind({}), execute('', 1), flush())
  driven.approve().target(SERVER.parseComplete, SERVER.bindComplete, SERVER.row('1'), SERVER.suspended)
  driven.client(execute('', 1), sync())
  expect(driven.waiting).toBeUndefined()
  driven.target(SERVER.row('2'), SERVER.complete('UPDATE 2'), SERVER.ready('I'))
  driven.client(bind({}), execute(), sync())
  expect(driven.waiting).toBeDefined()
})

test('a portal that people agreed to and that never began is asked about again', () => {
  const driven = new Driven().client(query('BEGIN')).target(SERVER.complete('BEGIN'), SERVER.ready('T'))
  driven.client(parse({ text: HELD }), bind({ portal: 'p' }), sync())
  driven.target(SERVER.parseComplete, SERVER.bindComplete, SERVER.ready('T'))
  driven.client(query('SAVEPOINT a')).target(SERVER.complete('SAVEPOINT'), SERVER.ready('T'))
  driven.client(
    parse({ name: 's', text: 'SELECT 1/0' }),
    bind({ statement: 's' }),
    execute(),
    execute('p'),
    sync(),
  )
  driven.approve()
  // The target skips what was agreed to, and the portal outlives the error: it is older than the savepoint.
  driven.target(SERVER.parseComplete, SERVER.bindComplete, SERVER.error('22012', 'no'), SERVER.ready('E'))
  driven.client(query('ROLLBACK TO a')).target(SERVER.complete('ROLLBACK'), SERVER.ready('T'))
  driven.client(execute('p'), sync())
  expect(driven.waiting).toMatchObject({ text: HELD, transaction: 'open' })
})

test('the digest of bind values is of their bytes and formats', () => {
  const digests = [
    [Buffer.from('a')],
    [Buffer.from('b')],
    [null],
    [Buffer.alloc(0)],
    [Buffer.from('a'), null],
  ].map(
    values => new Driven().client(parse({ text: HELD }), bind({ values }), execute()).waiting?.bound?.digest,
  )
  expect(new Set(digests).size).toBe(5)
})

test('a value that is shown cut makes its operation one that nobody can be asked about', () => {
  const isWhole = (bytes: number) =>
    new Driven().client(parse({ text: HELD }), bind({ values: [Buffer.alloc(bytes, 97)] }), execute()).waiting
      ?.bound?.isWhole
  expect([isWhole(8 * 1024), isWhole(8 * 1024 + 1)]).toEqual([true, false])
})

describe('a notice of the gateway', () => {
  const row = SERVER.row('x'.repeat(100))
  const answer = join([
    SERVER.rowDescription({ name: 'a' }),
    row,
    row,
    SERVER.complete('SELECT 2'),
    SERVER.ready('I'),
  ])
  test('comes between two messages, wherever the answer is cut', () => {
    for (let at = 0; at < answer.length; at += 1) {
      const { machine } = new Driven().client(query('SELECT 1'))
      // Letters are counted over the whole stream: a notice inside of a message would break it.
      let sent = Buffer.alloc(0)
      const take = (actions: readonly Action[]): void => {
        for (const action of actions) if (action.kind === 'toClient') sent = join([sent, action.bytes])
      }
      take(machine.fromTarget(answer.subarray(0, at)))
      take(machine.notify({ message: 'soon' }))
      take(machine.fromTarget(answer.subarray(at)))
      expect([...tags(sent)].sort().join('')).toBe('CDDNTZ')
    }
  })
  test('shows what people wrote as text', () => {
    const actions = new Driven().machine.notify({ message: 'approved: "\u001b[2Jfine\u202e\0"' })
    const said = actions.find(action => action.kind === 'toClient')
    expect(said?.bytes.toString()).toContain('approved: "\ufffd[2Jfine\ufffd\ufffd"')
  })
})
