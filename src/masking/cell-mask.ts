import type { MaskStrategy } from '../domain/masking-rule.js'
import { unreachable } from '../lib/unreachable.js'
import { keepLast } from './keep-last.js'
import { hashText, hashUuid } from './keyed-hash.js'
import type { CellMask } from './statement-masking.js'
import type { ValueType } from './value-type.js'

const REDACTED = Buffer.from('[masked]')
const REDACTED_JSON = Buffer.from('"[masked]"')
/** `jsonb_recv` wants a version byte before the text. */
const REDACTED_JSONB = Buffer.concat([Buffer.from([1]), REDACTED_JSON])

const toNull: CellMask = () => null

export interface CellMaskOptions {
  readonly strategy: MaskStrategy
  readonly type: ValueType
  readonly format: 'text' | 'binary'
  readonly hashKey: Buffer
}

/**
 * The mask of a whole value. What comes out is valid in the value's type and format; where the strategy has nothing
 * that fits, it is NULL.
 */
export function cellMask({ strategy, type, format, hashKey }: CellMaskOptions): CellMask {
  switch (strategy.kind) {
    case 'null':
      return toNull
    case 'redact':
      return redact(type, format)
    case 'keep-last':
      return type === 'text' ? value => keepLast(value, strategy.count) : toNull
    case 'hash':
      if (type === 'text') return value => hashText(value, hashKey)
      return type === 'uuid' ? value => hashUuid(value, hashKey, format) ?? null : toNull
    default:
      return unreachable(strategy)
  }
}

function redact(type: ValueType, format: 'text' | 'binary'): CellMask {
  if (type === 'text') return () => REDACTED
  if (type === 'json' || (type === 'jsonb' && format === 'text')) return () => REDACTED_JSON
  return type === 'jsonb' ? () => REDACTED_JSONB : toNull
}

/** What a strategy makes of a part of a text, when a detector found it there; null when the whole value is to be NULL. */
export function maskSpan(span: Buffer, strategy: MaskStrategy, hashKey: Buffer): Buffer | null {
  switch (strategy.kind) {
    case 'null':
      return null
    case 'redact':
      return REDACTED
    case 'keep-last':
      return keepLast(span, strategy.count)
    case 'hash':
      return hashText(span, hashKey)
    default:
      return unreachable(strategy)
  }
}
