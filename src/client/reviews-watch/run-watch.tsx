import { render } from 'ink'
import { followReviews } from '../follow-reviews.js'
import type { SteadyGateway } from '../steady-gateway.js'
import { sizeOf, WatchScreen } from './watch-screen.js'
import { WatchStore } from './watch-store.js'

/** The screen beside the one that is scrolled: what was on the terminal is there again afterwards (xterm, 1049). */
const ENTER_SCREEN = '\u001b[?1049h'
const LEAVE_SCREEN = '\u001b[?1049l'
const BELL = '\u0007'
/** What ends the screen from outside; Ctrl-C is a key to it. */
const STOPS = ['SIGTERM', 'SIGHUP'] as const

export interface WatchOptions {
  readonly gateway: SteadyGateway
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly styled: boolean
}

/** Shows the screen until the person leaves it. Rejects when the gateway refuses; one that is away is tried again. */
export async function runWatch({ gateway, stdin, stdout, styled }: WatchOptions): Promise<void> {
  const stop = new AbortController()
  const store = new WatchStore(
    {
      answer: ({ review, verdict, comment }) =>
        gateway.once(({ reviews }) =>
          reviews.answer(review.id, {
            verdict,
            digest: review.digest,
            ...(comment === undefined ? {} : { comment }),
          }),
        ),
      bell: () => void stdout.write(BELL),
      leave: () => stop.abort(),
      now: () => new Date(),
    },
    sizeOf(stdout),
  )
  const stopped = (): void => stop.abort()
  for (const signal of STOPS) process.once(signal, stopped)
  const leaveScreen = (): void => void stdout.write(LEAVE_SCREEN)
  stdout.write(ENTER_SCREEN)
  process.once('exit', leaveScreen)
  const screen = render(<WatchScreen store={store} styled={styled} />, { stdin, stdout, patchConsole: false })
  try {
    const left = screen.waitUntilExit().then(() => stop.abort())
    await Promise.race([feed({ gateway, store, signal: stop.signal }), left])
  } finally {
    stop.abort()
    screen.unmount()
    process.off('exit', leaveScreen)
    for (const signal of STOPS) process.off(signal, stopped)
    leaveScreen()
  }
}

/** At first what can be answered; afterwards everything that changes, so that an answer elsewhere is seen. */
const OPEN = { state: 'pending', answerable: true } as const

interface Feeding {
  readonly gateway: SteadyGateway
  readonly store: WatchStore
  readonly signal: AbortSignal
}

/** Gives the store what changes, until the signal aborts. */
async function feed({ gateway, store, signal }: Feeding): Promise<void> {
  const onLink = (link: 'live' | 'away'): void => {
    if (store.state().link !== link) store.take({ kind: 'link', link })
  }
  try {
    for await (const reviews of followReviews({ gateway, query: OPEN, signal, onLink })) {
      store.take({ kind: 'reviews', reviews })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
