import { setTimeout as delay } from 'node:timers/promises'
import { mayAnswer, type Seen } from '../../domain/approval-count.js'
import { type ReviewId, readReviewId } from '../../domain/ids.js'
import { isSamePrincipal, type Principal } from '../../domain/principal.js'
import type { Review } from '../../domain/review.js'
import type { ReviewState } from '../../domain/review-state.js'
import { HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { StoredReview } from '../../store/review-rows.js'
import type { Store } from '../../store/store.js'
import { auditViewed } from './review-audit.js'
import type { StoreReviewDesk } from './review-desk.js'
import { unknownReview } from './review-refusals.js'

/** Reviews of one answer, and how long the subjects in it may be together, in UTF-16 units: the last one may exceed it. */
const LISTED_MAX = 100
const LISTED_LENGTH_MAX = 4 * 1024 * 1024
/** What the requester asked lately, as somebody who answers sees it. */
const HISTORY_MAX = 20
/** Who waits for changes at once: of one person, in their terminals and pages, and in all. */
const WAITING_PER_PERSON_MAX = 8
const WAITING_MAX = 2_000
/** Changes that come together are read together. */
const COALESCE_MS = 25
/** Readers whose reading a review by a list is remembered, so that a screen that stays open is one entry and not thousands. */
const REMEMBERED_MAX = 20_000

/** Who reads, and from where. */
export interface Reader {
  readonly principal: Principal
  readonly address: string
  readonly isAuditor: boolean
}

/** Which reviews a list is of. */
export interface ReviewQuery {
  readonly states?: readonly ReviewState[] | undefined
  /** Only the reader's own. */
  readonly mine: boolean
  /** Only those that the reader may answer now. */
  readonly answerable: boolean
}

/** A review as one reader sees it. */
export interface ReadReview {
  readonly review: Review
  readonly answerable: boolean
  /** Yeses that count, for each demand. */
  readonly given: readonly number[]
}

/** Reviews and where to go on from. */
export interface ReviewPage {
  readonly reviews: readonly ReadReview[]
  readonly reading: number
}

export interface ReviewReaderDeps {
  readonly store: Pick<Store, 'reviews' | 'audit'>
  readonly desk: StoreReviewDesk
  readonly now: () => Date
}

/**
 * Reviews for people. INVARIANT: who neither asked, nor may answer, nor audits learns nothing of a review, not even that it
 * is there. INVARIANT 12: that somebody read another one's question is in the audit log before they see it.
 */
export class ReviewReader {
  readonly #deps: ReviewReaderDeps
  readonly #viewed = new Set<string>()
  readonly #waiting = new Map<string, number>()
  #waitingCount = 0

  constructor(deps: ReviewReaderDeps) {
    this.#deps = deps
  }

  /** The review of this name; fails with `not_found`, in the same words when there is none and when it is not for the reader. */
  async find(reader: Reader, text: string): Promise<Review> {
    const id: ReviewId | undefined = readReviewId(text)
    const review = id === undefined ? undefined : await this.#deps.desk.find(id)
    if (review === undefined) throw unknownReview(text)
    if (!isVisible(review, reader, await this.#deps.desk.seen([review.requester, reader.principal]))) {
      throw unknownReview(text)
    }
    return review
  }

  /** Reads a review to be shown in full; each time is an entry of the audit log, unless it is one's own. */
  async view(reader: Reader, text: string): Promise<ReadReview> {
    const review = await this.find(reader, text)
    await this.#noteViewed([review], reader)
    return this.read(reader, review)
  }

  /** What this requester asked lately on the same connection, of what the reader may see; newest first. */
  async history(reader: Reader, { id, requester, subject }: Review): Promise<readonly Review[]> {
    const rows = await this.#deps.store.reviews.list({
      reader: reader.isAuditor ? undefined : reader.principal,
      requester,
      connection: subject.connection,
      limit: HISTORY_MAX + 1,
    })
    const seen = await this.#deps.desk.seen([requester, reader.principal])
    return rows
      .map(({ review }) => review)
      .filter(review => review.id !== id && isVisible(review, reader, seen))
      .slice(0, HISTORY_MAX)
  }

  /** The newest reviews of a query. Going on from its reading misses none. */
  async list(reader: Reader, query: ReviewQuery): Promise<ReviewPage> {
    // Read first: what changes meanwhile is told twice rather than never.
    const reading = await this.#deps.store.reviews.reading()
    const rows = await this.#deps.store.reviews.list({
      ...filterOf(reader, query),
      states: query.answerable ? ['pending'] : query.states,
      limit: LISTED_MAX,
    })
    const reviews = await this.#readable(reader, rows)
    return { reviews: query.answerable ? reviews.filter(({ answerable }) => answerable) : reviews, reading }
  }

  /**
   * What changed after a reading, in order, whatever it changed to: who lists open questions hears that one has ended. Waits
   * for the first change as long as the signal lets it. Fails with `usage` when the reading is none of this store's.
   */
  async changes(
    reader: Reader,
    query: Pick<ReviewQuery, 'mine'>,
    { after, signal }: { readonly after: number; readonly signal: AbortSignal },
  ): Promise<ReviewPage> {
    const release = this.#takePlace(reader)
    let wake: () => void = () => undefined
    let changed = new Promise<void>(resolve => {
      wake = resolve
    })
    const unlisten = this.#deps.desk.feed.listen(() => wake())
    signal.addEventListener('abort', () => wake(), { once: true })
    try {
      for (let reading = after; ; ) {
        const page = await this.#changedAfter(reader, query, reading)
        if (page.reviews.length > 0 || signal.aborted || this.#deps.desk.feed.closed) return page
        reading = page.reading
        await changed
        changed = new Promise(resolve => {
          wake = resolve
        })
        if (!signal.aborted) await delay(COALESCE_MS)
      }
    } finally {
      unlisten()
      release()
    }
  }

  /** A review as this reader sees it. */
  async read(reader: Reader, review: Review): Promise<ReadReview> {
    const seen = await this.#deps.desk.seen([review.requester, reader.principal])
    const isOpen = review.state === 'pending' && this.#deps.now() < review.until
    const hasAnswered = review.answers.some(({ by }) => isSamePrincipal(by, reader.principal))
    const answerable = isOpen && !hasAnswered && mayAnswer(review, reader.principal, seen)
    return { review, answerable, given: await this.#deps.desk.given(review) }
  }

  async #changedAfter(reader: Reader, query: Pick<ReviewQuery, 'mine'>, after: number): Promise<ReviewPage> {
    const now = await this.#deps.store.reviews.reading()
    if (after > now) throw new HoopError('usage', 'Cannot list reviews: the cursor is not known here')
    // Most who wait are woken for what is not for them.
    if (after === now) return { reviews: [], reading: now }
    const filter = { ...filterOf(reader, query), changedAfter: after, limit: LISTED_MAX }
    const rows = await this.#deps.store.reviews.list(filter)
    const kept = withinLength(rows)
    const reading =
      kept.length < LISTED_MAX && kept.length === rows.length ? now : (kept.at(-1)?.changed ?? now)
    return { reviews: await this.#readable(reader, kept), reading }
  }

  async #readable(reader: Reader, rows: readonly StoredReview[]): Promise<readonly ReadReview[]> {
    const reviews = withinLength(rows).map(({ review }) => review)
    const seen = await this.#deps.desk.seen([reader.principal, ...reviews.map(({ requester }) => requester)])
    const visible = reviews.filter(review => isVisible(review, reader, seen))
    await this.#noteViewed(
      visible.filter(({ id }) => !this.#viewed.has(viewKey(id, reader.principal))),
      reader,
    )
    const read: ReadReview[] = []
    for (const review of visible) read.push(await this.read(reader, review))
    return read
  }

  async #noteViewed(reviews: readonly Review[], { principal, address }: Reader): Promise<void> {
    const doing = { at: this.#deps.now(), actor: actorOf(principal), address }
    const others = reviews.filter(({ requester }) => !isSamePrincipal(requester, principal))
    await Promise.all(others.map(review => this.#deps.store.audit.append(auditViewed(review, doing))))
    if (this.#viewed.size + others.length > REMEMBERED_MAX) this.#viewed.clear()
    for (const { id } of others) this.#viewed.add(viewKey(id, principal))
  }

  /** Takes one of the places of those who wait; answers the way to give it back. */
  #takePlace({ principal }: Reader): () => void {
    const key = JSON.stringify([principal.issuer, principal.subject])
    const mine = this.#waiting.get(key) ?? 0
    if (mine >= WAITING_PER_PERSON_MAX || this.#waitingCount >= WAITING_MAX) {
      throw new HoopError('limit_exceeded', 'Cannot wait for reviews: too many wait already', {
        hint: 'close another "hoop reviews watch"',
      })
    }
    this.#waiting.set(key, mine + 1)
    this.#waitingCount += 1
    return () => {
      const left = (this.#waiting.get(key) ?? 1) - 1
      if (left === 0) this.#waiting.delete(key)
      else this.#waiting.set(key, left)
      this.#waitingCount -= 1
    }
  }
}

function isVisible(review: Review, { principal, isAuditor }: Reader, seen: Seen): boolean {
  return isAuditor || isSamePrincipal(review.requester, principal) || mayAnswer(review, principal, seen)
}

function filterOf({ principal, isAuditor }: Reader, { mine }: Pick<ReviewQuery, 'mine'>) {
  return {
    reader: isAuditor ? undefined : principal,
    ...(mine ? { requester: principal } : {}),
  }
}

/** The first of them whose subjects are not too long together, and at least one. */
function withinLength(rows: readonly StoredReview[]): readonly StoredReview[] {
  let length = 0
  const end = rows.findIndex(({ review: { subject } }) => {
    const isFull = length > LISTED_LENGTH_MAX
    length += subject.kind === 'operation' ? JSON.stringify(subject).length : 0
    return isFull
  })
  return end < 0 ? rows : rows.slice(0, end)
}

function viewKey(id: ReviewId, { issuer, subject }: Principal): string {
  return JSON.stringify([id, issuer, subject])
}
