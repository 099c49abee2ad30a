import type { CopyUse } from '../../domain/facts.js'
import type { RowPlan } from '../../masking/statement-masking.js'

/** How text format writes NULL when nobody says otherwise: no value is written like this. */
const CERTAIN_NULL = Buffer.from('\\N')
const BACKSLASH = 0x5c
const NEWLINE = 0x0a

/** The separators of one COPY TO STDOUT. */
interface CopySyntax {
  readonly format: 'text' | 'csv'
  readonly delimiter: number
  readonly nullText: Buffer
  readonly quote: number
  readonly escaper: number
}

/** Reads one row of COPY data into its fields and writes it back with some of them masked. */
export class CopyMasker {
  /** True for the columns that were changed in any row. */
  readonly changed: boolean[]
  readonly #plan: RowPlan
  readonly #syntax: CopySyntax
  #headerIsDue: boolean

  private constructor(plan: RowPlan, syntax: CopySyntax, header: boolean) {
    this.#plan = plan
    this.#syntax = syntax
    this.#headerIsDue = header
    this.changed = plan.map(() => false)
  }

  /** Undefined when rows of this COPY cannot be taken apart with certainty. */
  static over(copy: CopyUse, plan: RowPlan): CopyMasker | undefined {
    if (copy.format === 'binary') return undefined
    const { options } = copy
    const csv = copy.format === 'csv'
    const delimiter = oneByte(options.delimiter ?? (csv ? ',' : '\t'))
    const quote = oneByte(options.quote ?? '"')
    const escaper = oneByte(options.escape ?? options.quote ?? '"')
    if (delimiter === undefined || quote === undefined || escaper === undefined) return undefined
    const nullText = Buffer.from(options.null ?? (csv ? '' : '\\N'), 'utf8')
    const header = options.header
    const isOff = header === undefined || /^(false|off|0)$/i.test(header)
    return new CopyMasker(plan, { format: copy.format, delimiter, nullText, quote, escaper }, !isOff)
  }

  /** The row to send instead; `same` when nothing changed. INVARIANT 4: `broken` rows are never passed. */
  mask(row: Buffer): Buffer | 'same' | 'broken' {
    if (row.at(-1) !== NEWLINE) return 'broken'
    const header = this.#headerIsDue
    this.#headerIsDue = false
    if (header) return 'same'
    return this.#syntax.format === 'csv' ? this.#maskCsv(row) : this.#maskText(row)
  }

  #maskText(row: Buffer): Buffer | 'same' | 'broken' {
    const fields: Buffer[] = []
    const { nullText } = this.#syntax
    let start = 0
    for (let at = 0; at < row.length; at += 1) {
      const byte = row[at]
      if (byte === this.#syntax.delimiter || at === row.length - 1) {
        fields.push(row.subarray(start, at))
        start = at + 1
      } else if (byte === BACKSLASH) at += 1
    }
    if (start !== row.length) return 'broken'
    // Any other marker can be a value as well: what is equal to a guess of the client's must not stay as it is. In CSV the
    // server puts such a value in quotes.
    const isCertain = nullText.equals(CERTAIN_NULL)
    return this.#rebuild(fields, {
      isNull: field => isCertain && field.equals(nullText),
      read: unescapeText,
      write: value => escapeText(value, this.#syntax.delimiter),
    })
  }

  #maskCsv(row: Buffer): Buffer | 'same' | 'broken' {
    const fields: Buffer[] = []
    const { delimiter, quote, escaper, nullText } = this.#syntax
    let start = 0
    let quoted = false
    for (let at = 0; at < row.length; at += 1) {
      const byte = row[at]
      if (quoted) {
        if (byte === escaper && (row[at + 1] === quote || (escaper !== quote && row[at + 1] === escaper)))
          at += 1
        else if (byte === quote) quoted = false
      } else if (byte === quote) quoted = true
      else if (byte === delimiter || at === row.length - 1) {
        fields.push(row.subarray(start, at))
        start = at + 1
      }
    }
    if (quoted || start !== row.length) return 'broken'
    return this.#rebuild(fields, {
      isNull: field => field.equals(nullText),
      read: field => unquote(field, quote, escaper),
      write: value => enquote(value, quote, escaper),
    })
  }

  #rebuild(fields: readonly Buffer[], form: FieldForm): Buffer | 'same' | 'broken' {
    const plan = this.#plan
    const count = plan.length === 0 && fields.length === 1 && fields[0]?.length === 0 ? 0 : fields.length
    if (count !== plan.length) return 'broken'
    const parts: Buffer[] = []
    let changed = false
    for (const [column, field] of fields.entries()) {
      if (column > 0) parts.push(Buffer.of(this.#syntax.delimiter))
      const masking = plan[column]
      const value = masking === undefined || form.isNull(field) ? undefined : form.read(field)
      const masked = value === undefined ? value : masking?.mask(value)
      if (value === undefined || masked === undefined || masked === value) parts.push(field)
      else {
        changed = true
        this.changed[column] = true
        parts.push(masked === null ? this.#syntax.nullText : form.write(masked))
      }
    }
    if (!changed) return 'same'
    return Buffer.concat([...parts, Buffer.of(NEWLINE)])
  }
}

interface FieldForm {
  readonly isNull: (field: Buffer) => boolean
  readonly read: (field: Buffer) => Buffer
  readonly write: (value: Buffer) => Buffer
}

function oneByte(text: string): number | undefined {
  const code = text.charCodeAt(0)
  return text.length === 1 && code < 0x80 ? code : undefined
}

const ESCAPES: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9, 118: 11 }
const LETTERS: ReadonlyMap<number, number> = new Map(
  Object.entries(ESCAPES).map(([letter, byte]) => [byte, Number(letter)]),
)

/** Undoes the escapes that COPY TO writes in text format. PostgreSQL, COPY, "Text Format". */
function unescapeText(field: Buffer): Buffer {
  if (!field.includes(BACKSLASH)) return field
  const value = Buffer.allocUnsafe(field.length)
  let used = 0
  for (let at = 0; at < field.length; at += 1) {
    let byte = field[at] ?? 0
    if (byte === BACKSLASH) {
      at += 1
      const next = field[at] ?? BACKSLASH
      byte = ESCAPES[next] ?? next
    }
    value[used++] = byte
  }
  return value.subarray(0, used)
}

function escapeText(value: Buffer, delimiter: number): Buffer {
  const field = Buffer.allocUnsafe(2 * value.length)
  let used = 0
  for (const byte of value) {
    const letter = LETTERS.get(byte)
    if (letter !== undefined || byte === BACKSLASH || byte === delimiter) field[used++] = BACKSLASH
    field[used++] = letter ?? byte
  }
  return field.subarray(0, used)
}

function unquote(field: Buffer, quote: number, escaper: number): Buffer {
  if (!field.includes(quote)) return field
  const value = Buffer.allocUnsafe(field.length)
  let used = 0
  let quoted = false
  for (let at = 0; at < field.length; at += 1) {
    const byte = field[at] ?? 0
    const next = field[at + 1]
    if (quoted && byte === escaper && (next === quote || next === escaper)) {
      at += 1
      value[used++] = next
    } else if (byte === quote) quoted = !quoted
    else value[used++] = byte
  }
  return value.subarray(0, used)
}

function enquote(value: Buffer, quote: number, escaper: number): Buffer {
  const field = Buffer.allocUnsafe(2 * value.length + 2)
  let used = 0
  field[used++] = quote
  for (const byte of value) {
    if (byte === quote || byte === escaper) field[used++] = escaper
    field[used++] = byte
  }
  field[used++] = quote
  return field.subarray(0, used)
}
