import type { Decision } from '../../domain/decision.js'
import type { RecordedValue, RecordingEvent } from '../../domain/event.js'
import type { StatementFacts } from '../../domain/facts.js'
import type { ReviewId } from '../../domain/ids.js'
import type { SessionNames, TransactionState } from '../../domain/operation.js'
import type { EndReason } from '../../domain/session.js'
import type { StatementMasking } from '../../masking/statement-masking.js'
import type { Action, JoinOptions, Verdict } from '../protocol.js'
import { flush } from './codec.js'
import { beginEffects, type Names } from './effects.js'
import { endError } from './end-error.js'
import { KeptBack } from './kept-back.js'
import { NameTable, type Portal, type Prepared, sqlNameKey } from './names.js'
import { OWED_MAX, type Owed, OwedQueue, runOf } from './owed.js'
import { type Refusal, refusalFrom } from './refusal.js'
import { Run } from './run.js'

/** Notices that wait for the end of one message; a message ends, or the connection does. */
const NOTICES_MAX = 16

/** True when statements change definitions, or run code that can. */
function changesDefinitions(statements: readonly StatementFacts[]): boolean {
  return statements.some(({ commands }) =>
    commands.some(({ verb, defines, opaque }) => defines || opaque || verb === 'CALL'),
  )
}

/** An operation as it is decided. */
export interface Begun {
  readonly text: string
  readonly values: readonly RecordedValue[]
  readonly decision: Decision
  readonly verdict: Verdict | undefined
  /** What the client is told in the place of the rule's own words. */
  readonly words?: Refusal | undefined
  /** False when what runs is not the text itself. */
  readonly changesNames?: boolean
}

/** The actions of a call, in order, and what both directions of one client connection know together. */
export class Joint implements Names {
  readonly options: JoinOptions
  readonly owed = new OwedQueue()
  readonly statements = new NameTable<Prepared>()
  readonly cursors = new NameTable<Portal>()
  /** Both tables as policy may ask them. */
  readonly names: SessionNames = {
    behind: (kind, name) => this.#behind(kind, name),
    textsBehind: (kind, name) => this.#textsBehind(kind, name),
    openedBy: name => this.#openedBy(name),
    isBound: name => this.cursors.behind(sqlNameKey(name))?.some(({ bound }) => bound !== undefined) ?? false,
  }
  /** Counts what the server does as one unit up to an error: a Query, or the messages up to a Sync. */
  batch = 0
  /** An error was answered or is certain to be, and the target ignores what the client sends up to Sync. */
  skipping = false
  /** The target reads COPY data: CopyInResponse came, and the client did not end the data yet. */
  copyIn = false
  /** A COPY FROM STDIN failed before the client ended its data, which it may go on sending for a while. */
  copyIsStale = false
  /** How the target stores text and names, and so how it compares them. Empty when it does not say. */
  readonly serverEncoding: string
  /** From ReadyForQuery: idle, in a transaction, or in a failed one. */
  status: 'I' | 'T' | 'E' = 'I'
  /** Definitions changed in a transaction that is not over. */
  definesUncommitted = false
  /** The same, or something that could change them was sent since the target last said that all is over. */
  mayDefine = false
  /** Masking of what belongs to no statement, by the rules in force when it is asked. */
  background: () => StatementMasking | undefined = () => undefined
  /** Masking of a statement whose values may be in messages up to the end of the transaction: deferred checks speak late. */
  hiding: StatementMasking | undefined
  /** The target itself said why it is going. */
  fatalWasSent = false
  ended = false
  /** Writes what is gathered for the client and not sent; set by the target's side. */
  flushClient: () => void = () => {}
  /** True while the client has got half a message. Set by the target's side. */
  clientIsMidMessage: () => boolean = () => false
  /** Notices of the gateway's own for which the client is in the middle of a message. */
  notices: Buffer[] = []
  readonly #kept = new KeptBack(bytes => this.act({ kind: 'toTarget', bytes }))
  #actions: Action[] = []

  constructor(options: JoinOptions) {
    this.options = options
    this.serverEncoding = options.ready.settings.get('server_encoding') ?? ''
  }

  /** The actions since the last call. */
  take(): readonly Action[] {
    const actions = this.#actions
    this.#actions = []
    return actions
  }

  act(action: Action): void {
    this.#actions.push(action)
  }

  toClient(bytes: Buffer): void {
    this.#actions.push({ kind: 'toClient', bytes })
  }

  toTarget(bytes: Buffer): void {
    if (!this.#kept.add(bytes)) this.#actions.push({ kind: 'toTarget', bytes })
  }

  get isKeepingBack(): boolean {
    return this.#kept.isKeeping
  }

  /** Keeps what follows for the target back, up to an operation that people may be asked about. */
  keepBack(): void {
    this.#kept.begin(this.owed.isBusy)
  }

  /** Sends what was kept back. */
  sendKept(): void {
    this.#kept.send()
  }

  /** Asks the target for the answers that it owes, past what is kept back. PostgreSQL protocol, "Extended Query". */
  flushTarget(): void {
    if (this.#targetIsBusy) this.act({ kind: 'toTarget', bytes: flush() })
  }

  /** What an operation would run in. What the target has not answered may have opened a transaction, or closed it. */
  get transaction(): TransactionState {
    if (this.#targetIsBusy || this.status === 'T') return 'open'
    return this.status === 'I' ? 'none' : 'failed'
  }

  /** Tells the client, or keeps the message until the one it is reading is over. */
  notify(bytes: Buffer): void {
    if (!this.clientIsMidMessage()) {
      this.flushClient()
      this.toClient(bytes)
    } else if (this.notices.length < NOTICES_MAX) this.notices.push(bytes)
  }

  record(event: RecordingEvent): void {
    this.#actions.push({ kind: 'record', event })
  }

  /** Adds an answer owed. INVARIANT 8: false, and the connection is closed, when there are too many. */
  owe(owed: Owed): boolean {
    if (this.owed.length >= OWED_MAX) {
      this.close('limit_exceeded', `more than ${OWED_MAX} messages wait for their answers`)
      return false
    }
    this.owed.push(owed)
    return true
  }

  /** INVARIANT 1: records an operation with its decision; whatever goes to the target for it comes after. */
  begin({ text, values, decision, verdict, words, changesNames = true }: Begun): Run {
    const operation = this.options.nextOperation()
    this.record({
      kind: 'operation',
      client: this.options.client,
      operation,
      statement: text,
      ...(values.length === 0 ? {} : { values }),
      decision,
      verbs: verdict?.verbs ?? [],
      tables: verdict?.tables ?? [],
    })
    if (decision.kind === 'allow' && changesDefinitions(verdict?.statements ?? [])) this.mayDefine = true
    const refusal = decision.kind === 'deny' ? (words ?? refusalFrom(decision)) : undefined
    const effects =
      refusal === undefined && verdict !== undefined && changesNames
        ? beginEffects(this, text, verdict, this.batch)
        : []
    return new Run({ operation, limits: this.options.results, verdict, refusal, effects })
  }

  /** The operation whose COPY FROM STDIN takes data now, or is the next to do so. */
  copyInRun(): Run | undefined {
    const { head } = this.owed
    if (head?.kind !== 'query' && head?.kind !== 'execute') return undefined
    if (this.copyIn) return head.run
    const copies = head.run.verdict?.statements.some(one => one.flow.copy?.direction === 'in') ?? false
    return copies ? head.run : undefined
  }

  /** Ends the client connection because of what one side said. */
  close(reason: EndReason, message: string): void {
    if (this.ended) return
    this.end(reason, message)
    this.act({ kind: 'close', reason, message })
  }

  /** Records what is still owed as abandoned and tells the client why, unless it is in the middle of a message. */
  end(reason: EndReason, message: string, hint?: string): void {
    if (this.ended) return
    for (let owed = this.owed.shift(); owed !== undefined; owed = this.owed.shift()) {
      const run = runOf(owed)
      // The run behind a description of our own has an entry of its own.
      if (run === undefined || run.failed || owed.kind === 'describe') continue
      const rows = run.takeRows()
      if (rows !== undefined) this.record(rows)
      this.record(run.finish({ outcome: run.refusal === undefined ? 'abandoned' : 'refused' }))
    }
    this.flushClient()
    this.ended = true
    const error = this.fatalWasSent || this.clientIsMidMessage() ? undefined : endError(reason, message, hint)
    if (error !== undefined) this.toClient(error)
  }

  get #targetIsBusy(): boolean {
    return this.#kept.isKeeping ? this.#kept.targetWasBusy : this.owed.isBusy
  }

  #textsBehind(kind: 'prepared' | 'cursor', name: string): readonly string[] {
    const key = sqlNameKey(name)
    const prepared =
      kind === 'prepared'
        ? this.statements.behind(key)
        : this.cursors.behind(key)?.flatMap(portal => portal.prepared ?? [])
    return prepared?.map(one => one.text) ?? []
  }

  #openedBy(cursor: string): ReviewId | undefined {
    const [only, ...more] = this.cursors.behind(sqlNameKey(cursor)) ?? []
    return more.length === 0 ? only?.review : undefined
  }

  #behind(kind: 'prepared' | 'cursor', name: string): readonly StatementFacts[] | undefined {
    const key = sqlNameKey(name)
    const found =
      kind === 'prepared'
        ? this.statements.behind(key)
        : this.cursors.behind(key)?.map(portal => portal.prepared)
    // One unknown statement makes the whole name unknown.
    const known = found?.filter(prepared => prepared !== undefined)
    if (known === undefined || known.length !== found?.length || known.some(usesNames)) return undefined
    return known.flatMap(({ statements }) => statements)
  }
}

/**
 * True for a parsed statement that itself uses or changes names, `EXECUTE a` or `DEALLOCATE a`: behind another name, what it
 * runs is another thing each time, and what it changes would be missed. INVARIANT 2: it is not known.
 */
function usesNames({ isParsed, statements }: Prepared): boolean {
  return isParsed && statements.some(changesOrUsesName)
}

function changesOrUsesName({ flow, commands }: StatementFacts): boolean {
  return flow.sessionName !== undefined || commands.some(({ verb }) => verb === 'DISCARD')
}
