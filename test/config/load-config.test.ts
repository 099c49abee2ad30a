import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.js'
import { SMALL } from './example.js'

const directory = mkdtempSync(join(tmpdir(), 'hoop-config-'))
afterAll(() => rmSync(directory, { recursive: true }))

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

test('a file is read, and its paths begin where it is', () => {
  const config = loadConfig(write('hoop.yaml', SMALL))
  expect(config.dataDirectory).toBe(join(directory, 'data'))
  expect(config.digest).toMatch(/^[0-9a-f]{64}$/)
})

test('warnings are told to whoever listens', () => {
  const told: string[] = []
  loadConfig(write('warned.yaml', SMALL.replace('[prod-*]', '[staging-*]')), {
    warn: problem => told.push(problem.message),
  })
  expect(told).toEqual(['"staging-*" matches no connection'])
})

test('every problem is a line of one error', () => {
  const path = write('bad.yaml', SMALL.replace('for: 8h', 'for: 8').replace('type: postgres', 'type: oracle'))
  expect(() => loadConfig(path)).toThrow(
    expect.objectContaining({
      code: 'configuration',
      message: `Cannot use configuration "${path}":
  bad.yaml:11:11: "connections[0].type" cannot be read: expected postgres
  bad.yaml:18:84: "access[0].for" cannot be read: expected a duration such as 30s, 15m, 8h or 7d`,
      hint: `hoopd check ${path}`,
    }),
  )
})

/** Checks why a path is no configuration. */
function check(title: string, path: string, why: string): void {
  test(title, () => {
    expect(() => loadConfig(path)).toThrow(
      expect.objectContaining({
        code: 'configuration',
        message: `Cannot read configuration "${path}": ${why}`,
      }),
    )
  })
}

check('a file that is not there is refused', join(directory, 'none.yaml'), 'there is no such file')
check('a directory is refused', directory, 'it is a directory')
check(
  'a file that is not UTF-8 is refused',
  write('latin.yaml', Uint8Array.of(0x61, 0xe9, 0x62)),
  'it is not UTF-8',
)
