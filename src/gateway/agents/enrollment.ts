import { createHash, timingSafeEqual } from 'node:crypto'
import type { AgentEnrollment } from '../../domain/api.js'
import type { Clock } from '../../domain/clock.js'
import type { AgentName } from '../../domain/names.js'
import { HoopError } from '../../lib/hoop-error.js'
import { readAgentKey } from '../../tunnel/agent-proof.js'

/** What enrolment needs of the rest of the gateway. */
export interface EnrollmentOptions {
  /** The enrolment tokens of the configuration as it is now. */
  readonly enrollmentTokens: readonly { readonly name: AgentName; readonly token: string }[]
  /** Keeps the key, once for each token. `tokenDigest` is SHA-256 in hexadecimal. */
  readonly useToken: (use: {
    readonly name: AgentName
    readonly tokenDigest: string
    readonly publicKey: string
    readonly at: Date
  }) => Promise<'enrolled' | 'used'>
  readonly clock: Clock
}

const NOBODY = digest('')

/**
 * What is behind `POST /v1/agents/enroll`: exchanges an enrolment token, once, for trust in an agent's own key. Fails
 * with `forbidden`, in the same words whether the agent or the token is unknown, with `usage` when the key is of no
 * use, or with `conflict` when the token has been used.
 */
export async function enrollAgent(request: AgentEnrollment, options: EnrollmentOptions): Promise<void> {
  const known = options.enrollmentTokens.find(({ name, token }) => name === request.name && token !== '')
  const given = digest(request.token)
  // Digests have one length, and are compared also when there is nothing to compare with.
  const fits = timingSafeEqual(given, known === undefined ? NOBODY : digest(known.token))
  if (known === undefined || !fits) {
    throw new HoopError('forbidden', 'Cannot enrol the agent: the name or the enrolment token is not known')
  }
  const { name } = known
  if (readAgentKey(request.publicKey) === undefined) {
    throw new HoopError('usage', `Cannot enrol agent "${name}": its public key is not Ed25519`)
  }
  const tokenDigest = given.toString('hex')
  const { publicKey } = request
  // Under another name, because a linter takes what begins with `use` for a hook of React.
  const { useToken: spendToken } = options
  const outcome = await spendToken({ name, tokenDigest, publicKey, at: options.clock() })
  if (outcome === 'used') {
    throw new HoopError('conflict', `Cannot enrol agent "${name}": the enrolment token has been used`, {
      hint: 'put a new enrollment_token into hoop.yaml and agent.yaml',
    })
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
