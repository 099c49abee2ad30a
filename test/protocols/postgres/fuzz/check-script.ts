import { expect } from 'vitest'
import type { StatementMasking } from '../../../../src/masking/statement-masking.js'
import type { Action } from '../../../../src/protocols/protocol.js'
import { FORBIDDEN, judge, ruleNamed } from '../joined-server.js'
import { type Cut, eachByte, makeMachine, type Said, whole } from '../script.js'
import { CANARY } from './conversations.js'

/** Hides every value of every column, and every text. */
const HIDE_ALL: StatementMasking = {
  planRows: columns => columns.map(() => ({ rule: ruleNamed('hide-all'), mask: () => null })),
  planCopy: count => Array.from({ length: count }, () => ({ rule: ruleNamed('hide-all'), mask: () => null })),
  maskText: () => '***',
  hidesMessages: true,
}

interface Played {
  readonly toClient: Buffer
  readonly toTarget: Buffer
  readonly closed: readonly Extract<Action, { kind: 'close' }>[]
  /** What a machine did that no machine may do, in words. */
  readonly wrong: readonly string[]
}

/** Plays a script and watches the order of what the machine does. */
function watch(
  script: readonly Said[],
  options: { readonly cut: Cut; readonly masking: StatementMasking | undefined },
): Played {
  const machine = makeMachine(options.masking)
  const toClient: Buffer[] = []
  const toTarget: Buffer[] = []
  const closed: Extract<Action, { kind: 'close' }>[] = []
  const wrong: string[] = []
  let recorded = 0
  const perform = (actions: readonly Action[]): void => {
    for (const action of actions) {
      if (closed.length > 0) wrong.push(`${action.kind} after the end`)
      if (action.kind === 'toClient') toClient.push(Buffer.from(action.bytes))
      else if (action.kind === 'toTarget') {
        toTarget.push(Buffer.from(action.bytes))
        const statements = framesOf(Buffer.concat(toTarget)).filter(one => 'QP'.includes(letterOf(one)))
        if (statements.length > recorded) wrong.push('a statement went out before it was recorded')
      } else if (action.kind === 'record') {
        if (action.event.kind === 'operation' || action.event.kind === 'prepare') recorded += 1
      } else if (action.kind === 'judge') perform(machine.decide(judge(action.operation, options.masking)))
      else if (action.kind === 'close') closed.push(action)
    }
  }
  for (const [side, bytes] of script)
    for (const chunk of options.cut(bytes)) {
      // A chunk is not the machine's to keep.
      const lent = Buffer.from(chunk)
      perform(side === 'client' ? machine.fromClient(lent) : machine.fromTarget(lent))
      lent.fill(0xee)
    }
  return { toClient: Buffer.concat(toClient), toTarget: Buffer.concat(toTarget), closed, wrong }
}

/** The whole messages at the beginning of some bytes. */
function framesOf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    if (end < at + 5 || end > bytes.length) break
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return frames
}

function letterOf(frame: Buffer): string {
  return String.fromCharCode(frame[0] ?? 0)
}

/** What the gateway says to a target of itself: something unparsable, and a description of a portal. */
function isOwn(frame: Buffer): boolean {
  if (letterOf(frame) === 'D') return frame[5] === 0x50
  return 'QP'.includes(letterOf(frame)) && frame.includes(') refused by hoop, rule ')
}

/** What may be said to a target: messages of the client, whole and in their order, and the gateway's own. */
function checkToTarget(script: readonly Said[], toTarget: Buffer): void {
  const client = Buffer.concat(script.filter(([side]) => side === 'client').map(([, bytes]) => bytes))
  const said = framesOf(client)
  let at = 0
  let bytes = 0
  for (const frame of framesOf(toTarget)) {
    bytes += frame.length
    expect('QPBDECSHXdcf').toContain(letterOf(frame))
    if (isOwn(frame)) continue
    const found = said.findIndex((one, place) => place >= at && one.equals(frame))
    expect(found, `${frame.toString('latin1')} came from nobody`).toBeGreaterThanOrEqual(at)
    at = found + 1
    expect(frame.includes(FORBIDDEN)).toBe(false)
  }
  // Only COPY data may be cut where the client cut it.
  if (bytes < toTarget.length) expect(String.fromCharCode(toTarget[bytes] ?? 0)).toBe('d')
}

/** False when messages run into each other, so that a value became the name of a column or the tag of a command. */
function isInValues(script: readonly Said[]): boolean {
  const target = Buffer.concat(script.filter(([side]) => side === 'target').map(([, bytes]) => bytes))
  const frames = framesOf(target)
  const rest = target.subarray(frames.reduce((bytes, frame) => bytes + frame.length, 0))
  return [...frames, rest].every(frame => !frame.includes(CANARY) || 'DdENAS'.includes(letterOf(frame)))
}

/** Nothing that either side says may make a machine throw, let pass what it did not read, show a value, or go on after its end. */
export function checkScript(script: readonly Said[]): void {
  for (const masking of [undefined, HIDE_ALL]) {
    const played = watch(script, { cut: whole, masking })
    expect(played.wrong).toEqual([])
    expect(played.closed.length).toBeLessThanOrEqual(1)
    expect(played.closed[0]?.reason).not.toBe('fault')
    checkToTarget(script, played.toTarget)
    if (masking !== undefined && isInValues(script))
      expect(played.toClient.toString('latin1')).not.toContain(CANARY)
    const cut = watch(script, { cut: eachByte, masking })
    expect(cut.wrong).toEqual([])
    expect(cut.closed).toEqual(played.closed)
    expect(cut.toTarget.equals(played.toTarget), 'to the target the same, however it is cut').toBe(true)
    expect(cut.toClient.toString('latin1'), 'to the client the same, however it is cut').toBe(
      played.toClient.toString('latin1'),
    )
  }
}
