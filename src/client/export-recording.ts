import { CsvRenderer } from '../recording/render-csv.js'
import { TextRenderer } from '../recording/render-text.js'
import type { VerifyReport } from '../recording/verify.js'
import { chunks, openVerifier, type RecordingSource, readRecording } from './session-recording.js'

export const EXPORT_FORMATS = ['jsonl', 'csv', 'text'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export interface ExportOptions {
  readonly source: RecordingSource
  readonly format: ExportFormat
  /** Takes a piece of the output; settles when more may come. */
  readonly write: (piece: string | Buffer) => Promise<void>
}

/** Writes a recording in another form; `jsonl` is the evidence itself, byte for byte. Verifies it on the way. */
export async function exportRecording({ source, format, write }: ExportOptions): Promise<VerifyReport> {
  if (format === 'jsonl') return copyEvidence(source, write)
  if (format === 'csv') {
    const csv = new CsvRenderer()
    const report = await readRecording(source, event => write(csv.push(event)))
    await write(csv.finish())
    return report
  }
  const text = new TextRenderer()
  return readRecording(source, event =>
    write(
      text
        .push(event)
        .map(line => `${line}\n`)
        .join(''),
    ),
  )
}

async function copyEvidence(source: RecordingSource, write: ExportOptions['write']): Promise<VerifyReport> {
  const verifier = await openVerifier(source)
  for await (const chunk of chunks(source)) {
    verifier.push(chunk)
    await write(chunk)
  }
  return verifier.finish()
}
