import { z } from 'zod'
import { agentName, plainText, secret, siteUrl, targetAddress } from './scalars.js'

/** The shape of `agent.yaml`. */
export const agentSchema = z.strictObject(
  {
    name: agentName,
    gateway: siteUrl,
    ca_file: plainText.optional(),
    data_directory: plainText,
    enrollment_token: secret.optional(),
    allow: z
      .array(targetAddress, { error: 'expected a list' })
      .min(1, { error: 'expected a list of at least one entry' }),
  },
  { error: issue => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined) },
)

/** A file of the right shape. */
export type AgentShape = z.output<typeof agentSchema>
