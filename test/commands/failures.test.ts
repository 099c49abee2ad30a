import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'hoop-commands-'))

afterAll(() => rmSync(home, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function hoop(...args: readonly string[]): Promise<Ended> {
  const env = { PATH: process.env.PATH, HOME: home, HOOP_CONFIG_DIR: join(home, 'hoop') }
  const child = spawn(process.execPath, [HOOP, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  return new Promise(resolve => {
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}

describe('a wrong command line', () => {
  test('ends with 64 and says so on stderr', async () => {
    const ended = await hoop('whoami', '--nope')
    expect(ended).toMatchObject({ code: 64, stdout: '' })
    expect(ended.stderr).toContain('--nope')
  })

  test('is an error in JSON, without the insides of the program', async () => {
    const ended = await hoop('whoami', '--json', '--nope')
    expect(ended.code).toBe(64)
    const answer = JSON.parse(ended.stdout)
    expect(answer.error).toEqual({ code: 'usage', message: expect.stringContaining('--nope') })
    expect(Object.keys(answer)).toEqual(['error'])
    expect(ended.stdout).not.toContain(home)
  })

  test('a command that there is not ends with 64 and the one that was meant', async () => {
    const ended = await hoop('conect')
    expect(ended).toMatchObject({ code: 64, stdout: '' })
    expect(ended.stderr).toContain('hoop connect')
  })
})

test('what is expected to fail is told in JSON with its code and its hint', async () => {
  const ended = await hoop('connections', '--json')
  expect(ended.code).toBe(77)
  expect(JSON.parse(ended.stdout).error).toMatchObject({ code: 'not_logged_in', hint: expect.any(String) })
})

test('what a message holds cannot act on the terminal', async () => {
  const ended = await hoop('login', 'https://a\u001b]0;owned\u0007')
  expect(ended.code).toBe(64)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
  expect(ended.stderr).not.toMatch(/[\u001b\u0007]/)
})
