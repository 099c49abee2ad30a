import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** The ALPN name with which an agent says that it will serve (RFC 7301). */
export const AGENT_PROTOCOL = 'hoop-agent/1'
/** Where an agent asks for a WebSocket when a proxy speaks only HTTP/1.1. */
export const AGENT_CONNECT_PATH = '/v1/agents/connect'
export const AUTHENTICATE_PATH = '/authenticate'
export const AUTHENTICATED_PATH = '/authenticated'
export const DIAL_PATH = '/dial'
/** `host:port`, the address that `/dial` opens. */
export const TARGET_HEADER = 'x-hoop-target'
const EXPORTER_LABEL = 'EXPORTER-hoop-agent'
const EXPORTER_BYTES = 32

/** A connection that somebody opened who says it is an agent. Nothing is known of it yet. */
export interface AgentConnection {
  readonly socket: Duplex
  readonly address: string
  /** Bytes that only the two ends of the TLS connection under it can know (RFC 5705, RFC 8446 section 7.5). */
  readonly exportKeyingMaterial: () => Buffer
}

/**
 * Takes out of a TLS connection the bytes that only its two ends can know. They are equal at both ends, and differ
 * when somebody in between ends one TLS connection and opens another.
 */
export function exportKeyingMaterial(socket: TLSSocket): Buffer {
  return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))
}
