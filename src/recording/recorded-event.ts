import type { RecordingEvent } from '../domain/event.js'
import type { SessionId } from '../domain/ids.js'

/** The first field of a recording's first line. */
export const FORMAT_NAME = 'hoop-recording'
/** Goes up when a reader of the version before could misread what is written now: a new kind of event, a new meaning. */
export const FORMAT_VERSION = 1

/**
 * The longest line that is written or read, in bytes with its line feed. A statement, its values and the rows kept in
 * one event must fit; what does not is not recorded, and so does not run.
 */
export const LINE_BYTES_MAX = 16 * 1024 * 1024

/** When something happened, by two clocks: the time of day can jump, the other one cannot. */
export interface EventTime {
  /** The gateway's time of day, ISO 8601 in UTC with milliseconds. */
  readonly at: string
  /** Milliseconds since the session began, never less than before, to the microsecond. */
  readonly t: number
}

/** An event as it stands in a recording. `seq` counts the events of the recording from 1 without a gap. */
export type RecordedEvent = RecordingEvent & EventTime & { readonly seq: number }

/** What the first line says. */
export interface RecordingHeader {
  readonly version: number
  readonly session: SessionId
}
