import type { ReviewList, ReviewView } from '../domain/api.js'
import { HoopError } from '../lib/hoop-error.js'
import type { ReviewQuery } from './reviews-api.js'
import type { SteadyCall, SteadyGateway } from './steady-gateway.js'

/** How long the gateway holds a question after changes before it answers that there were none. */
const POLL_SECONDS = 20

export interface FollowOptions extends SteadyCall {
  readonly gateway: Pick<SteadyGateway, 'untilAnswered'>
  readonly query: ReviewQuery
}

/** The reviews of a query, then those that changed, each time some did or the wait was over; until the signal aborts. */
export async function* followReviews(options: FollowOptions): AsyncGenerator<readonly ReviewView[]> {
  const { gateway, query, ...call } = options
  const ask = (more: ReviewQuery): Promise<ReviewList> =>
    gateway.untilAnswered(({ reviews }) => reviews.list({ ...query, ...more }), call)
  let list = await ask({})
  for (;;) {
    yield list.reviews
    const after = list.cursor
    list = await ask({ after, waitSeconds: POLL_SECONDS }).catch(error => {
      // A gateway that does not know the cursor any more, as after a restart: everything is read anew.
      if (error instanceof HoopError && error.code === 'usage') return ask({})
      throw error
    })
  }
}
