import { Timeline } from '../recording/timeline.js'
import type { VerifyReport } from '../recording/verify.js'
import { type RecordingSource, readRecording } from './session-recording.js'

export interface ReplayOptions {
  readonly source: RecordingSource
  /** How many times faster than it was; 0 shows everything at once. */
  readonly speed: number
  readonly pauseMsMax: number
  readonly widthMax: number | undefined
  readonly write: (line: string) => void
}

/** Plays a recording to a line writer, verifying it in the same pass. */
export async function replay({
  source,
  speed,
  pauseMsMax,
  widthMax,
  write,
}: ReplayOptions): Promise<VerifyReport> {
  const timeline = new Timeline({ pauseMsMax, ...(widthMax === undefined ? {} : { widthMax }) })
  return readRecording(source, async event => {
    const step = timeline.push(event)
    if (step === undefined) return
    if (speed > 0 && step.pauseMs > 0) await new Promise(resolve => setTimeout(resolve, step.pauseMs / speed))
    for (const line of step.lines) write(line)
  })
}
