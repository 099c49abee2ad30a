import { Answers } from './answers.js'
import { isReadAlike } from './client-settings.js'
import { Failures } from './failures.js'
import { type FrameSink, FrameWalker, type Outcome, type Treatment } from './frames.js'
import type { Joint } from './joint.js'
import { Output } from './output.js'
import { isOptional, runOf } from './owed.js'
import { isLengthImpossible, targetMay, targetPhaseOf } from './phases.js'
import { Results } from './results.js'
import { maskedParameterStatus, maskNotification, readParameterStatus } from './server-text.js'
import { describeTag, TARGET } from './tags.js'

/** The largest message of the target that is read as a whole, other than rows. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** A DataRow has at least a length and a number of cells. */
const ROW_LENGTH_MIN = 6
/** What the target may say at any time. */
const ALWAYS: ReadonlySet<number> = new Set([
  TARGET.error,
  TARGET.notice,
  TARGET.notification,
  TARGET.parameterStatus,
])

/** Reads what the target says: finds out what it answers, masks, counts, and lets the rest pass. */
export class TargetMessages implements FrameSink {
  readonly walker = new FrameWalker(this)
  readonly #joint: Joint
  readonly #output: Output
  readonly #results: Results
  readonly #failures: Failures
  readonly #answers: Answers
  readonly #flush = () => this.walker.flush()

  constructor(joint: Joint) {
    this.#joint = joint
    this.#output = new Output(bytes => joint.toClient(bytes))
    this.#results = new Results(joint, this.#output)
    this.#failures = new Failures(joint, this.#results)
    this.#answers = new Answers(joint, this.#results)
    joint.flushClient = () => {
      this.walker.flush()
      this.#output.flush()
    }
    joint.clientIsMidMessage = () => this.walker.isPartlyPassed
  }

  /** Reads a chunk and sends what came of it. */
  feed(chunk: Buffer): void {
    this.walker.feed(chunk)
    if (this.#joint.ended) return
    this.#results.reportRows()
    this.#output.flush()
  }

  pass(bytes: Buffer): void {
    this.#output.pass(bytes)
  }

  header(tag: number, length: number): Treatment {
    if (this.#joint.ended) return 'stop'
    if (this.#joint.notices.length > 0) this.#sendNotices()
    if (tag === TARGET.dataRow || tag === TARGET.copyData) return this.#rowHeader(tag, length)
    if (isLengthImpossible('target', tag, length))
      return this.#violation(`message ${describeTag(tag)} of the target has the length ${length}`)
    if (!ALWAYS.has(tag) && !this.#isExpected(tag))
      return this.#violation(`message ${describeTag(tag)} of the target answers nothing`)
    if (length <= MESSAGE_BYTES_MAX) return 'whole'
    this.#joint.close('limit_exceeded', `message ${describeTag(tag)} of the target has ${length} bytes`)
    return 'stop'
  }

  frame(tag: number, bytes: Buffer, start: number, end: number): Outcome {
    if (tag === TARGET.dataRow) return this.#results.row(bytes, start, end, this.#flush)
    if (tag === TARGET.copyData) return this.#results.copyRow(bytes, start, end, this.#flush)
    const body = bytes.subarray(start + 5, end)
    switch (tag) {
      case TARGET.commandComplete:
        return this.#answers.complete(body)
      case TARGET.readyForQuery:
        this.#failures.ready()
        return this.#answers.ready(body)
      case TARGET.error:
        this.#dropOptional()
        return this.#replace(this.#failures.error(body))
      case TARGET.notice:
        return this.#replace(this.#failures.notice(body))
      case TARGET.notification:
        return this.#notification(body)
      case TARGET.parameterStatus:
        return this.#parameterStatus(body)
      default:
        return this.#answers.answer(tag, body)
    }
  }

  /** Between two messages, what the gateway has to say itself. */
  #sendNotices(): void {
    this.walker.flush()
    for (const notice of this.#joint.notices) this.#output.append(notice)
    this.#joint.notices = []
  }

  /** The hot path: a row or COPY data of the result that is coming in. */
  #rowHeader(tag: number, length: number): Treatment {
    const isRow = tag === TARGET.dataRow
    if (isLengthImpossible('target', tag, length) || (isRow && length < ROW_LENGTH_MIN))
      return this.#violation(`message ${describeTag(tag)} of the target has the length ${length}`)
    const phase = this.#results.run?.phase
    if (phase === (isRow ? 'rows' : 'copyOut')) return this.#results.header(length)
    // The first row of an Execute, which has no RowDescription of its own.
    if (!this.#isExpected(tag)) return this.#violation('a row of the target answers nothing')
    const { head } = this.#joint.owed
    if (head?.kind !== 'execute' || !this.#results.openExecute(head))
      return this.#violation('the shape of a row to be masked is not known')
    return this.#results.header(length)
  }

  /** Drops entries at the head that were never going to be answered, and says whether the rest expects the message. */
  #isExpected(tag: number): boolean {
    const { owed } = this.#joint
    let { head } = owed
    while (head !== undefined && !targetMay(targetPhaseOf(head), tag)) {
      if (!isOptional(head)) return false
      owed.shift()
      head = owed.head
    }
    if (head === undefined) return false
    // What was put in the place of a refused message can only fail.
    return (
      runOf(head)?.refusal === undefined || (tag === TARGET.readyForQuery && runOf(head)?.failed === true)
    )
  }

  /** An error belongs to the oldest message that is sure to be answered. */
  #dropOptional(): void {
    const { owed } = this.#joint
    for (let { head } = owed; head !== undefined && isOptional(head) && owed.length > 1; head = owed.head)
      owed.shift()
    if (owed.head?.kind === 'copyEnd') owed.shift()
  }

  #replace(message: Buffer | undefined): Outcome {
    if (message === undefined) return 'pass'
    this.walker.flush()
    this.#output.append(message)
    return 'drop'
  }

  #notification(body: Buffer): Outcome {
    const background = this.#joint.background()
    if (background === undefined) return 'pass'
    const masked = maskNotification(body, background)
    return masked === undefined
      ? this.#violation('NotificationResponse is not well formed')
      : this.#replace(masked)
  }

  #parameterStatus(body: Buffer): Outcome {
    const joint = this.#joint
    const status = readParameterStatus(body)
    if (status === undefined) return this.#violation('ParameterStatus is not well formed')
    // However it came to be, from now on the server would read other texts than the gateway does.
    if (!isReadAlike(status.name, status.value)) {
      this.walker.flush()
      return this.#violation('a setting changed how the target reads statements')
    }
    const background = joint.background()
    if (background === undefined) return 'pass'
    return this.#replace(maskedParameterStatus(status.name, status.value, background))
  }

  #violation(message: string): 'stop' {
    this.#joint.close('protocol_violation', message)
    return 'stop'
  }
}
