import type { MaskStrategy } from '../domain/masking-rule.js'
import { unreachable } from '../lib/unreachable.js'
import { maskSpan } from './cell-mask.js'
import { isCardNumber } from './detectors/card-number.js'
import type { Shape } from './detectors/detector.js'
import {
  anyMayHold,
  type DetectorRule,
  type FoundSpan,
  findSpans,
  type Watch,
  watchesOf,
} from './detectors/found-spans.js'
import { placeInJson } from './detectors/json-spans.js'
import { makeShape, readShape } from './detectors/shape.js'
import { int8Digits, numericDigits } from './numeric-digits.js'
import type { CellMask } from './statement-masking.js'
import type { ValueType } from './value-type.js'

const REDACTED_JSON = Buffer.from('"[masked]"')
const JSON_NULL = Buffer.from('null')
const EMPTY = Buffer.alloc(0)

/** The net: what detectors do to values of any column, by type and format. */
export interface Net {
  /** Undefined when no detector can find anything in values of this type. */
  cellMask(type: ValueType, format: 'text' | 'binary'): CellMask | undefined
  maskText(text: string): string
}

/** Makes the net of some rules; undefined when there are none. */
export function makeNet(rules: readonly DetectorRule[], hashKey: Buffer): Net | undefined {
  const watches = watchesOf(rules)
  if (watches.length === 0) return undefined
  const shape = makeShape()
  const looks = (value: Buffer): boolean => {
    readShape(value, shape)
    return anyMayHold(watches, shape)
  }
  const context: NetContext = { watches, shape, looks, hashKey }
  const masks = new Map<string, CellMask | undefined>()
  const inText: CellMask = value => (looks(value) ? maskInText(value, context) : value)
  return {
    cellMask(type, format) {
      const key = `${type} ${format}`
      if (!masks.has(key)) masks.set(key, makeCellMask(type, format, context))
      return masks.get(key)
    },
    maskText(text) {
      const value = Buffer.from(text, 'utf8')
      const masked = inText(value)
      return masked === value ? text : (masked ?? EMPTY).toString('utf8')
    },
  }
}

interface NetContext {
  readonly watches: readonly Watch[]
  /** Filled by `looks`; read right after it. */
  readonly shape: Shape
  readonly looks: (value: Buffer) => boolean
  readonly hashKey: Buffer
}

function makeCellMask(type: ValueType, format: 'text' | 'binary', context: NetContext): CellMask | undefined {
  const { looks } = context
  const orNull: CellMask = value => (looks(value) && spansIn(value, context).length > 0 ? null : value)
  switch (type) {
    case 'text':
      return value => (looks(value) ? maskInText(value, context) : value)
    case 'json':
      return value => (looks(value) ? maskInJson(value, 0, context) : value)
    case 'jsonb':
      return value => (looks(value) ? maskInJson(value, format === 'binary' ? 1 : 0, context) : value)
    case 'int8':
    case 'numeric':
      return numberMask(type, format, context)
    case 'numbers':
      return format === 'text' ? orNull : undefined
    case 'bytea':
      return format === 'binary' ? orNull : value => (orNull(fromHex(value)) === null ? null : value)
    case 'opaque':
      // The inside of a binary array or row is not ours to rewrite.
      return format === 'binary' ? orNull : value => (looks(value) ? maskInText(value, context) : value)
    case 'uuid':
    case 'rigid':
      return undefined
    default:
      return unreachable(type)
  }
}

/** The bytes behind `\x…`, the way in which bytea is written; other forms as they are. */
function fromHex(value: Buffer): Buffer {
  return value[0] === 0x5c && value[1] === 0x78 ? Buffer.from(value.toString('latin1', 2), 'hex') : value
}

/** A number is a card number or it is not; there is nothing to replace inside of it. */
function numberMask(
  type: 'int8' | 'numeric',
  format: 'text' | 'binary',
  { watches }: NetContext,
): CellMask | undefined {
  if (!watches.some(watch => watch.detector.name === 'card-number')) return undefined
  if (format === 'text') return value => (value.length >= 13 && isCardNumber(wholePart(value)) ? null : value)
  const digits = type === 'int8' ? int8Digits : numericDigits
  return value => (isCardNumber(digits(value)) ? null : value)
}

function wholePart(value: Buffer): string {
  const text = value.toString('latin1')
  const dot = text.indexOf('.')
  return dot < 0 ? text : text.slice(0, dot)
}

function spansIn(value: Buffer, { watches, shape }: NetContext): readonly FoundSpan[] {
  return findSpans(watches, value.toString('latin1'), shape)
}

function maskInText(value: Buffer, context: NetContext): Buffer | null {
  const spans = spansIn(value, context)
  return spans.length === 0 ? value : replaceSpans(value, spans, context.hashKey)
}

function maskInJson(value: Buffer, skip: number, context: NetContext): Buffer | null {
  const spans = spansIn(value, context)
  if (spans.length === 0) return value
  const text = value.toString('latin1')
  const placed = placeInJson(text, spans)
  // Fail closed: what cannot be replaced in place is masked whole.
  if (placed === undefined) return Buffer.concat([value.subarray(0, skip), REDACTED_JSON])
  return replaceSpans(value, placed, context.hashKey)
}

function replaceSpans(
  value: Buffer,
  spans: readonly (FoundSpan & { readonly place?: 'string' | 'number' })[],
  hashKey: Buffer,
): Buffer | null {
  const pieces: Buffer[] = []
  let after = 0
  for (const { from, to, strategy, place } of spans) {
    const masked = maskPart(value.subarray(from, to), { strategy, place, hashKey })
    if (masked === null) return null
    pieces.push(value.subarray(after, from), masked)
    after = to
  }
  pieces.push(value.subarray(after))
  return Buffer.concat(pieces)
}

function maskPart(
  part: Buffer,
  options: {
    readonly strategy: MaskStrategy
    readonly place: 'string' | 'number' | undefined
    readonly hashKey: Buffer
  },
): Buffer | null {
  if (options.place === 'number' && options.strategy.kind !== 'null') return JSON_NULL
  return maskSpan(part, options.strategy, options.hashKey)
}
