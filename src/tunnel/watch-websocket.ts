import type { WebSocket } from 'ws'
import { PING_INTERVAL_MS } from './limits.js'

/**
 * Ends a WebSocket whose peer leaves a ping unanswered until the next is due (RFC 6455, section 5.5.2). A socket that
 * is paused because nobody takes its bytes is not read, so its pongs cannot be seen: then nothing is concluded.
 */
export function watchWebSocket(socket: WebSocket, pingIntervalMs = PING_INTERVAL_MS): void {
  let answered = true
  socket.on('pong', () => {
    answered = true
  })
  socket.on('message', () => {
    answered = true
  })
  const timer = setInterval(() => {
    if (socket.readyState !== socket.OPEN) return
    if (!answered && !socket.isPaused) return socket.terminate()
    answered = false
    socket.ping()
  }, pingIntervalMs)
  socket.once('close', () => clearInterval(timer))
}
