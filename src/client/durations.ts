import { HoopError } from '../lib/hoop-error.js'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Reads a duration typed by a person, `30m` or `1h30m`, as whole seconds. Fails with `usage`. */
export function readDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)]
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0)
  if (parts.map(([part]) => part).join('') === text && Number.isSafeInteger(seconds) && seconds > 0)
    return seconds
  throw new HoopError('usage', `Cannot read duration "${text}": something like 30m, 1h30m or 2d is expected`)
}

/** A duration for people: the two largest units that are not zero. */
export function showDuration(seconds: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.round(seconds))
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = UNITS[unit] ?? 1
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${unit}`)
    rest %= size
  }
  return parts.slice(0, 2).join('') || '0s'
}
