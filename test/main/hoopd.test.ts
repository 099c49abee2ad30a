import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../setup/certificates.js'

const HOOPD = fileURLToPath(new URL('../../bin/hoopd.js', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [HOOPD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = new Promise<Ended>(resolve => {
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
  return { child, ended }
}

async function check(args: readonly string[], code: number, said: RegExp): Promise<void> {
  const ended = await start(args).ended
  expect(ended.stdout + ended.stderr).toMatch(said)
  expect(ended.code).toBe(code)
}

describe('a wrong command line ends with 64', () => {
  test('an unknown command', () => check(['gatewya'], 64, /unknown command 'gatewya'/))
  test('an unknown option', () => check(['gateway', '--nope'], 64, /unknown option '--nope'/))
  test('a log level that there is not', () =>
    check(['gateway', '--log-level', 'loud'], 64, /Allowed choices are debug, info, warn, error/))
  test('no command at all', () => check([], 64, /Usage: hoopd/))
})

test('asking for help or the version is no failure', async () => {
  await check(['--version'], 0, /^\d+\.\d+\.\d+\n$/)
  await check(['gateway', '--help'], 0, /--log-level/)
})

test('a configuration that is not there ends with 78', () =>
  check(['gateway', '--config', '/nowhere/hoop.yaml'], 78, /"\/nowhere\/hoop.yaml": there is no such file/))

describe('a gateway that cannot start', () => {
  let directory: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hoopd-'))
    await makeCertificates(join(directory, 'tls'))
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('says what the store answered, without its password', async () => {
    const file = join(directory, 'hoop.yaml')
    writeFileSync(
      file,
      JSON.stringify({
        listen: {
          address: '127.0.0.1:0',
          tls: {
            cert_file: join(directory, 'tls', 'server.pem'),
            key_file: join(directory, 'tls', 'server.key'),
          },
        },
        public_url: 'https://localhost:1',
        data_directory: join(directory, 'data'),
        store: { postgres_url: 'literal:postgres://hoop:its-password@127.0.0.1:9/hoop' },
        identity: { issuer: 'https://id.example.com', client_id: 'hoop-cli' },
        access: [],
        connections: [],
      }),
      { mode: 0o600 },
    )
    const ended = await start(['gateway', '--config', file]).ended
    expect(ended).toMatchObject({ code: 69, stdout: '' })
    expect(ended.stderr).toMatch(/because: .*ECONNREFUSED/)
    expect(ended.stderr).not.toContain('its-password')
  })
})
