import type { ReviewView } from '../../domain/api.js'
import { renderReview } from '../review-text.js'

/** Rows that are not the body: the heading, the last notice, the keys, and one that keeps the terminal from scrolling. */
const OTHER_ROWS = 4
const BODY_ROWS_MIN = 3

/** Of the terminal, in characters. */
export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** Rows for what is read. */
export function bodyRows({ rows }: ScreenSize): number {
  return Math.max(rows - OTHER_ROWS, BODY_ROWS_MIN)
}

/** A question in lines that fit. */
export function linesOf(review: ReviewView, columns: number, now: Date): readonly string[] {
  return renderReview(review, { now, widthMax: columns })
}
