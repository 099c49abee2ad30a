import { ByteReader } from '../../lib/byte-reader.js'
import type { StatementMasking } from '../../masking/statement-masking.js'
import { parameterStatus, readErrorFields, writeErrorFields, writeMessage } from './codec.js'

/** Fields that quote values: message, detail, hint, context, internal query. The others are names, codes and places. */
const QUOTING = ['M', 'D', 'H', 'W', 'q'] as const

/** syntax_error, undefined_column, ambiguous_column, undefined_table, undefined_function, grouping_error. */
const ANALYSIS_CODES: ReadonlySet<string> = new Set(['42601', '42703', '42702', '42P01', '42883', '42803'])

/** The body of an ErrorResponse or NoticeResponse as the client may see it. INVARIANT 4. */
export function maskErrorFields(body: Buffer, masking: StatementMasking): Buffer {
  const fields = readErrorFields(body)
  if (isAboutTheText(fields)) return body
  for (const letter of QUOTING) {
    const text = fields.get(letter)
    if (text === undefined) continue
    if (masking.hidesMessages && letter !== 'M') fields.delete(letter)
    else fields.set(letter, masking.maskText(text))
  }
  return writeErrorFields(fields)
}

/**
 * True for an error of parse analysis: it came before any row was read, and quotes names and what the client typed. Only
 * the text of the client itself gives a position: the same errors of names that are values, `ssn::regclass`, have none,
 * and those of texts that functions run have an internal one. PostgreSQL protocol, "Error and Notice Message Fields".
 */
function isAboutTheText(fields: ReadonlyMap<string, string>): boolean {
  const elsewhere = ['D', 'W', 'p', 'q'].some(letter => fields.has(letter))
  return ANALYSIS_CODES.has(fields.get('C') ?? '') && fields.has('P') && !elsewhere
}

/** A NotificationResponse with its payload masked; undefined when it is not well formed. */
export function maskNotification(body: Buffer, masking: StatementMasking): Buffer | undefined {
  const reader = new ByteReader(body)
  const process = reader.take(4)
  const channel = reader.takeUntilNul()
  const payload = reader.cstring()
  if (!reader.ok || reader.remaining > 0) return undefined
  const nul = Buffer.alloc(1)
  const masked = Buffer.from(
    (masking.maskPayload?.(payload) ?? masking.maskText(payload)).replaceAll('\0', ''),
    'utf8',
  )
  return writeMessage('A', Buffer.concat([process, channel, nul, masked, nul]))
}

/** A setting that the server reports; undefined when it is not well formed. */
export function readParameterStatus(
  body: Buffer,
): { readonly name: string; readonly value: string } | undefined {
  const reader = new ByteReader(body)
  const name = reader.cstring()
  const value = reader.cstring()
  return reader.ok && reader.remaining === 0 ? { name, value } : undefined
}

/** A ParameterStatus whose value may be something that a client or a row put there. */
export function maskedParameterStatus(
  name: string,
  value: string,
  masking: StatementMasking | undefined,
): Buffer {
  return parameterStatus(name, masking === undefined ? value : masking.maskText(value))
}
