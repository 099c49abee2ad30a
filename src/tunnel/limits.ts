/**
 * What one peer may cost the other. Both ends of the tunnel use the same numbers; those that a test has to wait for
 * can be given to the server and to the dialers.
 */

/** Bytes in flight on one stream before the sender waits for the reader. */
export const STREAM_WINDOW_BYTES = 1024 * 1024
/** Bytes in flight on one connection. The default of HTTP/2, 64 KiB, throttles on a real round-trip time. */
export const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024
export const FRAME_BYTES_MAX = 64 * 1024
export const STREAMS_PER_CONNECTION_MAX = 256
export const HEADER_LIST_BYTES_MAX = 16 * 1024
/** Header lines of one request. */
export const HEADER_PAIRS_MAX = 64
/** Megabytes that the HTTP/2 library may hold for one connection before it refuses streams. */
export const SESSION_MEMORY_MB = 32
/** Frames that break the protocol, and streams refused and reset, before the connection is cut. */
export const INVALID_FRAMES_MAX = 100
export const REJECTED_STREAMS_MAX = 100

/** TCP and TLS, from the first packet to the last of the handshake. */
export const HANDSHAKE_TIMEOUT_MS = 10_000
/** An HTTP/1.1 client has this long for the headers, and for the whole of a request. */
export const HEADERS_TIMEOUT_MS = 10_000
export const BODY_TIMEOUT_MS = 30_000
export const REQUEST_BODY_BYTES_MAX = 1024 * 1024
/** A response is read whole by the CLI; recordings are exported in streams. */
export const RESPONSE_BODY_BYTES_MAX = 64 * 1024 * 1024
export const REFUSAL_BODY_BYTES_MAX = 64 * 1024
/** One WebSocket message. Larger chunks are split by the sender. */
export const MESSAGE_BYTES_MAX = 1024 * 1024

/** A peer that leaves one ping unanswered until the next is due is gone: noticed within twice this time. */
export const PING_INTERVAL_MS = 15_000
/** How long a peer may take to accept or refuse a stream, and to answer a request. */
export const OPEN_TIMEOUT_MS = 60_000

/** Of a whole server. */
export const CONNECTIONS_MAX = 10_000
/** Companies sit behind one address, so this is generous. */
export const CONNECTIONS_PER_ADDRESS_MAX = 2_000
/** Handshakes under way; beyond it the oldest gives way, so a flood of half-open ones never shuts others out. */
export const HANDSHAKES_MAX = 2_000
export const HANDSHAKES_PER_ADDRESS_MAX = 256
/** Request bodies being read, all connections together: the memory a stranger can make the gateway hold, in bytes. */
export const BODIES_BYTES_MAX = 64 * 1024 * 1024
