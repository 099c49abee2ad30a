import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** What an agent signs to prove itself for one connection. */
export interface AgentProof {
  readonly name: string
  /** The gateway's, fresh for each connection, base64url. */
  readonly nonce: string
  /** From the TLS connection: a signature made for another connection, or through somebody in between, does not fit. */
  readonly keyingMaterial: Buffer
}

/** The agent's answer to `POST /authenticate` with `{ "nonce": … }`. */
export interface AuthenticateAnswer {
  readonly name: string
  /** base64url */
  readonly signature: string
}

/** The body of `POST /authenticated`: how it went, so that the agent's own log says so. */
export type AuthenticatedNotice =
  | { readonly result: 'accepted' }
  | { readonly result: 'refused'; readonly message: string }

/** Names what is signed, so that a signature of this key never means anything else. */
const DOMAIN = 'hoop agent authentication 1'

/** Signs for one connection with the agent's Ed25519 key (RFC 8032); base64url. */
export function signProof(proof: AgentProof, key: KeyObject): string {
  return sign(null, message(proof), key).toString('base64url')
}

/** True when the signature is this key's and for exactly this connection. Total. */
export function verifyProof(proof: AgentProof, signature: string, key: KeyObject): boolean {
  return verify(null, message(proof), key, Buffer.from(signature, 'base64url'))
}

/** Reads an agent's public key, SPKI in base64. Undefined for anything that is not Ed25519. */
export function readAgentKey(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

function message({ name, nonce, keyingMaterial }: AgentProof): Buffer {
  // JSON keeps the parts apart whatever is in them.
  return Buffer.from(JSON.stringify([DOMAIN, name, nonce, keyingMaterial.toString('base64url')]))
}
