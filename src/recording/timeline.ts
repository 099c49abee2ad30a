import type { RecordedEvent } from './recorded-event.js'
import { type TextOptions, TextRenderer } from './render-text.js'

/** One step of a replay: wait `pauseMs`, then show the lines. */
export interface ReplayStep {
  readonly seq: number
  /** When it happened, in milliseconds since the session began. */
  readonly offsetMs: number
  /** How long after the step before it, at most the longest pause that was asked for. */
  readonly pauseMs: number
  readonly lines: readonly string[]
}

export interface TimelineOptions extends TextOptions {
  /** Nobody watches a session do nothing: longer pauses are cut to this. Not cut when absent. */
  readonly pauseMsMax?: number
}

/** Turns events into the steps of a replay. It does not wait: the caller's clock sets the pace, and its speed. */
export class Timeline {
  readonly #renderer: TextRenderer
  readonly #pauseMsMax: number
  #offsetMs = 0

  constructor({ pauseMsMax = Number.POSITIVE_INFINITY, ...text }: TimelineOptions = {}) {
    this.#renderer = new TextRenderer(text)
    this.#pauseMsMax = pauseMsMax
  }

  /** The step of this event; undefined when there is nothing to see, the pause is then part of the next one. */
  push(event: RecordedEvent): ReplayStep | undefined {
    const lines = this.#renderer.push(event)
    if (lines.length === 0) return undefined
    // A damaged recording can go back in time; a replay cannot.
    const offsetMs = Math.max(event.t, this.#offsetMs)
    const pauseMs = Math.min(offsetMs - this.#offsetMs, this.#pauseMsMax)
    this.#offsetMs = offsetMs
    return { seq: event.seq, offsetMs, pauseMs, lines }
  }
}

/** The steps of events that are all at hand. */
export function makeTimeline(
  events: Iterable<RecordedEvent>,
  options: TimelineOptions = {},
): readonly ReplayStep[] {
  const timeline = new Timeline(options)
  return Array.from(events).flatMap(event => timeline.push(event) ?? [])
}
