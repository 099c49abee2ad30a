import { constants, type Http2Session, type Settings } from 'node:http2'
import type { Duplex } from 'node:stream'
import {
  CONNECTION_WINDOW_BYTES,
  FRAME_BYTES_MAX,
  HEADER_LIST_BYTES_MAX,
  HEADER_PAIRS_MAX,
  INVALID_FRAMES_MAX,
  PING_INTERVAL_MS,
  REJECTED_STREAMS_MAX,
  SESSION_MEMORY_MB,
  STREAM_WINDOW_BYTES,
  STREAMS_PER_CONNECTION_MAX,
} from './limits.js'

const SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxFrameSize: FRAME_BYTES_MAX,
  maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX,
  maxHeaderListSize: HEADER_LIST_BYTES_MAX,
}

/** Options of an HTTP/2 session, the same on both ends. */
export const SESSION_OPTIONS = {
  settings: SETTINGS,
  maxSessionMemory: SESSION_MEMORY_MB,
  maxHeaderListPairs: HEADER_PAIRS_MAX,
  maxSessionInvalidFrames: INVALID_FRAMES_MAX,
  maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
} as const

/**
 * Ends a session at once. The streams fail as cut: without an error and a code they would look as if they had ended.
 * The socket goes with it: Node waits for its last bytes to leave, and towards an unplugged peer they never do.
 */
export function cutSession(session: Http2Session, socket: Duplex, reason: string): void {
  if (!session.destroyed) session.destroy(new Error(reason), constants.NGHTTP2_INTERNAL_ERROR)
  socket.destroy()
}

/** Widens the connection's window and watches that the peer is there, by pings (RFC 9113, section 6.7). */
export function prepareSession(
  session: Http2Session,
  options: { readonly socket: Duplex; readonly pingIntervalMs?: number | undefined },
): void {
  const { socket, pingIntervalMs = PING_INTERVAL_MS } = options
  // A failed session closes, and that is what its owner waits for.
  session.on('error', () => undefined)
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  let answered = true
  const timer = setInterval(() => {
    // After GOAWAY no ping is sent; whoever drains has a deadline of its own.
    if (session.closed) return
    if (!answered) return cutSession(session, socket, 'the peer did not answer a ping')
    answered = false
    const sent = session.ping(error => {
      answered = error === null
    })
    if (!sent) cutSession(session, socket, 'a ping could not be sent')
  }, pingIntervalMs)
  session.once('close', () => clearInterval(timer))
  socket.once('close', () => clearInterval(timer))
}
