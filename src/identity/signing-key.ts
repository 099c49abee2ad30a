import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { dirname } from 'node:path'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import { HoopError } from '../lib/hoop-error.js'
import { createPrivateFile, makePrivateDirectory, readPrivateFile } from './private-file.js'

/** The gateway's key for its own tokens: ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4). */
export interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** The public half, as it is published. */
  readonly jwk: JWK
}

/**
 * Reads the gateway's key, or makes it at the first start. When two gateways on one disk start at once, both end up with
 * the key of the one that was first.
 *
 * @throws HoopError `configuration` when the file is not a key, not ours or readable by others
 */
export async function openSigningKey(file: string): Promise<SigningKey> {
  const purpose = 'the signing key'
  let pem = await readPrivateFile(file, purpose)
  if (pem === undefined) {
    await makePrivateDirectory(dirname(file), purpose)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await createPrivateFile(file, Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' })))
    pem = await readPrivateFile(file, purpose)
  }
  const privateKey = readKey(pem ?? Buffer.alloc(0), file)
  const publicKey = createPublicKey(privateKey)
  const exported = await exportJWK(publicKey)
  const id = await calculateJwkThumbprint(exported)
  return { id, privateKey, publicKey, jwk: { ...exported, kid: id, alg: 'ES256', use: 'sig' } }
}

function readKey(pem: Buffer, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch {
    // The parser's error can quote the key: it is not passed on.
  }
  throw new HoopError(
    'configuration',
    `Cannot use the signing key in "${file}": it is not a P-256 private key`,
  )
}
