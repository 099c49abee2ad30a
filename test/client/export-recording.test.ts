import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { EXPORT_FORMATS, exportRecording } from '../../src/client/export-recording.js'
import { GatewayApi } from '../../src/client/gateway-api.js'
import { type RecordingSource, readSession } from '../../src/client/session-recording.js'
import { LineEncoder } from '../../src/recording/encode-event.js'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'

const folder = mkdtempSync(join(tmpdir(), 'hoop-export-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SESSION = readSession('s-0123456789abcdef')
const TIME = { at: '2026-03-01T09:00:00.000Z', t: 0 }

/** A recording, and a second one that ends in another way. */
function record(reason: 'idle' | 'client_closed'): { readonly text: string; readonly head: string } {
  const encoder = new LineEncoder({ session: SESSION })
  const text = encoder.begin() + encoder.encode({ kind: 'end', reason }, TIME)
  return { text, head: encoder.head }
}

/** A gateway whose store knows the head of a session that has ended, and whose recording is this text. */
function gateway(head: string, text: string): RecordingSource {
  const peer: TunnelPeer = {
    open: async () => {
      const stream = new PassThrough()
      stream.push(text)
      return stream
    },
    request: async () => ({
      status: 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ id: SESSION, endedAt: TIME.at, head })),
    }),
    closed: new Promise(() => {}),
    close: () => {},
  }
  return { kind: 'session', id: SESSION, api: new GatewayApi(peer, 'token') }
}

test.each(EXPORT_FORMATS)(
  'a recording that was cut or written anew is not exported as whole, in %s',
  async format => {
    const whole = record('idle')
    const verdict = async (text: string): Promise<readonly string[]> => {
      const report = await exportRecording({
        source: gateway(whole.head, text),
        format,
        write: async () => {},
      })
      return report.findings.map(finding => finding.kind)
    }
    expect(await verdict(whole.text)).toEqual([])
    expect(await verdict(record('client_closed').text)).toEqual(['head_differs'])
    expect(await verdict(whole.text.split('\n').slice(0, 1).concat('').join('\n'))).toContain('truncated')
  },
)

test.each([
  ['nothing', join(folder, 'nothing'), 'there is no such file'],
  ['a folder', folder, 'it is no file that this account can read'],
])('%s in place of a file is an expected failure', async (_what, path, why) => {
  const exporting = exportRecording({ source: { kind: 'file', path }, format: 'text', write: async () => {} })
  await expect(exporting).rejects.toMatchObject({
    code: 'not_found',
    message: `Cannot read recording "${path}": ${why}`,
  })
})

test('an exported file is verified by itself', async () => {
  const path = join(folder, 'whole.jsonl')
  writeFileSync(path, record('idle').text)
  const report = await exportRecording({
    source: { kind: 'file', path },
    format: 'csv',
    write: async () => {},
  })
  expect(report).toMatchObject({ ok: true, endReason: 'idle' })
})
