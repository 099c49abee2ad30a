import type { Duplex } from 'node:stream'
import type { RecordingEvent } from '../../domain/event.js'
import type { Operation } from '../../domain/operation.js'
import type { EndReason } from '../../domain/session.js'
import { describeEnd } from '../../domain/session.js'
import { unreachable } from '../../lib/unreachable.js'
import type { Action, ClientNotice, Machine, Verdict } from '../../protocols/protocol.js'
import type { Recorder } from '../recordings/recorder.js'
import { closeSoon } from './close-soon.js'
import { isHeld, type Judged } from './held-verdict.js'
import type { Hold } from './hold.js'
import type { Judge } from './judge.js'
import { RelayHold } from './relay-hold.js'

export interface RelayOptions {
  readonly client: Duplex
  readonly target: Duplex
  readonly machine: Machine
  readonly judge: Judge
  /** Asks people about what the judge says they have to agree to. */
  readonly hold: Hold
  /** What the person is told before a verdict takes effect; undefined for most. */
  readonly noticeOf?: (operation: Operation, verdict: Verdict) => ClientNotice | undefined
  readonly recorder: Recorder
  /** Definitions changed: the next verdict needs a fresh catalog. */
  readonly onCatalogChanged: () => void
  /** A failure that is ours; the client is told only that it happened. */
  readonly onFault: (error: unknown) => void
  /** Something was said by either side. */
  readonly onActivity: () => void
}

/** What a client is told at the end; the reason in words unless it says otherwise, and what helps. */
export interface Farewell {
  readonly message?: string
  readonly hint?: string
}

/** How a relay ended, with the bytes that crossed it. */
export interface RelayEnd {
  /** An answer was still owed: something may be running at the target. */
  readonly wasBusy: boolean
  readonly counts: {
    readonly reason: EndReason
    readonly bytesFromClient: number
    readonly bytesToClient: number
  }
}

/**
 * Performs what a protocol machine says, for one client connection: the only place where its actions meet sockets. The
 * two directions stop on their own: the client is not read while a verdict is out or the target is full, and the
 * target is not read while the client is full. While people are asked, the client is read on, so that its end is seen.
 */
export class Relay {
  readonly ended: Promise<RelayEnd>
  readonly #options: RelayOptions
  #settle: (end: RelayEnd) => void = () => {}
  #done = false
  #bytesFromClient = 0
  #bytesToClient = 0
  /** An event was taken and not yet handed to the operating system. */
  #uncommitted = false
  /** Reasons why the client is not being read now. */
  #clientHolds = 0
  /** The operation that people are asked about now. */
  #held: RelayHold | undefined
  #targetFull = false
  #clientFull = false
  #recorderFailed = false

  constructor(options: RelayOptions) {
    this.#options = options
    this.ended = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  /** Greets the client and lets the bytes flow. */
  start(): void {
    const { client, target, machine } = this.#options
    client.on('data', (chunk: Buffer) => this.#onClientData(chunk))
    target.on('data', (chunk: Buffer) => this.#onTargetData(chunk))
    client.on('drain', () => this.#onClientDrain())
    target.on('drain', () => this.#onTargetDrain())
    client.once('end', () => this.end('client_closed'))
    target.once('end', () => this.end('target_closed'))
    client.once('close', () => this.end('client_closed'))
    target.once('close', () => this.end('target_closed'))
    client.on('error', () => this.end('client_closed'))
    target.on('error', () => this.end('target_closed'))
    this.#guard(() => this.#perform(machine.begin()))
    // Whoever read them before left them paused.
    target.resume()
    this.#readClient()
  }

  /** True while an answer is owed to the client. */
  get isBusy(): boolean {
    return !this.#done && this.#options.machine.isBusy
  }

  /** Tells the client something, between two messages. */
  notify(notice: ClientNotice): void {
    this.#guard(() => this.#perform(this.#options.machine.notify(notice)))
  }

  /** Takes the question back that waits for people: what a cancel request means then. False when there is none. */
  withdraw(): boolean {
    this.#held?.end('cancelled')
    return this.#held !== undefined
  }

  /** Ends the connection on both sides; the first reason counts. The client is told why where the protocol can. */
  end(reason: EndReason, { message = describeEnd(reason), hint }: Farewell = {}): void {
    if (this.#done) return
    this.#done = true
    const { client, target, machine } = this.#options
    const wasBusy = machine.isBusy
    try {
      for (const action of machine.end(reason, message, hint)) {
        if (action.kind === 'record') this.#recordLast(action.event)
        if (action.kind === 'toClient' && client.writable) this.#toClient(action.bytes)
      }
    } catch (error) {
      // The machine is broken; the end itself must still happen.
      this.#options.onFault(error)
    }
    closeSoon(client)
    closeSoon(target)
    const counts = { reason, bytesFromClient: this.#bytesFromClient, bytesToClient: this.#bytesToClient }
    const held = this.#held
    if (held === undefined) return this.#settle({ wasBusy, counts })
    held.end(reason)
    // A question that is taken back is recorded, and the recording ends after it.
    held.settled().then(() => this.#settle({ wasBusy, counts }))
  }

  /** A recorder that is gone does not keep the client from hearing why. */
  #recordLast(event: RecordingEvent): void {
    if (this.#recorderFailed) return
    try {
      this.#options.recorder.append(event)
    } catch (error) {
      this.#recorderFailed = true
      this.#options.onFault(error)
    }
  }

  #onClientData(chunk: Buffer): void {
    const held = this.#held
    this.#bytesFromClient += chunk.length
    this.#options.onActivity()
    this.#guard(() => this.#perform(this.#options.machine.fromClient(chunk)))
    if (held === undefined) return
    held.takeBehind(chunk.length)
    this.#readClient()
  }

  #onTargetData(chunk: Buffer): void {
    const { machine } = this.#options
    this.#guard(() => this.#perform(machine.fromTarget(chunk)))
    if (this.#held !== undefined && machine.isMoot) this.#held.end('moot')
  }

  /** A throw in here is a bug of ours or a dead recorder: both end the connection, neither reaches another one. */
  #guard(work: () => void): void {
    if (this.#done) return
    const { target } = this.#options
    // What one chunk brings goes to the target in one write: the part before a verdict and the part behind it.
    target.cork()
    try {
      work()
    } catch (error) {
      this.#fail(error)
    } finally {
      target.uncork()
    }
  }

  #fail(error: unknown): void {
    this.#options.onFault(error)
    this.#recorderFailed = isRecorderFailure(error)
    this.end(this.#recorderFailed ? 'recorder_failed' : 'fault')
  }

  #perform(first: readonly Action[]): void {
    let actions = first
    for (let index = 0; index < actions.length && !this.#done; index += 1) {
      const action = actions[index]
      if (action === undefined) return
      if (action.kind === 'judge') {
        const { operation } = action
        const judged = this.#options.judge(operation)
        if (judged instanceof Promise)
          return this.#resumeAfter(judged, answer => this.#decide(operation, answer))
        actions = this.#decide(operation, judged)
        index = -1
      } else if (action.kind === 'toTarget' && this.#uncommitted) {
        // INVARIANT 1: recorded first. What follows waits with it, so that the order stays.
        this.#uncommitted = false
        const written = this.#options.recorder.commit()
        if (written !== undefined) {
          const rest = actions.slice(index)
          return this.#resumeAfter(written, () => rest)
        }
        this.#toTarget(action.bytes)
      } else this.#performOne(action)
    }
  }

  #decide(operation: Operation, judged: Judged): readonly Action[] {
    const { machine, hold, noticeOf } = this.#options
    if (!isHeld(judged)) {
      const notice = noticeOf?.(operation, judged)
      if (notice === undefined) return machine.decide(judged)
      return [...machine.notify(notice), ...machine.decide(judged)]
    }
    const held = new RelayHold({ hold, operation, verdict: judged, notify: notice => this.notify(notice) })
    this.#held = held
    if (machine.isMoot) held.end('moot')
    held.verdict.then(
      verdict => {
        this.#held = undefined
        this.#guard(() => this.#perform(machine.decide(verdict)))
        this.#readClient()
      },
      error => this.#fail(error),
    )
    return machine.hold()
  }

  #performOne(action: Exclude<Action, { kind: 'judge' }>): void {
    switch (action.kind) {
      case 'toClient':
        return this.#toClient(action.bytes)
      case 'toTarget':
        return this.#toTarget(action.bytes)
      case 'record':
        this.#uncommitted = true
        return this.#options.recorder.append(action.event)
      case 'catalogChanged':
        return this.#options.onCatalogChanged()
      case 'close':
        return this.end(action.reason, action)
      default:
        return unreachable(action)
    }
  }

  /** Holds the client's direction until `wait` settles; what the target says goes on meanwhile. */
  #resumeAfter<Value>(wait: Promise<Value>, next: (value: Value) => readonly Action[]): void {
    this.#clientHolds += 1
    this.#options.client.pause()
    wait.then(
      value => {
        this.#clientHolds -= 1
        this.#guard(() => this.#perform(next(value)))
        this.#readClient()
      },
      error => this.#fail(error),
    )
  }

  #toClient(bytes: Buffer): void {
    this.#bytesToClient += bytes.length
    if (this.#options.client.write(bytes) || this.#clientFull) return
    this.#clientFull = true
    this.#options.target.pause()
  }

  #toTarget(bytes: Buffer): void {
    if (this.#options.target.write(bytes) || this.#targetFull) return
    this.#targetFull = true
    this.#options.client.pause()
  }

  #onClientDrain(): void {
    this.#clientFull = false
    this.#options.target.resume()
  }

  #onTargetDrain(): void {
    this.#targetFull = false
    this.#readClient()
  }

  #readClient(): void {
    if (this.#done) return
    const { client } = this.#options
    const isReading =
      this.#held === undefined ? this.#clientHolds === 0 && !this.#targetFull : this.#held.isReading
    if (isReading) client.resume()
    else client.pause()
  }
}

function isRecorderFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'recording_failed'
}
