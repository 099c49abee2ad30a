import type { RecordingEvent } from '../../domain/event.js'

/** Takes what happens in one session. INVARIANT 1: nothing reaches a target before `commit` after its event returned. */
export interface Recorder {
  /**
   * Takes an event into memory; order is kept. What is taken and not committed stays small: a recorder writes by itself
   * when much is waiting, so this can fail like `commit`. Events that no commit follows are committed by the caller's timer.
   */
  append(event: RecordingEvent): void
  /**
   * Hands everything taken so far to the operating system. Synchronous where the medium allows, so that the data path
   * needs no promise per statement; a promise where it has to wait. Fails with `recording_failed`, and then for ever.
   */
  commit(): undefined | Promise<void>
  /** Commits, ends the file, and gives the last link of the hash chain. Idempotent. Rejects once the recorder failed. */
  close(): Promise<string>
}
