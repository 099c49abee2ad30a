import type { EndReason } from '../../domain/session.js'
import type { Recorder } from './recorder.js'

/**
 * Records the end, closes the file and gives the last link of its chain. A recorder that failed before is closed all the
 * same, so that no file stays open, and rejects with its failure.
 */
export function closeRecording(recorder: Recorder, reason: EndReason): Promise<string> {
  try {
    recorder.append({ kind: 'end', reason })
  } catch {
    // Closing fails with the same, and lets go of the file.
  }
  return recorder.close()
}
