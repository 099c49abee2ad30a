import type { Context, Hono } from 'hono'
import type { ReviewList } from '../../domain/api.js'
import { readReviewId } from '../../domain/ids.js'
import { isSamePrincipal } from '../../domain/principal.js'
import { REVIEW_STATES, type ReviewState } from '../../domain/review-state.js'
import { HoopError } from '../../lib/hoop-error.js'
import { type Reader, type ReadReview, type ReviewPage, ReviewReader } from '../reviews/review-reader.js'
import { unknownReview } from '../reviews/review-refusals.js'
import type { ApiDeps, ApiVariables } from './api.js'
import { readBody, reviewAnswerShape } from './read-body.js'
import { viewPast, viewReview } from './review-views.js'

/** How long a request may wait for changes, in seconds: below every time-out of the tunnel and of proxies. */
const WAIT_SECONDS_MAX = 25

/** Routes by which people read, answer and take back questions. */
export function addReviewRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  const reader = new ReviewReader({ store: deps.store, desk: deps.reviews, now: deps.now })
  const view = (read: ReadReview) => viewReview(read, `${deps.discovery.gateway}/reviews/${read.review.id}`)
  const viewPage = ({ reviews, reading }: ReviewPage): ReviewList => {
    return { reviews: reviews.map(view), cursor: writeCursor(reading) }
  }
  const readerOf = ({ var: { principal }, env: { address } }: Context<ApiVariables>): Reader => {
    return { principal, address, isAuditor: deps.policies().isAuditor(principal) }
  }
  api.get('/v1/reviews', async context => {
    const mine = context.req.query('mine') !== undefined
    const answerable = context.req.query('answerable') !== undefined
    const after = context.req.query('after')
    const states = readState(context.req.query('state'))
    const waitSeconds = readWait(context.req.query('wait'))
    if (after === undefined) {
      return context.json(viewPage(await reader.list(readerOf(context), { states, mine, answerable })))
    }
    // Ends when the wait is over, when the client has gone and when the gateway stops, whatever comes first.
    const signal = AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(waitSeconds * 1000)])
    const changes = { after: readCursor(after), signal }
    return context.json(viewPage(await reader.changes(readerOf(context), { mine }, changes)))
  })
  api.get('/v1/reviews/:id', async context => {
    const asking = readerOf(context)
    const read = await reader.view(asking, context.req.param('id'))
    const history = await reader.history(asking, read.review)
    return context.json({ ...view(read), history: history.map(viewPast) })
  })
  api.post('/v1/reviews/:id/answers', async context => {
    const request = await readBody(context, reviewAnswerShape)
    const asking = readerOf(context)
    const { id } = await reader.find(asking, context.req.param('id'))
    const { principal: by, address } = asking
    const { verdict, digest } = request
    const comment = request.comment?.trim() || undefined
    const answered = await deps.reviews.answer(id, { by, address, verdict, comment, digest })
    return context.json(view(await reader.read(asking, answered)))
  })
  api.delete('/v1/reviews/:id', async context => {
    await withdrawOwn(deps, reader, { asking: readerOf(context), text: context.req.param('id') })
    return context.body(null, 204)
  })
}

/** Takes one's own question back. What has ended otherwise is not taken back any more, and says so. */
async function withdrawOwn(
  deps: ApiDeps,
  reader: ReviewReader,
  { asking, text }: { readonly asking: Reader; readonly text: string },
): Promise<void> {
  const { principal, address } = asking
  const review = await reader.find(asking, text)
  const id = readReviewId(text)
  if (id === undefined) throw unknownReview(text)
  if (!isSamePrincipal(review.requester, principal)) {
    throw new HoopError('forbidden', `Cannot withdraw review "${id}": it is not your question`, {
      hint: `hoop reviews show ${id}`,
    })
  }
  const after = await deps.reviews.withdraw(id, 'whoever asked took it back', { principal, address })
  if (after.state === 'withdrawn') return
  throw new HoopError('conflict', `Cannot withdraw review "${id}": it is ${after.state}`, {
    hint: `hoop reviews show ${id}`,
  })
}

function readState(text: string | undefined): readonly ReviewState[] | undefined {
  if (text === undefined) return undefined
  const state = REVIEW_STATES.find(one => one === text)
  if (state !== undefined) return [state]
  throw new HoopError(
    'usage',
    `Cannot list reviews in state "${text}": there are ${REVIEW_STATES.join(', ')}`,
  )
}

function readWait(text: string | undefined): number {
  if (text === undefined) return 0
  const seconds = Number(text)
  if (/^\d{1,3}$/.test(text) && seconds <= WAIT_SECONDS_MAX) return seconds
  throw new HoopError(
    'usage',
    `Cannot wait "${text}" seconds for reviews: the wait is from 0 to ${WAIT_SECONDS_MAX}`,
  )
}

const CURSOR = /^c([0-9a-z]{1,10})$/

function writeCursor(reading: number): string {
  return `c${reading.toString(36)}`
}

function readCursor(text: string): number {
  const digits = CURSOR.exec(text)?.[1]
  if (digits !== undefined) return Number.parseInt(digits, 36)
  throw new HoopError('usage', 'Cannot list reviews: the cursor is none that the gateway gave')
}
