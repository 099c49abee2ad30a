import type { Verdict } from '../protocol.js'
import { boundValues, readBind, readExecute, readParse, readQuery, readTarget } from './client-fields.js'
import { type FrameSink, FrameWalker, type Outcome, type Treatment } from './frames.js'
import type { Joint } from './joint.js'
import { denyBind, denyExecute, denyParse, noSuchPortal } from './name-denial.js'
import { onlyOne, type Portal, protocolNameKey } from './names.js'
import { type Held, OperationGate } from './operation-gate.js'
import { type ClientPhase, clientMay, isLengthImpossible } from './phases.js'
import { OWN_RULES, ownDenial } from './refusal.js'
import { CLIENT, describeTag } from './tags.js'

/** The largest Bind that is gathered, and the largest statement that is discarded politely rather than cut off. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024
/** Describe, Close, Execute and CopyFail hold a name or a sentence. */
const SMALL_BYTES_MAX = 64 * 1024

/** Reads what the client says: judges operations, keeps names, and lets the rest pass. */
export class ClientMessages implements FrameSink {
  readonly walker = new FrameWalker(this)
  readonly #joint: Joint
  readonly #gate: OperationGate

  constructor(joint: Joint) {
    this.#joint = joint
    this.#gate = new OperationGate(joint)
  }

  /** The verdict on the held message; what follows it is read on. */
  decide(verdict: Verdict): void {
    this.walker.release(this.#gate.decide(verdict))
  }

  pass(bytes: Buffer): void {
    // What was not sent when the end came is not sent after it.
    if (!this.#joint.ended) this.#joint.toTarget(bytes)
  }

  header(tag: number, length: number): Treatment {
    if (this.#joint.ended) return 'stop'
    if (isLengthImpossible('client', tag, length))
      return this.#violation(`message ${describeTag(tag)} has the length ${length}`)
    const phase = this.#phase
    if (!clientMay(phase, tag)) return this.#violation(`message ${describeTag(tag)} is not expected here`)
    if (phase === 'skipping' && tag !== CLIENT.sync && tag !== CLIENT.terminate) return 'drop'
    switch (tag) {
      case CLIENT.query:
      case CLIENT.parse:
        return this.#statementHeader(tag, length)
      case CLIENT.bind:
        return this.#whole(tag, length, MESSAGE_BYTES_MAX)
      case CLIENT.functionCall:
        return this.#functionCall(length)
      case CLIENT.copyData:
        return this.#copyData(length)
      default:
        return this.#whole(tag, length, SMALL_BYTES_MAX)
    }
  }

  frame(tag: number, bytes: Buffer, start: number, end: number): Outcome {
    // An error may have been answered while the message was gathered.
    if (this.#joint.skipping && tag !== CLIENT.sync && tag !== CLIENT.terminate) return 'drop'
    switch (tag) {
      case CLIENT.query:
        return this.#query(bytes, start, end)
      case CLIENT.parse:
        return this.#parse(bytes.subarray(start + 5, end))
      case CLIENT.bind:
        return this.#bind(bytes.subarray(start + 5, end))
      case CLIENT.describe:
        return this.#describe(bytes.subarray(start + 5, end))
      case CLIENT.execute:
        return this.#execute(bytes.subarray(start + 5, end))
      case CLIENT.close:
        return this.#close(bytes.subarray(start + 5, end))
      case CLIENT.sync:
        return this.#sync()
      case CLIENT.flush:
        // The client wants the answers so far.
        this.#sendKept()
        return 'pass'
      case CLIENT.copyData:
        return this.#keepCopyData(bytes, start, end)
      case CLIENT.copyDone:
      case CLIENT.copyFail:
        return this.#endCopy()
      case CLIENT.terminate:
        return this.#terminate(bytes, start, end)
      default:
        return 'pass'
    }
  }

  get #phase(): ClientPhase {
    if (this.#joint.skipping) return 'skipping'
    return this.#joint.copyIn ? 'copyIn' : 'ready'
  }

  #statementHeader(tag: number, length: number): Treatment {
    const limit = this.#joint.options.statementBytesMax
    if (length - 4 <= limit) return 'whole'
    if (length > MESSAGE_BYTES_MAX) return this.#tooLarge(tag, length)
    const denial = ownDenial(
      OWN_RULES.statementLimit,
      `the statement has ${length - 4} bytes and the limit is ${limit}`,
    )
    this.walker.flush()
    const text = `(a statement of ${length - 4} bytes, not read)`
    this.#gate.refuse(tag === CLIENT.query ? 'query' : 'extended', text, denial)
    return 'drop'
  }

  #functionCall(length: number): Treatment {
    if (length > MESSAGE_BYTES_MAX) return this.#tooLarge(CLIENT.functionCall, length)
    const denial = ownDenial(
      OWN_RULES.functionCall,
      'a function call without a statement cannot be judged',
      'call the function in a SELECT',
    )
    this.walker.flush()
    this.#gate.refuse('query', '(a function call of the protocol)', denial)
    return 'drop'
  }

  #query(bytes: Buffer, start: number, end: number): Outcome {
    const text = readQuery(bytes, start, end)
    if (text === 'broken') return this.#violation('Query is not one string')
    this.walker.flush()
    return this.#hold('query', text === undefined ? undefined : { kind: 'query', text })
  }

  #parse(body: Buffer): Outcome {
    const fields = readParse(body)
    if (fields === undefined) return this.#violation('Parse is not well formed')
    this.walker.flush()
    const { text, parameterTypes } = fields
    const name = fields.name.toString('utf8')
    const key = protocolNameKey(fields.name)
    const denial = denyParse(this.#joint, fields.name)
    if (denial !== undefined) return this.#gate.refuse('extended', text ?? '', denial)
    return this.#hold(
      'extended',
      text === undefined ? undefined : { kind: 'parse', name, key, text, parameterTypes },
    )
  }

  #bind(body: Buffer): Outcome {
    const joint = this.#joint
    const fields = readBind(body)
    if (fields === undefined) return this.#violation('Bind is not well formed')
    const resolved = joint.statements.resolve(protocolNameKey(fields.statement), joint.batch)
    const key = protocolNameKey(fields.portal)
    const denial = denyBind(joint, fields, resolved)
    if (denial !== undefined) {
      this.walker.flush()
      return this.#gate.refuse('extended', `(Bind to "${fields.statement.toString('utf8')}")`, denial)
    }
    const prepared = onlyOne(resolved)
    if (prepared?.isReviewed === true) {
      this.walker.flush()
      joint.keepBack()
    }
    const portal: Portal = {
      prepared,
      outlivesTransaction: false,
      formats: fields.resultFormats,
      bound: boundValues(fields, prepared?.parameterTypes ?? []),
      review: undefined,
      columns: undefined,
      describedIn: -1,
    }
    const change = joint.cursors.begin(key, joint.batch, portal)
    return this.#owed(joint.owe({ kind: 'bind', change, masking: prepared?.masking }))
  }

  #describe(body: Buffer): Outcome {
    const joint = this.#joint
    const fields = readTarget(body)
    if (fields === undefined) return this.#violation('Describe is not well formed')
    const key = protocolNameKey(fields.name)
    const ofStatement = fields.of === 'statement'
    const prepared = ofStatement ? onlyOne(joint.statements.resolve(key, joint.batch)) : undefined
    const portal = ofStatement ? undefined : onlyOne(joint.cursors.resolve(key, joint.batch))
    if (portal !== undefined) portal.describedIn = joint.batch
    return this.#owed(
      joint.owe({
        kind: 'describe',
        of: fields.of,
        prepared,
        portal,
        masking: (prepared ?? portal?.prepared)?.masking,
        ownFor: undefined,
        hasParameters: false,
      }),
    )
  }

  #execute(body: Buffer): Outcome {
    const name = readExecute(body)
    if (name === undefined) return this.#violation('Execute is not well formed')
    this.walker.flush()
    const found = this.#joint.cursors.resolve(protocolNameKey(name), this.#joint.batch)
    const portal = onlyOne(found)
    if (portal?.prepared === undefined) {
      const text = `(Execute of "${name.toString('utf8')}")`
      return this.#gate.refuse('extended', text, denyExecute(found, name), noSuchPortal(found, name))
    }
    return this.#hold('extended', { kind: 'execute', name, portal, text: portal.prepared.text })
  }

  #close(body: Buffer): Outcome {
    const joint = this.#joint
    const fields = readTarget(body)
    if (fields === undefined) return this.#violation('Close is not well formed')
    const key = protocolNameKey(fields.name)
    if (fields.of === 'statement') {
      const change = joint.statements.begin(key, joint.batch, undefined)
      return this.#owed(joint.owe({ kind: 'close', of: 'statement', change }))
    }
    const change = joint.cursors.begin(key, joint.batch, undefined)
    return this.#owed(joint.owe({ kind: 'close', of: 'portal', change }))
  }

  #sync(): Outcome {
    const joint = this.#joint
    this.#sendKept()
    joint.skipping = false
    joint.batch += 1
    return this.#owed(joint.owe({ kind: 'sync', optional: joint.copyIn }))
  }

  #sendKept(): void {
    if (!this.#joint.isKeepingBack) return
    this.walker.flush()
    this.#joint.sendKept()
  }

  /** Outside of COPY the target ignores these messages; a client may only send them where a COPY can have failed. */
  #copyData(length: number): Treatment {
    const joint = this.#joint
    if (!joint.copyIn && !joint.copyIsStale && joint.owed.length === 0)
      return this.#violation('CopyData without a COPY')
    const run = joint.copyInRun()
    if (run === undefined) return 'pass'
    run.rowCount += 1
    run.byteCount += length + 1
    return run.wants(length + 1) ? 'whole' : 'pass'
  }

  #keepCopyData(bytes: Buffer, start: number, end: number): Outcome {
    this.#joint.copyInRun()?.keep([bytes.toString('utf8', start + 5, end)], end - start)
    return 'pass'
  }

  #endCopy(): Outcome {
    const joint = this.#joint
    joint.copyIsStale = false
    if (joint.copyIn) joint.copyIn = false
    else if (joint.owed.length > 0) return this.#owed(joint.owe({ kind: 'copyEnd' }))
    return 'pass'
  }

  #terminate(bytes: Buffer, start: number, end: number): Outcome {
    this.walker.flush()
    this.#joint.toTarget(bytes.subarray(start, end))
    this.#joint.close('client_closed', 'the client said good bye')
    return 'stop'
  }

  /** Puts an operation to policy; undefined when its text is not valid UTF-8. */
  #hold(form: 'query' | 'extended', held: Held | undefined): Outcome {
    if (held === undefined) {
      const denial = ownDenial(OWN_RULES.notUnderstood, 'the statement is not valid UTF-8')
      return this.#gate.refuse(form, '(not valid UTF-8)', denial)
    }
    return this.#gate.hold(held)
  }

  #owed(taken: boolean): Outcome {
    return taken ? 'pass' : 'stop'
  }

  #whole(tag: number, length: number, limit: number): Treatment {
    return length <= limit ? 'whole' : this.#tooLarge(tag, length)
  }

  #tooLarge(tag: number, length: number): 'stop' {
    this.walker.flush()
    this.#joint.close('limit_exceeded', `message ${describeTag(tag)} has ${length} bytes`)
    return 'stop'
  }

  #violation(message: string): 'stop' {
    this.walker.flush()
    this.#joint.close('protocol_violation', message)
    return 'stop'
  }
}
