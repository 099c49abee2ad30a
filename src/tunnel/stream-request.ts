import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'

/** A peer asks for a stream of raw bytes at a path. It is accepted or refused exactly once. */
export interface StreamRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The peer's address as the gateway sees it. */
  readonly address: string
  accept(): Duplex
  /** Ends the request with an HTTP status and a JSON body. */
  refuse(status: number, body: unknown): void
}

/** The other end of a tunnel, from the side that opens streams: a gateway seen by a CLI, an agent seen by a gateway. */
export interface TunnelPeer {
  /** Opens a stream of raw bytes; rejects with a `HoopError` that carries the peer's own refusal. */
  open(path: string, headers: Readonly<Record<string, string>>): Promise<Duplex>
  request(request: PeerRequest): Promise<PeerResponse>
  /** Settles when the connection is gone, whoever ended it. Never rejects. */
  readonly closed: Promise<void>
  close(): void
}

export interface PeerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface PeerResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** The content type of a POST that asks for a stream of raw bytes, and of the answer that gives it. */
export const STREAM_CONTENT_TYPE = 'application/vnd.hoop.stream'
