import { countApprovals, type Seen } from '../../domain/approval-count.js'
import { makeReviewId, type RandomBytes, type ReviewId } from '../../domain/ids.js'
import type { Principal } from '../../domain/principal.js'
import type { Review } from '../../domain/review.js'
import {
  describeEnd,
  isAfterwards,
  isOpen,
  isOverdue,
  nextReview,
  pendingUntil,
  type ReviewEvent,
  type ReviewStep,
} from '../../domain/review-machine.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { StoredReview } from '../../store/review-rows.js'
import type { Store } from '../../store/store.js'
import type { Log } from '../../tunnel/log.js'
import { ChangeFeed } from './change-feed.js'
import type { AnswerRequest, ReviewDesk, ReviewQuestion, Use, Withdrawing } from './desk.js'
import { auditAsked, auditChange, auditRefused, type Doing } from './review-audit.js'
import { asksTooMuch, refusedStep, unknownReview, whyNotAsked } from './review-refusals.js'
import { waitSettled } from './wait-settled.js'

/** questions of one person that wait at once, and that are asked within the time below. */
export const PENDING_MAX = 20
export const RECENT_MAX = 60
const RECENT_MS = 10 * 60_000
/** Times a change is tried anew because somebody else made one. More answers than that do not come at once. */
const TRIES_MAX = 64
/** How often questions are looked through whose time is over. */
const SWEEP_MS = 5_000

const LOST = 'the gateway that held it stopped'
const GATEWAY: Omit<Doing, 'at'> = { actor: { kind: 'gateway' }, address: undefined }

/** Is told of questions: notifications. What it does takes nothing from the question, not even when it fails. */
export interface ReviewObserver {
  /** Asked, and not the same as one that waits already. */
  asked(review: Review): Promise<void>
  /** Not pending any more. */
  ended(review: Review): Promise<void>
}

export interface ReviewDeskDeps {
  readonly store: Pick<Store, 'kind' | 'reviews' | 'principals' | 'audit'>
  readonly now: () => Date
  readonly randomBytes: RandomBytes
  readonly log: Log
  readonly observer?: ReviewObserver | undefined
  /** Other limits than `PENDING_MAX` and `RECENT_MAX`. */
  readonly limits?: { readonly pendingMax: number; readonly recentMax: number } | undefined
}

/** The desk on the store. Holds nothing that a restart would lose but who waits here. */
export class StoreReviewDesk implements ReviewDesk {
  readonly feed: ChangeFeed
  readonly #deps: ReviewDeskDeps
  #sweeper: NodeJS.Timeout | undefined

  constructor(deps: ReviewDeskDeps) {
    this.#deps = deps
    const { store, log } = deps
    this.feed = new ChangeFeed({ reviews: store.reviews, isShared: store.kind === 'postgres', log })
  }

  /** Ends questions whose time is over, also those that nobody waits for, from now on. */
  start(): void {
    this.#sweeper ??= setInterval(() => void this.sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  /** Wakes whoever waits for changes: the gateway stops. Questions stay as they are. */
  close(): void {
    clearInterval(this.#sweeper)
    this.feed.close()
  }

  async ask(question: ReviewQuestion): Promise<Review> {
    const { subject, requester, address, reason, demands, digest, notAfter } = question
    const { now, randomBytes, limits, store } = this.#deps
    const at = now()
    const until = pendingUntil({ subject, demands }, { now: at, notAfter })
    const id = makeReviewId(randomBytes)
    const base = { id, subject, requester, address, reason, demands, digest, askedAt: at, until }
    const review: Review = { ...base, state: 'pending', stateAt: at, why: undefined, answers: [] }
    const why = whyNotAsked(question)
    if (why !== undefined) return this.#refuseQuestion(review, why)
    const { pendingMax, recentMax } = limits ?? { pendingMax: PENDING_MAX, recentMax: RECENT_MAX }
    const recentSince = new Date(at.getTime() - RECENT_MS)
    // INVARIANT 12: the entry comes with the question, in one transaction.
    const asking = await store.reviews.ask(review, {
      limits: { pendingMax, recentMax, recentSince },
      audit: auditAsked(review),
    })
    if (asking.kind === 'refused') return this.#refuseQuestion(review, asksTooMuch(asking.because))
    if (asking.kind === 'asked') {
      this.feed.tell(id)
      // that the glass was broken is told each time.
      if (!asking.repeated || isAfterwards(review)) this.#tell('asked', review)
    }
    return asking.stored.review
  }

  async find(id: ReviewId): Promise<Review | undefined> {
    return (await this.#load(id))?.review
  }

  async answer(id: ReviewId, request: AnswerRequest): Promise<Review> {
    const { by, address, verdict, comment, digest } = request
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const stored = await this.#load(id)
      if (stored === undefined) throw unknownReview(id)
      const at = this.#deps.now()
      const doing = { at, actor: actorOf(by), address }
      const seen = await this.#seen([by, stored.review.requester, ...voices(stored.review)])
      const event = { kind: 'answer', answer: { by, address, verdict, comment, at }, digest, seen } as const
      const step = nextReview(stored.review, event, at)
      if (step.kind === 'refused') {
        await this.#deps.store.audit.append(auditRefused(stored.review, verdict, { doing, why: step.why }))
        throw refusedStep(id, 'answer', step)
      }
      const changed = await this.#change(stored, step.review, doing)
      if (changed !== undefined) return changed.review
    }
    throw tooBusy(id)
  }

  async withdraw(id: ReviewId, why: string, by?: Withdrawing): Promise<Review> {
    const doer = by && { actor: actorOf(by.principal), address: by.address }
    const { review, step } = await this.#apply(id, () => ({ kind: 'withdraw', why }), doer)
    if (step.kind === 'refused' && step.code === 'forbidden') throw refusedStep(id, 'withdraw', step)
    return review
  }

  async void(id: ReviewId, why: string): Promise<Review> {
    return (await this.#apply(id, () => ({ kind: 'void', why }))).review
  }

  async use(id: ReviewId, digest: string): Promise<Use> {
    const event = async (review: Review): Promise<ReviewEvent> => {
      return { kind: 'use', digest, seen: await this.#seen([review.requester, ...voices(review)]) }
    }
    const { review, step } = await this.#apply(id, event)
    if (step.kind === 'changed' && review.state === 'used') return { kind: 'used', review }
    const why = step.kind === 'refused' ? step.why : describeEnd(review)
    return { kind: 'refused', why, review }
  }

  settled(id: ReviewId, signal: AbortSignal): Promise<Review> {
    const read = async (): Promise<Review> => {
      const review = await this.find(id)
      if (review === undefined) throw unknownReview(id)
      return review
    }
    const { now } = this.#deps
    return waitSettled({ id, read, listen: listener => this.feed.listen(listener), now, signal })
  }

  /** Yeses that count now, for each demand. */
  async given(review: Review): Promise<readonly number[]> {
    return countApprovals(review, await this.#seen([review.requester, ...voices(review)])).given
  }

  /** What the provider said last of these people, to judge who may answer. */
  seen(people: readonly Principal[]): Promise<Seen> {
    return this.#seen(people)
  }

  /** Ends every question whose time is over. Never rejects. */
  async sweep(): Promise<void> {
    try {
      for (const stored of await this.#deps.store.reviews.listOverdue(this.#deps.now())) {
        await this.#expire(stored)
      }
    } catch (error) {
      this.#deps.log.warn({ cause: describeError(error) }, 'reviews that are over could not be ended')
    }
  }

  /**
   * Withdraws the questions of operations that a gateway held which does not run any more: nothing of them is left to run.
   * On the embedded store, which has one gateway, before that one opens any session.
   */
  async withdrawLost(): Promise<void> {
    for (;;) {
      const lost = await this.#deps.store.reviews.listLost()
      let ended = 0
      for (const { review } of lost) {
        const after = await this.#apply(review.id, () => ({ kind: 'withdraw', why: LOST }), GATEWAY)
        if (!isOpen(after.review)) ended += 1
      }
      if (ended === 0) return
    }
  }

  /** The review as it is now; one whose time is over has ended by it. */
  async #load(id: ReviewId): Promise<StoredReview | undefined> {
    const stored = await this.#deps.store.reviews.find(id)
    if (stored === undefined || !isOverdue(stored.review, this.#deps.now())) return stored
    await this.#expire(stored)
    return this.#deps.store.reviews.find(id)
  }

  async #expire(stored: StoredReview): Promise<void> {
    const at = this.#deps.now()
    const step = nextReview(stored.review, { kind: 'expire' }, at)
    if (step.kind === 'refused') return
    await this.#change(stored, step.review, { at, ...GATEWAY })
  }

  /** Does to a review what is asked for as soon as nobody else does something to it. */
  async #apply(
    id: ReviewId,
    makeEvent: (review: Review) => ReviewEvent | Promise<ReviewEvent>,
    doer?: Omit<Doing, 'at'>,
  ): Promise<{ readonly review: Review; readonly step: ReviewStep }> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const stored = await this.#load(id)
      if (stored === undefined) throw unknownReview(id)
      const event = await makeEvent(stored.review)
      const at = this.#deps.now()
      const step = nextReview(stored.review, event, at)
      const { requester, address } = stored.review
      const doing = { at, ...(doer ?? { actor: actorOf(requester), address }) }
      if (step.kind === 'refused') {
        if (event.kind === 'use' || step.code === 'forbidden') {
          const entry = auditRefused(stored.review, event.kind, { doing, why: step.why })
          await this.#deps.store.audit.append(entry)
        }
        return { review: stored.review, step }
      }
      const changed = await this.#change(stored, step.review, doing)
      if (changed !== undefined) return { review: changed.review, step }
    }
    throw tooBusy(id)
  }

  async #change(from: StoredReview, to: Review, doing: Doing): Promise<StoredReview | undefined> {
    const audit = auditChange(from.review, to, doing)
    const changed = await this.#deps.store.reviews.change(from, { to, audit })
    if (changed === undefined) return undefined
    this.feed.tell(to.id)
    if (from.review.state === 'pending' && to.state !== 'pending') this.#tell('ended', to)
    return changed
  }

  async #refuseQuestion(review: Review, why: HoopError): Promise<never> {
    const { requester, address, askedAt } = review
    const doing = { at: askedAt, actor: actorOf(requester), address }
    await this.#deps.store.audit.append(auditRefused(review, 'ask', { doing, why: why.message }))
    throw why
  }

  async #seen(people: readonly Principal[]): Promise<Seen> {
    const known = new Map<string, Principal>()
    for (const person of people) {
      if (known.has(keyOf(person))) continue
      const found = await this.#deps.store.principals.find(person)
      if (found !== undefined) known.set(keyOf(person), found.principal)
    }
    return principal => known.get(keyOf(principal))
  }

  #tell(what: 'asked' | 'ended', review: Review): void {
    const { observer, log } = this.#deps
    observer?.[what](review).catch((error: unknown) => {
      log.error({ review: review.id, cause: describeError(error) }, 'nobody could be told of a review')
    })
  }
}

function voices({ answers }: Review): readonly Principal[] {
  return answers.map(({ by }) => by)
}

function keyOf({ issuer, subject }: Principal): string {
  return JSON.stringify([issuer, subject])
}

function tooBusy(id: ReviewId): HoopError {
  return new HoopError('conflict', `Cannot change review "${id}": too many others change it at once`)
}
