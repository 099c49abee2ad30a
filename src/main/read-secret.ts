import { readFileSync } from 'node:fs'
import { resolveSecret } from '../config/resolve-secret.js'
import type { SecretReference } from '../domain/connection.js'

/** A secret of the configuration, from this process's environment or a file. Fails with `configuration`. */
export function readSecret(reference: SecretReference): string {
  return resolveSecret(reference, { env: process.env, readFile: path => readFileSync(path, 'utf8') })
}
