import type { SecretReference } from '../domain/connection.js'
import { HoopError } from '../lib/hoop-error.js'
import { unreachable } from '../lib/unreachable.js'

/** Longest secret, in UTF-16 code units: a wrong path must not load a disk image. */
const SECRET_LENGTH_MAX = 64 * 1024

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Throws when the file cannot be read. */
  readonly readFile: (path: string) => string
}

/**
 * Looks a secret up. Fails with `configuration`, naming the reference and nothing else (INVARIANT 3). One line end at
 * the end of a file is not part of the secret.
 */
export function resolveSecret(reference: SecretReference, { env, readFile }: SecretSources): string {
  switch (reference.kind) {
    case 'literal':
      return reference.value
    case 'env':
      return present(env[reference.name], reference, 'the variable is not set')
    case 'file':
      return present(
        readSecretFile(reference.path, readFile)?.replace(/\r?\n$/, ''),
        reference,
        'the file cannot be read',
      )
    default:
      return unreachable(reference)
  }
}

/** A reference as it may be shown: where the secret is, never what it is. */
export function spellSecret(reference: SecretReference): string {
  switch (reference.kind) {
    case 'literal':
      return 'literal:…'
    case 'env':
      return `env:${reference.name}`
    case 'file':
      return `file:${reference.path}`
    default:
      return unreachable(reference)
  }
}

function readSecretFile(path: string, readFile: (path: string) => string): string | undefined {
  try {
    return readFile(path)
  } catch {
    return undefined
  }
}

function present(value: string | undefined, reference: SecretReference, why: string): string {
  const problem =
    value === undefined
      ? why
      : value === ''
        ? 'it is empty'
        : value.length > SECRET_LENGTH_MAX
          ? 'it is too long'
          : undefined
  if (value === undefined || problem !== undefined) {
    throw new HoopError('configuration', `Cannot read secret "${spellSecret(reference)}": ${problem}`)
  }
  return value
}
