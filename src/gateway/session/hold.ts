import type { StatementFacts } from '../../domain/facts.js'
import type { ReviewId } from '../../domain/ids.js'
import { changedObjects, type ObjectVersions } from '../../domain/object-versions.js'
import type { Review } from '../../domain/review.js'
import type { EndReason } from '../../domain/session.js'
import { describeEnd, readEndReason } from '../../domain/session.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { ClientNotice, Verdict } from '../../protocols/protocol.js'
import type { Recorder } from '../recordings/recorder.js'
import type { ReviewDesk } from '../reviews/desk.js'
import { type HeldPlace, type HeldThing, heldDigest, heldSubject } from './held-operation.js'
import { isHeld } from './held-verdict.js'
import { approvedNotice, waitingNotice, whyChanged, whyNot } from './held-words.js'
import type { Judge } from './judge.js'
import { reviewEvent } from './review-event.js'

/** Why nobody waits any more for the answer to a question. */
export type HoldEnd = EndReason | 'cancelled' | 'moot' | 'too_much_behind'

const WITHDRAWALS: Readonly<Record<Exclude<HoldEnd, EndReason>, string>> = {
  cancelled: 'the statement was cancelled',
  moot: 'a statement before it failed',
  too_much_behind: 'too much was sent behind it to tell whether its client is still there',
}

/** An operation that people are to be asked about. */
export interface HeldQuestion extends HeldThing {
  /** Aborted with a `HoldEnd`. Nothing runs from then on, whatever people said. */
  readonly signal: AbortSignal
  readonly notify: (notice: ClientNotice) => void
}

/**
 * Asks people about an operation and waits. The verdict is the one the machine acts on. Rejects only when nothing may go
 * on: the recorder failed, or a bug of ours.
 */
export type Hold = (question: HeldQuestion) => Promise<Verdict>

/** Where held operations of one client connection come from, and what it takes to ask about them. */
export interface HoldOptions extends HeldPlace {
  readonly desk: ReviewDesk
  readonly recorder: Recorder
  /** Why the grant was asked for, and when it ends. */
  readonly reason: string | undefined
  readonly until: Date
  readonly judge: Judge
  readonly readVersions: (statements: readonly StatementFacts[]) => Promise<ObjectVersions>
  /** About how many rows the tables hold that would be written; undefined where nobody knows. */
  readonly estimateRows: (statements: readonly StatementFacts[]) => Promise<number | undefined>
  /** Why the session may run nothing now, or undefined. */
  readonly whyEnded: () => EndReason | undefined
  readonly reviewUrl: (id: ReviewId) => string
  /** A failure that the person is told only in general. */
  readonly onFault: (error: unknown) => void
}

/** Makes the hold of one client connection. */
export function makeHold(options: HoldOptions): Hold {
  return question => new Held(options, question).run()
}

interface Asked {
  readonly review: Review
  readonly versions: ObjectVersions
  readonly digest: string
}

/** One operation while it waits. INVARIANT 6: every way out but the last line of `#confirm` is a refusal. */
class Held {
  readonly #options: HoldOptions
  readonly #question: HeldQuestion

  constructor(options: HoldOptions, question: HeldQuestion) {
    this.#options = options
    this.#question = question
  }

  async run(): Promise<Verdict> {
    const asked = await this.#attempt(() => this.#ask())
    if (asked.kind === 'refused') return this.#refuse(asked.why, asked)
    const { review } = asked.value
    try {
      this.#record(review, 'question')
      await this.#options.recorder.commit()
    } catch (error) {
      await this.#withdraw(review, describeEnd('recorder_failed'))
      throw error
    }
    return this.#wait(asked.value)
  }

  /** The question, with everything that is bound to its answer. */
  async #ask(): Promise<Asked> {
    const { desk, session, estimateRows, readVersions, reason } = this.#options
    const { statements, decision } = this.#question.verdict
    const [versions, rowEstimate] = await Promise.all([
      readVersions(statements),
      estimateRows(statements).catch(() => undefined),
    ])
    const digest = this.#digest(versions)
    this.#question.signal.throwIfAborted()
    const review = await desk.ask({
      subject: heldSubject(this.#options, this.#question, rowEstimate),
      requester: session.principal,
      address: session.address,
      reason,
      demands: decision.demands,
      digest,
      notAfter: this.#options.until,
    })
    return { review, versions, digest }
  }

  async #wait(asked: Asked): Promise<Verdict> {
    const { desk, reviewUrl } = this.#options
    const { signal, notify, operation } = this.#question
    const { review } = asked
    const inTransaction = operation.transaction === 'open'
    notify(waitingNotice({ review, url: reviewUrl(review.id), inTransaction }))
    let settled: Review
    try {
      settled = await desk.settled(review.id, signal)
    } catch (error) {
      if (!signal.aborted) this.#options.onFault(error)
      return this.#giveUp(review)
    }
    if (signal.aborted) return this.#giveUp(review)
    if (settled.state !== 'approved') return this.#end(settled)
    const confirmed = await this.#attempt(() => this.#confirm(asked))
    if (confirmed.kind === 'done') return confirmed.value
    return this.#void(review, confirmed.why)
  }

  /**
   * A yes is here. The rules, the definitions and the right to be here are looked at once more, and then it is used up.
   * What changes between this and the target's own look cannot be seen from outside of its transaction.
   */
  async #confirm({ review, versions, digest }: Asked): Promise<Verdict> {
    const { judge, desk, readVersions, whyEnded } = this.#options
    const { operation, verdict, signal, notify } = this.#question
    const now = await judge(operation)
    if (!isHeld(now) && now.decision.kind === 'deny') {
      await this.#void(review, `rule "${now.decision.rule}" refuses it now`)
      return now
    }
    if (isHeld(now) && JSON.stringify(now.decision) !== JSON.stringify(verdict.decision))
      return this.#void(review, 'the rules were changed since it was asked')
    const versionsNow = await readVersions(now.statements)
    if (this.#digest(versionsNow) !== digest)
      return this.#void(review, whyChanged(changedObjects(versions, versionsNow)))
    const ended = whyEnded()
    if (ended !== undefined || signal.aborted) return this.#giveUp(review)
    const use = await desk.use(review.id, digest)
    this.#record(use.review, 'end')
    if (use.kind === 'refused') return this.#refuse(use.why, { review: review.id })
    // INVARIANT 5: whoever left while it was used up does not get it. It is used all the same.
    if (signal.aborted || whyEnded() !== undefined)
      return this.#refuse(this.#whyGivenUp(), { review: review.id, isWithdrawn: true })
    notify(approvedNotice(use.review))
    const rule = verdict.decision.demands[0]?.rule
    return { ...now, decision: { kind: 'allow', rule, review: review.id } }
  }

  #digest(objects: ObjectVersions): string {
    return heldDigest(this.#options, this.#question, objects)
  }

  /** Nobody waits any more. */
  async #giveUp(review: Review): Promise<Verdict> {
    return this.#end(await this.#withdraw(review, this.#whyGivenUp()))
  }

  #whyGivenUp(): string {
    const { signal } = this.#question
    const end = (signal.aborted ? readHoldEnd(signal.reason) : this.#options.whyEnded()) ?? 'fault'
    return end === 'cancelled' || end === 'moot' || end === 'too_much_behind'
      ? WITHDRAWALS[end]
      : describeEnd(end)
  }

  async #withdraw(review: Review, why: string): Promise<Review> {
    return this.#options.desk.withdraw(review.id, why).catch(error => {
      // The question ends by itself, and its answer is never looked at.
      this.#options.onFault(error)
      return { ...review, state: 'withdrawn', why }
    })
  }

  async #void(review: Review, why: string): Promise<Verdict> {
    const voided = await this.#options.desk.void(review.id, why).catch((error): Review => {
      this.#options.onFault(error)
      return { ...review, state: 'voided', why }
    })
    this.#record(voided, 'end')
    return this.#refuse(why, { review: review.id })
  }

  /** The question is over without a yes that counts. */
  #end(review: Review): Verdict {
    this.#record(review, 'end')
    const isWithdrawn = review.state === 'withdrawn' && this.#question.signal.reason !== 'too_much_behind'
    return this.#refuse(whyNot(review), { review: review.id, isWithdrawn })
  }

  #refuse(
    why: string,
    more: {
      readonly review?: ReviewId
      readonly isWithdrawn?: boolean
      readonly hint?: string | undefined
    },
  ): Verdict {
    const { verdict } = this.#question
    const [first] = verdict.decision.demands
    if (first === undefined) throw new Error('an operation is held by no rule')
    return {
      ...verdict,
      decision: {
        kind: 'deny',
        rule: first.rule,
        message: why,
        hint: more.hint,
        ...(more.review === undefined ? {} : { review: more.review }),
        ...(more.isWithdrawn === true ? { cause: 'withdrawn' } : {}),
      },
    }
  }

  /** Fails closed: what cannot be asked or confirmed is refused. A recorder that failed ends everything. */
  async #attempt<Value>(work: () => Promise<Value>): Promise<Attempt<Value>> {
    try {
      return { kind: 'done', value: await work() }
    } catch (error) {
      if (this.#question.signal.aborted)
        return { kind: 'refused', why: this.#whyGivenUp(), isWithdrawn: true }
      if (error instanceof HoopError && error.code !== 'recording_failed')
        return { kind: 'refused', why: error.message, isWithdrawn: false, hint: error.hint }
      throw error
    }
  }

  #record(review: Review, what: 'question' | 'end'): void {
    this.#options.recorder.append(reviewEvent(this.#options.client, review, what))
  }
}

type Attempt<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | {
      readonly kind: 'refused'
      readonly why: string
      readonly isWithdrawn: boolean
      readonly hint?: string | undefined
    }

function readHoldEnd(reason: unknown): HoldEnd | undefined {
  if (reason === 'cancelled' || reason === 'moot' || reason === 'too_much_behind') return reason
  return typeof reason === 'string' ? readEndReason(reason) : undefined
}
