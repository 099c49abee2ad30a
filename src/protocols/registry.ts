import type { ProtocolName } from '../domain/connection.js'
import { postgres } from './postgres/protocol.js'
import type { Protocol } from './protocol.js'

/** Every wire protocol that the gateway reads. */
const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = { postgres }

/** The state machines of a protocol. */
export function protocolNamed(name: ProtocolName): Protocol {
  return PROTOCOLS[name]
}
