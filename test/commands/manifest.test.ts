import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('the manifest that is kept is the one that the build makes', () => {
  const built = readFileSync(new URL('../../oclif.manifest.json', import.meta.url), 'utf8')
  const kept = execFileSync('git', ['show', ':oclif.manifest.json'], { cwd: ROOT, encoding: 'utf8' })
  expect(JSON.parse(kept), 'run "npm run build" and add oclif.manifest.json').toEqual(JSON.parse(built))
})
