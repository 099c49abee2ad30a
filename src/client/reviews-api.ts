import type { ReviewAnswerRequest, ReviewList, ReviewView } from '../domain/api.js'
import { readReviewId } from '../domain/ids.js'
import { HoopError } from '../lib/hoop-error.js'
import type { TunnelPeer } from '../tunnel/stream-request.js'
import { callApi } from './api-call.js'

/** What of the reviews that one may see: by state, one's own, those one may answer; and what changed after a cursor. */
export interface ReviewQuery {
  readonly state?: ReviewView['state']
  readonly mine?: boolean
  readonly answerable?: boolean
  readonly after?: string
  /** Seconds to wait for a change after the cursor. */
  readonly waitSeconds?: number
}

/** What checks the answers takes long to load, and many commands that wait for nobody never need it. */
const loadShapes = () => import('./review-shape.js')

/** Questions to people, over a tunnel that is open. Each call fails with the gateway's own code, message and hint. */
export class ReviewsApi {
  constructor(
    readonly peer: TunnelPeer,
    readonly token: string | undefined,
  ) {}

  async list({ state, mine, answerable, after, waitSeconds }: ReviewQuery = {}): Promise<ReviewList> {
    const query = new URLSearchParams({
      ...(state === undefined ? {} : { state }),
      ...(mine ? { mine: '1' } : {}),
      ...(answerable ? { answerable: '1' } : {}),
      ...(after === undefined ? {} : { after }),
      ...(waitSeconds === undefined ? {} : { wait: String(waitSeconds) }),
    })
    const { body } = await callApi(this, { method: 'GET', path: `/v1/reviews?${query}` })
    return (await loadShapes()).readReviewList(body)
  }

  async find(id: string): Promise<ReviewView> {
    const { body } = await callApi(this, { method: 'GET', path: pathOf(id) })
    return (await loadShapes()).readReview(body)
  }

  async answer(id: string, answer: ReviewAnswerRequest): Promise<ReviewView> {
    const request = { method: 'POST', path: `${pathOf(id)}/answers`, body: JSON.stringify(answer) } as const
    const { body } = await callApi(this, request)
    return (await loadShapes()).readReview(body)
  }

  /** Takes one's own question back. */
  async withdraw(id: string): Promise<void> {
    await callApi(this, { method: 'DELETE', path: pathOf(id) })
  }
}

/** Reads a review's name as a person gives it: in full. Fails with `usage`. */
export function readReviewName(text: string): string {
  const id = readReviewId(text)
  if (id !== undefined) return id
  throw new HoopError('usage', `Cannot read review "${text}": a name like r-0123456789abcdef is expected`, {
    hint: 'hoop reviews list',
  })
}

function pathOf(id: string): string {
  return `/v1/reviews/${encodeURIComponent(id)}`
}
