import { beforeAll, expect, test } from 'vitest'
import { bind, describe, execute, parse, query, sync } from '../../../src/protocols/postgres/codec.js'
import type { Action } from '../../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { FORBIDDEN, judge, maskNamed } from './joined-server.js'
import { describeFrame } from './raw-client.js'
import { makeMachine, type Said, SERVER } from './script.js'

beforeAll(loadPostgresGrammar)

const join = (...messages: readonly Buffer[]) => Buffer.concat(messages)
const ROWS = join(
  SERVER.rowDescription({ name: 'id' }, { name: 'ssn' }),
  SERVER.row('1', 'a'),
  SERVER.row('2', 'b'),
)
const FAILED = SERVER.error('42601', 'syntax error at or near ")"', { P: '1' })

const TRANSCRIPTS: Readonly<Record<string, readonly Said[]>> = {
  'simple-masked': [
    ['client', query('SELECT id, ssn FROM people')],
    ['target', join(ROWS, SERVER.complete('SELECT 2'), SERVER.ready('I'))],
  ],
  'simple-refused': [
    ['client', query(`DROP TABLE people ${FORBIDDEN}`)],
    ['target', join(FAILED, SERVER.ready('I'))],
  ],
  'extended-described-for-itself': [
    ['client', join(parse({ text: 'SELECT id, ssn FROM people' }), bind({}), execute(), sync())],
    [
      'target',
      join(SERVER.parseComplete, SERVER.bindComplete, ROWS, SERVER.complete('SELECT 2'), SERVER.ready('I')),
    ],
  ],
  'pipeline-middle-refused': [
    [
      'client',
      join(
        ...[parse({ text: 'SELECT 1' }), bind({}), describe('portal'), execute()],
        ...[parse({ text: `SELECT 2 ${FORBIDDEN}` }), bind({}), execute()],
        ...[parse({ text: 'SELECT 3' }), bind({}), execute(), sync()],
      ),
    ],
    ['target', join(SERVER.parseComplete, SERVER.bindComplete, ROWS, SERVER.complete('SELECT 2'), FAILED)],
    ['target', SERVER.ready('I')],
  ],
  'copy-out-masked': [
    ['client', query('COPY people TO STDOUT')],
    ['target', join(SERVER.copyOut(2), SERVER.copyData('1\ta\n'), SERVER.copyData('2\t\\N\n'))],
    ['target', join(SERVER.copyDone, SERVER.complete('COPY 2'), SERVER.ready('I'))],
  ],
}

/** The actions of each step, in order, one a line; spans as the messages in them. */
function transcribe(script: readonly Said[]): string {
  const machine = makeMachine(maskNamed(['ssn']))
  const lines: string[] = []
  const perform = (actions: readonly Action[]): void => {
    for (const action of actions) {
      lines.push(...describeAction(action))
      if (action.kind === 'judge') perform(machine.decide(judge(action.operation, maskNamed(['ssn']))))
    }
  }
  for (const [side, bytes] of script) {
    lines.push(
      `${side} says ${messages(bytes)
        .map(frame => frame.toString('latin1', 0, 1))
        .join(' ')}`,
    )
    perform(side === 'client' ? machine.fromClient(bytes) : machine.fromTarget(bytes))
  }
  return `${lines.join('\n')}\n`
}

function describeAction(action: Action): readonly string[] {
  switch (action.kind) {
    case 'toClient':
      return ['  to client', ...messages(action.bytes).map(frame => `    ${describeFrame(frame)}`)]
    case 'toTarget':
      return ['  to target', ...messages(action.bytes).map(frame => `    ${printable(frame)}`)]
    case 'record':
      return [`  record ${JSON.stringify(action.event)}`]
    case 'judge':
      return [`  judge ${action.operation.step} ${JSON.stringify(action.operation.text)}`]
    default:
      return [`  ${JSON.stringify(action)}`]
  }
}

function messages(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at + 1) + 1)
    found.push(bytes.subarray(at, at + bytes.readUInt32BE(at + 1) + 1))
  return found
}

function printable(frame: Buffer): string {
  const body = frame.toString('latin1', 5).replace(/[^ -~]/g, '.')
  return `${frame.toString('latin1', 0, 1)} ${body}`.trimEnd()
}

for (const [name, script] of Object.entries(TRANSCRIPTS)) {
  test(`the transcript "${name}" is as it was`, async () => {
    await expect(transcribe(script)).toMatchFileSnapshot(`transcripts/${name}.txt`)
  })
}
