import type { StatementMasking } from '../../masking/statement-masking.js'
import { readErrorFields, writeMessage } from './codec.js'
import { settleEffects } from './effects.js'
import type { Joint } from './joint.js'
import { maskingOf, type Owed, runOf } from './owed.js'
import { refusalError } from './refusal.js'
import type { Results } from './results.js'
import type { ResultEnd } from './run.js'
import { maskErrorFields } from './server-text.js'

type Failure = NonNullable<ResultEnd['error']>

/** Bytes of a server's message that a recording keeps. */
const MESSAGE_CHARACTERS_MAX = 2000
/** Notices between two ReadyForQuery that a recording keeps; a loop can raise millions. */
const NOTICES_MAX = 20

/** What errors and notices of the target mean for the answers owed, and what the client sees of them. */
export class Failures {
  readonly #joint: Joint
  readonly #results: Results
  #noticesLeft = NOTICES_MAX

  constructor(joint: Joint, results: Results) {
    this.#joint = joint
    this.#results = results
  }

  /** Takes an ErrorResponse: the message to send instead, or undefined when it passes as it is. */
  error(body: Buffer): Buffer | undefined {
    const joint = this.#joint
    const { head } = joint.owed
    const fields = readErrorFields(body)
    const severity = fields.get('V') ?? fields.get('S') ?? ''
    const isFatal = severity === 'FATAL' || severity === 'PANIC'
    const refusal = head === undefined || isFatal ? undefined : runOf(head)?.refusal
    const masking = this.#maskingFor(head)
    let sent: Buffer | undefined
    if (refusal !== undefined) sent = refusalError(refusal)
    else if (masking !== undefined) sent = writeMessage('E', maskErrorFields(body, masking))
    const seen = sent === undefined ? fields : readErrorFields(sent.subarray(5))
    const failure = { code: seen.get('C') ?? 'XX000', message: cut(seen.get('M') ?? '') }
    if (isFatal) {
      joint.fatalWasSent = true
      this.#failHead(head, failure)
    } else if (head?.kind === 'query') this.#failQuery(head, failure)
    else if (head !== undefined && head.kind !== 'sync') this.#failToSync(head, failure)
    return sent
  }

  /** Takes a NoticeResponse: the message to send instead, or undefined when it passes as it is. */
  notice(body: Buffer): Buffer | undefined {
    const masking = this.#maskingFor(this.#joint.owed.head)
    const masked = masking === undefined ? body : maskErrorFields(body, masking)
    if (this.#noticesLeft > 0) {
      this.#noticesLeft -= 1
      const fields = readErrorFields(masked)
      const severity = fields.get('V') ?? fields.get('S') ?? 'NOTICE'
      const { client } = this.#joint.options
      this.#joint.record({ kind: 'notice', client, severity, message: cut(fields.get('M') ?? '') })
    }
    return masking === undefined ? undefined : writeMessage('N', masked)
  }

  /** ReadyForQuery: the next statement's notices are counted anew. */
  ready(): void {
    this.#noticesLeft = NOTICES_MAX
  }

  /** The strictest masking that could apply: the statement's own, that of the transaction, that of the session. */
  #maskingFor(head: Owed | undefined): StatementMasking | undefined {
    const own = maskingOf(head)
    if (own?.hidesMessages === true) return own
    return this.#joint.hiding ?? own ?? this.#joint.background()
  }

  #failHead(head: Owed | undefined, failure: Failure): void {
    if (head?.kind === 'query' || head?.kind === 'execute') {
      if (!head.run.failed) this.#results.close(head.run, { outcome: 'failed', error: failure })
      head.run.failed = true
    }
  }

  /** A Query failed as a whole; ReadyForQuery is all that follows. */
  #failQuery(head: Owed & { readonly kind: 'query' }, failure: Failure): void {
    const { run } = head
    this.#endCopyIn()
    if (!run.failed)
      this.#results.close(run, { outcome: run.refusal === undefined ? 'failed' : 'refused', error: failure })
    run.failed = true
    run.phase = 'failed'
  }

  /** The target ignores everything up to Sync: nothing before it is owed any more. */
  #failToSync(head: Owed, failure: Failure): void {
    const { owed } = this.#joint
    this.#endCopyIn()
    this.#settle(head, failure)
    owed.shift()
    for (let next = owed.head; next !== undefined && next.kind !== 'sync'; next = owed.head) {
      this.#settle(next, undefined)
      owed.shift()
    }
    if (owed.head === undefined) this.#joint.skipping = true
  }

  /** An entry has failed, or was skipped when there is no failure of its own. */
  #settle(owed: Owed, failure: Failure | undefined): void {
    const { statements, cursors } = this.#joint
    switch (owed.kind) {
      case 'parse':
        if (owed.change !== undefined) statements.fail(owed.change)
        // The server forgets the unnamed statement before it reads the new one.
        if (owed.key === '' && failure !== undefined) statements.forget('')
        break
      case 'bind':
        if (owed.change !== undefined) cursors.fail(owed.change)
        break
      case 'close':
        if (owed.of === 'statement') statements.fail(owed.change)
        else cursors.fail(owed.change)
        break
      default:
        break
    }
    this.#settleRun(owed, failure)
  }

  #settleRun(owed: Owed, failure: Failure | undefined): void {
    const run = runOf(owed)
    // The run of a description of our own has an Execute behind it, which is skipped; the failure is its failure.
    if (run === undefined || run.failed || (owed.kind === 'describe' && failure === undefined)) return
    run.failed = true
    settleEffects(this.#joint, run.effects, 0)
    const failed = failure === undefined ? 'abandoned' : 'failed'
    const outcome = run.refusal === undefined ? failed : 'refused'
    this.#results.close(run, { outcome, ...(failure === undefined ? {} : { error: failure }) })
  }

  #endCopyIn(): void {
    if (!this.#joint.copyIn) return
    this.#joint.copyIn = false
    this.#joint.copyIsStale = true
  }
}

function cut(text: string): string {
  return text.length <= MESSAGE_CHARACTERS_MAX ? text : `${text.slice(0, MESSAGE_CHARACTERS_MAX)}…`
}
