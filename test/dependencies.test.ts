import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']

const names = z.record(z.string(), z.string())
const manifestShape = z.object({
  dependencies: names.default({}),
  optionalDependencies: names.default({}),
  scripts: names.default({}),
})
const lockShape = z.object({
  packages: z.record(
    z.string(),
    z.object({ dev: z.boolean().default(false), hasInstallScript: z.boolean().default(false) }),
  ),
})

const manifest = manifestShape.parse(readJson('package.json'))
const runtime = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort()
const installed = Object.entries(lockShape.parse(readJson('package-lock.json')).packages)
  .filter(([path, { dev }]) => path !== '' && !dev)
  .map(([path, { hasInstallScript }]) => ({ path, hasInstallScript }))

test('every runtime dependency has its sentence in docs/dependencies.md, and nothing else has one', () => {
  const page = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8')
  const described = [...page.matchAll(/^\| `([^`]+)` \| \S.{20,} \|$/gm)].map(match => match[1] ?? '')
  expect(described.sort()).toEqual(runtime)
})

test('nothing that is installed for running has an install script, by the lock file', () => {
  expect(installed.length).toBeGreaterThan(runtime.length)
  expect(installed.filter(one => one.hasInstallScript).map(one => one.path)).toEqual([])
})

test('nothing that is installed for running has an install script, by what lies in node_modules', () => {
  const present = installed.map(one => one.path).filter(path => existsSync(join(ROOT, path, 'package.json')))
  const withScript = present.filter(path => {
    const { scripts } = manifestShape.parse(readJson(join(path, 'package.json')))
    // npm compiles on its own when it finds this file, without any script.
    return INSTALL_SCRIPTS.some(name => name in scripts) || existsSync(join(ROOT, path, 'binding.gyp'))
  })
  expect(present.length).toBeGreaterThan(runtime.length)
  expect(withScript).toEqual([])
})

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
}
