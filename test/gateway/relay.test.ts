import { type Duplex, duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import type { Operation } from '../../src/domain/operation.js'
import type { Recorder } from '../../src/gateway/recordings/recorder.js'
import type { Judged } from '../../src/gateway/session/held-verdict.js'
import type { Hold } from '../../src/gateway/session/hold.js'
import { Relay } from '../../src/gateway/session/relay.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import type { Action, Machine, Verdict } from '../../src/protocols/protocol.js'

const OPERATION: Operation = { text: 'SELECT 1', step: 'run', names: { behind: () => undefined } }
const VERDICT: Verdict = {
  decision: { kind: 'allow', rule: undefined },
  facts: { understood: true, statements: [] },
  statements: [],
  masking: undefined,
  verbs: [],
  tables: [],
}
const RECORD: Action = { kind: 'record', event: { kind: 'cancel', client: 1 } }

/** Both ends of a socket: what the relay has, and what the peer sees. */
function socket(): { readonly near: Duplex; readonly far: Duplex } {
  const [near, far] = duplexPair()
  far.on('error', () => {})
  return { near, far }
}

/** A machine whose every client chunk is an operation, recorded and then forwarded once it was judged. */
function machineOf(overrides: Partial<Machine> = {}): Machine {
  return {
    begin: () => [],
    fromClient: () => [{ kind: 'judge', operation: OPERATION }],
    fromTarget: chunk => [{ kind: 'toClient', bytes: chunk }],
    decide: () => [RECORD, { kind: 'toTarget', bytes: Buffer.from('forwarded') }],
    setBackground: () => {},
    end: () => [],
    hold: () => [],
    notify: () => [],
    isWaiting: false,
    isMoot: false,
    isBusy: false,
    ...overrides,
  }
}

class Setup {
  readonly client = socket()
  readonly target = socket()
  readonly log: string[] = []
  readonly faults: unknown[] = []
  readonly relay: Relay

  constructor(options: {
    machine?: Partial<Machine>
    recorder?: Partial<Recorder>
    judge?: () => Judged | Promise<Judged>
    hold?: Hold
  }) {
    const write = this.target.near.write.bind(this.target.near)
    this.target.near.write = (chunk: unknown) => {
      this.log.push('to target')
      return write(chunk)
    }
    this.relay = new Relay({
      client: this.client.near,
      target: this.target.near,
      machine: machineOf(options.machine),
      judge: options.judge ?? (() => VERDICT),
      hold: options.hold ?? (() => Promise.resolve(VERDICT)),
      recorder: {
        append: (event: RecordingEvent) => void this.log.push(`append ${event.kind}`),
        commit: () => void this.log.push('commit'),
        close: () => Promise.resolve(''),
        ...options.recorder,
      },
      onCatalogChanged: () => this.log.push('catalog'),
      onFault: error => this.faults.push(error),
      onActivity: () => {},
    })
    this.relay.start()
  }
}

function nextChunk(stream: Duplex): Promise<string> {
  return new Promise(resolve => stream.once('data', chunk => resolve(String(chunk))))
}

test('an operation is taken and committed before its bytes reach the target', async () => {
  const setup = new Setup({})
  setup.client.far.write('x')
  expect(await nextChunk(setup.target.far)).toBe('forwarded')
  expect(setup.log).toEqual(['append cancel', 'commit', 'to target'])
})

test('nothing reaches the target when the recorder cannot take an operation, and the connection ends', async () => {
  for (const failing of ['append', 'commit'] as const) {
    const fail = (): never => {
      throw new HoopError('recording_failed', 'Cannot record the session: the disk is full')
    }
    const machine = {
      end: (): readonly Action[] => [RECORD, { kind: 'toClient', bytes: Buffer.from('why') }],
    }
    const setup = new Setup({ machine, recorder: { [failing]: fail } })
    setup.client.far.write('x')
    expect(await nextChunk(setup.client.far)).toBe('why')
    expect((await setup.relay.ended).counts.reason).toBe('recorder_failed')
    expect(setup.log).not.toContain('to target')
  }
})

test('a recorder that has to wait holds the operation and what follows it, and a failure of it forwards neither', async () => {
  let finish = (_error?: Error): void => {}
  const commit = () =>
    new Promise<void>(
      (resolve, reject) => (finish = error => (error === undefined ? resolve() : reject(error))),
    )
  const good = new Setup({ recorder: { commit } })
  good.client.far.write('x')
  await expect.poll(() => good.log).toEqual(['append cancel'])
  finish()
  expect(await nextChunk(good.target.far)).toBe('forwarded')
  const bad = new Setup({ recorder: { commit } })
  bad.client.far.write('x')
  await expect.poll(() => bad.log).toEqual(['append cancel'])
  finish(new HoopError('recording_failed', 'Cannot record the session: the disk is full'))
  expect((await bad.relay.ended).counts.reason).toBe('recorder_failed')
  expect(bad.log).not.toContain('to target')
})

test('while a verdict is out the client is not read, and the target is', async () => {
  let answer = (_verdict: Verdict): void => {}
  let chunks = 0
  const machine: Partial<Machine> = {
    fromClient: () => {
      chunks += 1
      return [{ kind: 'judge', operation: OPERATION }]
    },
  }
  const judge = () => new Promise<Verdict>(resolve => (answer = resolve))
  const setup = new Setup({ machine, judge })
  setup.client.far.write('first')
  await expect.poll(() => chunks).toBe(1)
  setup.client.far.write('second')
  setup.target.far.write('a notice')
  expect(await nextChunk(setup.client.far)).toBe('a notice')
  expect(chunks).toBe(1)
  answer(VERDICT)
  await expect.poll(() => chunks).toBe(2)
})

test('a target that does not read stops the client, and memory with it', async () => {
  const machine: Partial<Machine> = { fromClient: chunk => [{ kind: 'toTarget', bytes: chunk }] }
  const setup = new Setup({ machine })
  const block = Buffer.alloc(64 * 1024)
  let accepted = 0
  while (accepted < 1_000 && setup.client.far.write(block)) {
    accepted += 1
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(accepted).toBeLessThan(100)
})

test('a fault of ours ends this connection and tells the client nothing of it', async () => {
  const machine: Partial<Machine> = {
    fromTarget: () => {
      throw new Error('an inner detail')
    },
    end: (_reason, message) => [{ kind: 'toClient', bytes: Buffer.from(message) }],
  }
  const setup = new Setup({ machine })
  setup.target.far.write('x')
  expect(await nextChunk(setup.client.far)).toBe('an internal error occurred')
  expect((await setup.relay.ended).counts.reason).toBe('fault')
  expect(setup.faults).toHaveLength(1)
})

test('the first end counts, whoever comes second', async () => {
  const setup = new Setup({})
  setup.relay.end('grant_expired')
  setup.client.far.destroy()
  setup.target.far.destroy()
  expect((await setup.relay.ended).counts.reason).toBe('grant_expired')
})
