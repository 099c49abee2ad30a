import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { EndReason, LoopbackVerifier } from '../../domain/session.js'
import type {
  CancelKey,
  ClientStart,
  ClientStartAction,
  ClientStarted,
  Protocol,
} from '../../protocols/protocol.js'

/** How long a client may take to say who it is: half a start-up packet left hanging must not hold anything. */
const CLIENT_START_MS = 30_000

/** How the first part of a client connection went. */
export type HandshakeOutcome =
  | { readonly kind: 'started'; readonly start: ClientStarted }
  | { readonly kind: 'cancel'; readonly key: CancelKey }
  | { readonly kind: 'closed'; readonly reason: EndReason; readonly message: string }

/** Runs the client's side of a protocol up to where the client is known. Never rejects; leaves the stream paused. */
export function shakeHands(
  client: Duplex,
  protocol: Protocol,
  verifier: LoopbackVerifier,
): Promise<HandshakeOutcome> {
  const start: ClientStart = protocol.startClient({ verifier, randomBytes })
  return new Promise(resolve => {
    const settle = (outcome: HandshakeOutcome): void => {
      clearTimeout(timer)
      client.pause()
      client.off('data', onData)
      client.off('end', onGone)
      client.off('close', onGone)
      resolve(outcome)
    }
    const onGone = (): void =>
      settle({ kind: 'closed', reason: 'client_closed', message: 'the client went away' })
    const perform = (actions: readonly ClientStartAction[]): void => {
      for (const action of actions) {
        if (action.kind === 'toClient') client.write(action.bytes)
        else if (action.kind === 'close') return settle({ ...action, kind: 'closed' })
        else return settle(action)
      }
    }
    const onData = (chunk: Buffer): void => perform(start.fromClient(chunk))
    const timer = setTimeout(
      () =>
        settle({ kind: 'closed', reason: 'client_closed', message: 'the client did not finish its start' }),
      CLIENT_START_MS,
    )
    timer.unref()
    client.on('error', () => {})
    client.on('data', onData)
    client.once('end', onGone)
    client.once('close', onGone)
    perform(start.begin())
  })
}
