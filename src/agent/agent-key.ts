import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import {
  createPrivateFile,
  makePrivateDirectory,
  readPrivateFile,
  writePrivateFile,
} from '../identity/private-file.js'
import { HoopError } from '../lib/hoop-error.js'

const KEY_FILE = 'agent.key'
const ENROLLED_FILE = 'agent.enrolled'

/** The agent's own key, which never leaves its machine. */
export interface AgentKey {
  readonly privateKey: KeyObject
  /** SPKI in base64. */
  readonly publicKey: string
}

/** Reads the agent's Ed25519 key, or makes one: a file of mode 0600, written whole or not at all. */
export async function openAgentKey(dataDirectory: string): Promise<AgentKey> {
  await makePrivateDirectory(dataDirectory, "the agent's data directory")
  const file = join(dataDirectory, KEY_FILE)
  const stored = await readPrivateFile(file, "the agent's key")
  if (stored !== undefined) return readKey(stored, file)
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
  const made = await createPrivateFile(file, Buffer.from(pem))
  // Somebody else was first: their key is the agent's.
  const kept = made ? Buffer.from(pem) : await readPrivateFile(file, "the agent's key")
  return readKey(kept ?? Buffer.alloc(0), file)
}

/** True when a gateway has taken this key in exchange for an enrolment token: for this one, or for any. */
export async function hasEnrolled(dataDirectory: string, enrollment?: string): Promise<boolean> {
  const content = await readPrivateFile(join(dataDirectory, ENROLLED_FILE), "the agent's enrolment")
  return content !== undefined && (enrollment === undefined || content.toString('utf8') === enrollment)
}

/** Remembers what the agent is enrolled with, so that the token is not tried again. */
export async function rememberEnrollment(dataDirectory: string, enrollment: string): Promise<void> {
  await writePrivateFile(join(dataDirectory, ENROLLED_FILE), Buffer.from(enrollment))
}

function readKey(pem: Buffer, file: string): AgentKey {
  try {
    const privateKey = createPrivateKey(pem)
    if (privateKey.asymmetricKeyType !== 'ed25519')
      throw new Error(`it is of type ${privateKey.asymmetricKeyType}`)
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).toString('base64')
    return { privateKey, publicKey }
  } catch (cause) {
    throw new HoopError('configuration', `Cannot use the agent's key: "${file}" is not an Ed25519 key`, {
      cause,
    })
  }
}
