import type { Duplex } from 'node:stream'
import { HoopError } from '../../lib/hoop-error.js'
import { unreachable } from '../../lib/unreachable.js'
import type { ReaderAction, TargetReader } from '../../protocols/protocol.js'
import type { TargetConnection } from './target.js'

/** How long a connection stays open for the next question. Short: it keeps a database from being dropped. */
const IDLE_MS = 10_000
/** Questions that wait for one connection. */
const WAITING_MAX = 256

/** A question to a target, and how to reach it. */
export interface OwnQuestion<Answer> {
  /** Makes the reader; once more when the connection that was kept turns out to be gone. */
  readonly reader: () => TargetReader<Answer>
  /** Opens a connection of the gateway's own. INVARIANT 9: nothing of a client but values is in what it asks. */
  readonly open: () => Promise<TargetConnection>
  /** What cannot be done without the answer, as in "read the catalog": for the error. */
  readonly purpose: string
  readonly answerMs: number
}

interface Entry {
  target: TargetConnection | undefined
  /** Settles when everything that was asked so far is answered. */
  tail: Promise<unknown>
  waiting: number
  idle: NodeJS.Timeout | undefined
}

/**
 * The gateway's own connections to targets, one for each key, kept open for a short while. Whoever opens one closes it
 * with its credential; whoever asks next opens another one.
 */
export class OwnConnections {
  readonly #entries = new Map<string, Entry>()
  #isClosed = false

  /** Connections that are open now. */
  get open(): number {
    let count = 0
    for (const { target } of this.#entries.values()) if (isOpen(target)) count += 1
    return count
  }

  /** Asks, one question after the other. Fails with `target_unavailable`, `limit_exceeded`, or as `open` does. */
  ask<Answer>(key: string, question: OwnQuestion<Answer>): Promise<Answer> {
    const entry = this.#entry(key)
    if (entry.waiting >= WAITING_MAX) {
      const why = `more than ${WAITING_MAX} questions wait for the target`
      return Promise.reject(new HoopError('limit_exceeded', `Cannot ${question.purpose}: ${why}`))
    }
    entry.waiting += 1
    clearTimeout(entry.idle)
    const turn = entry.tail.then(() => this.#askNow(entry, question))
    entry.tail = turn.catch(() => {})
    return turn.finally(() => this.#rest(key, entry))
  }

  /** Closes every connection; nothing is kept open from here on. */
  close(): void {
    this.#isClosed = true
    for (const [key, entry] of this.#entries) this.#drop(key, entry)
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const entry: Entry = { target: undefined, tail: Promise.resolve(), waiting: 0, idle: undefined }
    this.#entries.set(key, entry)
    return entry
  }

  async #askNow<Answer>(entry: Entry, question: OwnQuestion<Answer>): Promise<Answer> {
    const kept = isOpen(entry.target) ? entry.target : undefined
    if (kept !== undefined) {
      const outcome = await this.#tryOn(entry, kept, question)
      if (outcome.kind === 'answer') return outcome.answer
      // The session that opened it may have ended, or the target was restarted: that says nothing about the question.
      if (outcome.kind === 'failed') throw cannot(question, outcome.why)
    }
    const target = await question.open()
    target.stream.on('error', () => {})
    entry.target = target
    const outcome = await this.#tryOn(entry, target, question)
    if (outcome.kind === 'answer') return outcome.answer
    throw cannot(question, outcome.why)
  }

  async #tryOn<Answer>(
    entry: Entry,
    { stream }: TargetConnection,
    { reader, answerMs }: OwnQuestion<Answer>,
  ): Promise<Outcome<Answer>> {
    const outcome = await perform(stream, reader(), answerMs)
    stream.pause()
    // Only what was read to its end leaves a connection of which is known where it stands.
    if (outcome.kind !== 'answer') {
      stream.destroy()
      entry.target = undefined
    }
    return outcome
  }

  #rest(key: string, entry: Entry): void {
    entry.waiting -= 1
    if (entry.waiting > 0) return
    if (this.#isClosed || !isOpen(entry.target)) return this.#drop(key, entry)
    clearTimeout(entry.idle)
    entry.idle = setTimeout(() => this.#drop(key, entry), IDLE_MS)
    entry.idle.unref()
  }

  #drop(key: string, entry: Entry): void {
    clearTimeout(entry.idle)
    entry.target?.stream.destroy()
    entry.target = undefined
    if (entry.waiting === 0 && this.#entries.get(key) === entry) this.#entries.delete(key)
  }
}

type Outcome<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'closed'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }

/** Performs what a reader says until it has its answer. Never rejects. */
async function perform<Answer>(
  stream: Duplex,
  reader: TargetReader<Answer>,
  answerMs: number,
): Promise<Outcome<Answer>> {
  return new Promise(resolve => {
    const settle = (outcome: Outcome<Answer>): void => {
      clearTimeout(timer)
      stream.off('data', onData)
      stream.off('close', onClose)
      resolve(outcome)
    }
    const onClose = (): void => settle({ kind: 'closed', why: 'the target closed the connection' })
    const timer = setTimeout(() => settle({ kind: 'failed', why: 'it took too long' }), answerMs)
    const act = (actions: readonly ReaderAction<Answer>[]): void => {
      for (const action of actions) {
        if (action.kind === 'toTarget') stream.write(action.bytes)
        else if (action.kind === 'answer') settle(action)
        else if (action.kind === 'failed') settle({ kind: 'failed', why: action.message })
        else unreachable(action)
      }
    }
    const onData = (chunk: Buffer): void => act(reader.fromTarget(chunk))
    if (stream.destroyed) return onClose()
    stream.on('data', onData)
    stream.once('close', onClose)
    stream.resume()
    act(reader.begin())
  })
}

function isOpen(target: TargetConnection | undefined): boolean {
  return target !== undefined && !target.stream.destroyed && target.stream.writable
}

function cannot({ purpose }: { readonly purpose: string }, why: string): HoopError {
  return new HoopError('target_unavailable', `Cannot ${purpose}: ${why}`)
}
