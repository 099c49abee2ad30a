import type { Decision } from '../domain/decision.js'
import { describeEnd } from '../domain/session.js'
import { unreachable } from '../lib/unreachable.js'
import { describeValue } from './describe-value.js'
import { toPrintable, toPrintableLines } from './printable.js'
import type { RecordedEvent } from './recorded-event.js'
import { TextTable } from './text-table.js'
import { WIDTH_MIN, wrapText } from './text-width.js'

type EventOf<Kind extends RecordedEvent['kind']> = Extract<RecordedEvent, { readonly kind: Kind }>

export interface TextOptions {
  /** Columns of the terminal or the page, at least `WIDTH_MIN`. No line is wider. */
  readonly widthMax?: number
}

const WIDTH_DEFAULT = 120
/** Begins each line that somebody else wrote. Lines of our own never begin like this. */
const QUOTE = '  | '
const INDENT = '    '
/** Operations whose start and rows are remembered until their answer; of older ones the duration is not shown. */
const OPEN_MAX = 1000
/** Rows held at once for all of them. Answers come in order, so a client has one result in the making. */
const HELD_ROWS_MAX = 10_000

/**
 * A session as text for people, event by event, in flat memory. Whatever a client or a target said stands behind a mark at
 * the start of its line, broken at the width, with every character shown: it cannot pass for a line of ours.
 */
export class TextRenderer {
  readonly #widthMax: number
  /** Operations without an answer, oldest first. */
  readonly #open = new Map<number, { readonly startedMs: number; table: TextTable }>()
  #heldRows = 0

  constructor({ widthMax = WIDTH_DEFAULT }: TextOptions = {}) {
    this.#widthMax = Math.max(widthMax, WIDTH_MIN)
  }

  /** The lines that show this event; none for rows, which are shown with their result. */
  push(event: RecordedEvent): readonly string[] {
    const lines = this.#lines(event)
    return lines.flatMap(text => wrapText({ text, widthMax: this.#widthMax }))
  }

  #lines(event: RecordedEvent): readonly string[] {
    const at = formatOffset(event.t)
    switch (event.kind) {
      case 'session':
        return sessionLines(event)
      case 'client': {
        const as = event.application === undefined ? '' : ` as "${toPrintable(event.application)}"`
        return [`${at}  client ${event.client} connected to "${toPrintable(event.database)}"${as}`]
      }
      case 'prepare':
        return [`${at}  client ${event.client} prepared a statement`, ...quote(event.statement)]
      case 'review':
        return reviewLines(event, at)
      case 'operation':
        return this.#operationLines(event, at)
      case 'rows':
        this.#hold(event)
        return []
      case 'result':
        return this.#resultLines(event, at)
      case 'notice': {
        const { client, severity, message } = event
        return [`${at}  client ${client} was told: ${toPrintable(severity)}`, ...quote(message)]
      }
      case 'cancel':
        return [`${at}  client ${event.client} asked to cancel`]
      case 'client_end': {
        const { client, reason, bytesFromClient, bytesToClient } = event
        const bytes = `${formatCount(bytesFromClient)} bytes from it, ${formatCount(bytesToClient)} to it`
        return [`${at}  client ${client} ended: ${describeEnd(reason)} (${bytes})`]
      }
      case 'end':
        return [`${at}  session ended: ${describeEnd(event.reason)}`]
      default:
        return unreachable(event)
    }
  }

  #hold(event: EventOf<'rows'>): void {
    const table = this.#open.get(event.operation)?.table
    if (table === undefined) return
    const before = table.rowsHeld
    table.add({ ...event, rowsMax: HELD_ROWS_MAX - this.#heldRows })
    this.#heldRows += table.rowsHeld - before
  }

  #operationLines(event: EventOf<'operation'>, at: string): readonly string[] {
    const { client, operation, statement, values = [], decision } = event
    const [oldest] = this.#open.size < OPEN_MAX ? [] : this.#open.keys()
    for (const closed of oldest === undefined ? [operation] : [operation, oldest]) {
      this.#heldRows -= this.#open.get(closed)?.table.rowsHeld ?? 0
      this.#open.delete(closed)
    }
    this.#open.set(operation, { startedMs: event.t, table: new TextTable() })
    return [
      '',
      `${at}  #${operation}  client ${client}  ${describeDecision(decision)}`,
      ...quote(statement),
      ...values.map((value, index) => `${INDENT}$${index + 1} = ${toPrintable(describeValue(value))}`),
    ]
  }

  #resultLines(event: EventOf<'result'>, at: string): readonly string[] {
    const { operation, outcome, tag, rowCount, byteCount, masked = [], error } = event
    const open = this.#open.get(operation)
    const table = open?.table ?? new TextTable()
    this.#heldRows -= table.rowsHeld
    table.add(event)
    // One text can have many results; the next one begins with an empty table.
    if (open !== undefined) open.table = new TextTable()
    const facts = [
      ...(tag === undefined ? [] : [toPrintable(tag)]),
      `${formatCount(rowCount)} rows`,
      `${formatCount(byteCount)} bytes`,
      ...(open === undefined ? [] : [`${(event.t - open.startedMs).toFixed(3)} ms`]),
    ]
    const notKept = rowCount - table.rowsTaken
    return [
      `${at}  #${operation}  ${outcome}: ${facts.join(', ')}`,
      ...table.render({ widthMax: this.#widthMax - QUOTE.length }).map(line => QUOTE + line),
      ...(table.rowsHidden > 0
        ? [`${INDENT}… ${formatCount(table.rowsHidden)} more rows are kept and not shown here`]
        : []),
      ...(notKept > 0 ? [`${INDENT}… ${formatCount(notKept)} more rows were not kept`] : []),
      ...masked.map(
        ({ column, rule }) => `${INDENT}masked by rule "${rule}": column "${toPrintable(column)}"`,
      ),
      ...(error === undefined ? [] : [`${INDENT}error ${toPrintable(error.code)}`, ...quote(error.message)]),
    ]
  }
}

/** All of a session at once, with a line feed after each line. */
export function renderText(events: Iterable<RecordedEvent>, options: TextOptions = {}): string {
  const renderer = new TextRenderer(options)
  return Array.from(events, event =>
    renderer
      .push(event)
      .map(line => `${line}\n`)
      .join(''),
  ).join('')
}

function sessionLines(event: EventOf<'session'>): readonly string[] {
  const { session, grant, principal, connection, role, reason, address, until, policy, at } = event
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['who', `${principal.name} (${principal.subject} at ${principal.issuer})`],
    ['groups', principal.groups.join(', ') || 'none'],
    ['connection', `${connection} as ${role}`],
    ['grant', `${grant} until ${until}`],
    ['reason', reason],
    ['from', address],
    ['policy', policy],
    ['started', at],
  ]
  const shown = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${name.padEnd(12)}${toPrintable(value)}`],
  )
  return [`session ${session}`, ...shown, '']
}

function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'allow': {
      if (decision.lifted !== undefined)
        return `allowed, the glass was broken: ${decision.lifted.map(rule => `rule "${rule}"`).join(' and ')} would have held it`
      const approved = decision.review === undefined ? '' : `, approved in review ${decision.review}`
      return decision.rule === undefined
        ? `allowed${approved}`
        : `allowed by rule "${decision.rule}"${approved}`
    }
    case 'deny':
      return `refused by rule "${decision.rule}": ${toPrintable(decision.message)}`
    default:
      return unreachable(decision)
  }
}

function reviewLines(event: EventOf<'review'>, at: string): readonly string[] {
  const { client, review, state, rules, statement, values = [], why, answers = [] } = event
  const by = rules.map(rule => `"${rule}"`).join(', ')
  const what = state === 'pending' ? `waits for people, rule ${by}` : state
  const reason = why === undefined ? '' : `: ${toPrintable(why)}`
  return [
    `${at}  client ${client}  review ${review} ${what}${reason}`,
    ...(statement === undefined ? [] : quote(statement)),
    ...values.map((value, index) => `${INDENT}$${index + 1} = ${toPrintable(describeValue(value))}`),
    ...answers.flatMap(answer => [
      `${INDENT}${toPrintable(answer.by)} said ${answer.verdict} at ${toPrintable(answer.at)}`,
      ...(answer.comment === undefined ? [] : quote(answer.comment)),
    ]),
  ]
}

function quote(text: string): readonly string[] {
  return toPrintableLines(text).map(line => QUOTE + line)
}

/** Time since the session began, `+01:02:03.004`. */
function formatOffset(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const clock = parts.map(part => String(part).padStart(2, '0')).join(':')
  return `+${clock}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`
}

/** A count with its thousands apart, `9 900`. */
function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ')
}
