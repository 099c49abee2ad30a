import type { Log } from '../../src/tunnel/log.js'

/** One entry of a log, in one text. */
export function makeLog(): { readonly log: Log; readonly lines: readonly string[] } {
  const lines: string[] = []
  const take = (level: keyof Log) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  return {
    log: { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') },
    lines,
  }
}
