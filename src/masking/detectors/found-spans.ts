import type { DetectorName, MaskingRule, MaskStrategy } from '../../domain/masking-rule.js'
import { type Detector, mayHold, type Needs, type Shape, type Span } from './detector.js'
import { detectorNamed } from './registry.js'

/** A rule that protects values by their look. */
export type DetectorRule = Extract<MaskingRule, { kind: 'detector' }>

/** A detector with what is to be done where it finds something. */
export interface Watch {
  readonly detector: Detector
  readonly needs: Needs
  readonly strategy: MaskStrategy
}

/** A span and what is to be done with it. */
export interface FoundSpan extends Span {
  readonly strategy: MaskStrategy
}

const REDACT: MaskStrategy = { kind: 'redact' }

/** The detectors of some rules. Where two rules name the same one, the first counts. */
export function watchesOf(rules: readonly DetectorRule[]): readonly Watch[] {
  const byName = new Map<DetectorName, Watch>()
  for (const rule of rules) {
    for (const name of rule.detectors) {
      if (!byName.has(name)) byName.set(name, watchOf(name, rule.strategy))
    }
  }
  return [...byName.values()]
}

function watchOf(name: DetectorName, strategy: MaskStrategy): Watch {
  const detector = detectorNamed(name)
  return { detector, needs: detector.needs, strategy }
}

/** True when some detector has to look at a value of this shape. */
export function anyMayHold(watches: readonly Watch[], shape: Shape): boolean {
  for (const watch of watches) if (mayHold(shape, watch.needs)) return true
  return false
}

/**
 * Everything the detectors find in a text of one character for each byte, in order and without overlaps. Where two
 * overlap, both are covered: by the first one's strategy if that is the longer one, by `redact` otherwise.
 */
export function findSpans(watches: readonly Watch[], text: string, shape: Shape): readonly FoundSpan[] {
  const all: FoundSpan[] = []
  for (const { detector, needs, strategy } of watches) {
    if (!mayHold(shape, needs)) continue
    for (const { from, to } of detector.find(text)) all.push({ from, to, strategy })
  }
  if (all.length < 2) return all
  all.sort((one, other) => one.from - other.from || other.to - one.to)
  const merged: FoundSpan[] = []
  for (const span of all) {
    const last = merged.at(-1)
    if (last === undefined || span.from >= last.to) merged.push(span)
    else if (span.to > last.to) merged[merged.length - 1] = { from: last.from, to: span.to, strategy: REDACT }
  }
  return merged
}
