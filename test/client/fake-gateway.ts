import type { GrantAnswer } from '../../src/client/gateway-api.js'
import { GatewayApi } from '../../src/client/gateway-api.js'
import type { ReviewQuery } from '../../src/client/reviews-api.js'
import { ReviewsApi } from '../../src/client/reviews-api.js'
import { type Apis, aborting, type SteadyCall } from '../../src/client/steady-gateway.js'
import type { ReviewAnswerRequest, ReviewList, ReviewView } from '../../src/domain/api.js'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'

const PEER: TunnelPeer = {
  open: () => Promise.reject(new Error('nobody opens streams here')),
  request: () => Promise.reject(new Error('nobody sends requests here')),
  closed: new Promise(() => {}),
  close: () => {},
}

/** The gateway as a command that waits sees it: what it answers is said before, what it was asked is kept. */
export class FakeGateway {
  readonly calls: (readonly [string, unknown])[] = []
  readonly grantAnswers: GrantAnswer[] = []
  found: ReviewView | undefined
  withdrawn: () => Promise<void> = async () => {}
  answered: (answer: ReviewAnswerRequest) => Promise<ReviewView> = () => Promise.reject(new Error('not said'))
  /** Called when everything that was said before has been told: from then on nothing changes. */
  onIdle: () => void = () => {}
  #changes: (readonly ReviewView[] | 'away')[] = []
  #waiting: (() => void) | undefined

  /** What each look at the list gives, in order. */
  changes(...lists: readonly (readonly ReviewView[] | 'away')[]): void {
    this.#changes.push(...lists)
    this.#waiting?.()
  }

  async once<Answer>(ask: (apis: Apis) => Promise<Answer>): Promise<Answer> {
    return ask({ grants: new FakeGrants(this), reviews: new FakeReviews(this) })
  }

  async untilAnswered<Answer>(
    ask: (apis: Apis) => Promise<Answer>,
    { signal, onLink = () => {} }: SteadyCall,
  ): Promise<Answer> {
    if (this.#changes[0] === 'away') {
      this.#changes.shift()
      onLink('away')
    }
    const answer = await aborting(this.once(ask), signal)
    onLink('live')
    return answer
  }

  async nextList(): Promise<ReviewList> {
    while (this.#changes.length === 0) {
      const more = new Promise<void>(resolve => {
        this.#waiting = resolve
      })
      this.onIdle()
      await more
    }
    const next = this.#changes.shift()
    return { reviews: next === undefined || next === 'away' ? [] : next, cursor: 'c' }
  }
}

class FakeGrants extends GatewayApi {
  constructor(readonly gateway: FakeGateway) {
    super(PEER, undefined)
  }

  override async requestGrant(request: object): Promise<GrantAnswer> {
    this.gateway.calls.push(['request', request])
    const answer = this.gateway.grantAnswers.shift()
    if (answer === undefined) throw new Error('nobody said what is answered')
    return answer
  }
}

class FakeReviews extends ReviewsApi {
  constructor(readonly gateway: FakeGateway) {
    super(PEER, undefined)
  }

  override list(_query: ReviewQuery = {}): Promise<ReviewList> {
    return this.gateway.nextList()
  }

  override async find(id: string): Promise<ReviewView> {
    this.gateway.calls.push(['find', id])
    if (this.gateway.found === undefined) throw new Error('nobody said what is found')
    return this.gateway.found
  }

  override async answer(id: string, answer: ReviewAnswerRequest): Promise<ReviewView> {
    this.gateway.calls.push(['answer', [id, answer]])
    return this.gateway.answered(answer)
  }

  override async withdraw(id: string): Promise<void> {
    this.gateway.calls.push(['withdraw', id])
    return this.gateway.withdrawn()
  }
}
