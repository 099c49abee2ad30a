import type { TargetCancelKey } from '../protocol.js'
import { cancelRequestMessage } from './codec.js'

/**
 * CancelRequest with the key that the target gave us. It goes over a connection of its own, after TLS where the target
 * wants that, and the target closes without an answer. Never send it for a statement that has ended: it would hit the next.
 */
export function cancelRequest(key: TargetCancelKey): Buffer {
  return cancelRequestMessage(key)
}
