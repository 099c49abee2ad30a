import { expect, test } from 'vitest'
import { resolveSecret } from '../../src/config/resolve-secret.js'
import type { SecretReference } from '../../src/domain/connection.js'

const sources = {
  env: { SET: 'hunter2', EMPTY: '', LONG: 'x'.repeat(70_000) },
  readFile: (path: string): string => {
    if (path === '/good') return 'hunter2\n'
    if (path === '/dos') return 'hunter2\r\n'
    if (path === '/blank') return '\n'
    throw new Error(`ENOENT: no such file, open '${path}'`)
  },
}

function check(title: string, reference: SecretReference, result: string): void {
  test(title, () => {
    const resolve = (): string => resolveSecret(reference, sources)
    if (result.startsWith('Cannot'))
      expect(resolve).toThrow(expect.objectContaining({ code: 'configuration', message: result }))
    else expect(resolve()).toBe(result)
  })
}

check('a literal is itself', { kind: 'literal', value: 'hunter2' }, 'hunter2')
check('a variable is read', { kind: 'env', name: 'SET' }, 'hunter2')
check(
  'a variable that is not set is refused',
  { kind: 'env', name: 'UNSET' },
  'Cannot read secret "env:UNSET": the variable is not set',
)
check(
  'a variable that is empty is refused',
  { kind: 'env', name: 'EMPTY' },
  'Cannot read secret "env:EMPTY": it is empty',
)
check(
  'a secret beyond all measure is refused',
  { kind: 'env', name: 'LONG' },
  'Cannot read secret "env:LONG": it is too long',
)
check('a file is read without its last line end', { kind: 'file', path: '/good' }, 'hunter2')
check('also one from another system', { kind: 'file', path: '/dos' }, 'hunter2')
check(
  'a file that is not there is refused',
  { kind: 'file', path: '/none' },
  'Cannot read secret "file:/none": the file cannot be read',
)
check(
  'an empty file is refused',
  { kind: 'file', path: '/blank' },
  'Cannot read secret "file:/blank": it is empty',
)
