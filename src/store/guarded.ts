import { HoopError } from '../lib/hoop-error.js'

/**
 * Makes a query's failures expected ones: whatever the driver throws becomes `store_unavailable`, with the driver's
 * error as the cause for the log. Callers deny on it.
 *
 * @param purpose what could not be done, to follow "Cannot": `record the grant`
 */
export function guarded<Arguments extends readonly unknown[], Result>(
  purpose: string,
  query: (...values: Arguments) => Promise<Result>,
): (...values: Arguments) => Promise<Result> {
  return async (...values) => {
    try {
      return await query(...values)
    } catch (cause) {
      if (cause instanceof HoopError) throw cause
      throw new HoopError('store_unavailable', `Cannot ${purpose}: the store did not take the query`, {
        cause,
      })
    }
  }
}

/** The number of rows a caller may ask for at once. */
const ROWS_MAX = 1000

/** A limit of rows as asked for, kept between one and `ROWS_MAX`. */
export function boundedLimit(limit: number): number {
  return Number.isInteger(limit) ? Math.min(Math.max(limit, 1), ROWS_MAX) : ROWS_MAX
}
