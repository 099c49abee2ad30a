import type { EndReason } from '../../domain/session.js'
import type { StatementMasking } from '../../masking/statement-masking.js'
import type { Action, ClientNotice, JoinOptions, Machine, Verdict } from '../protocol.js'
import { ClientMessages } from './client-messages.js'
import { unpinnedSetting } from './client-settings.js'
import { authenticationOk, backendKeyData, readyForQuery } from './codec.js'
import { clientNotice } from './end-error.js'
import { Joint } from './joint.js'
import { maskedParameterStatus } from './server-text.js'
import { TargetMessages } from './target-messages.js'

/** Bytes of the client that are kept while a verdict is awaited; a driver stops reading long before. */
const BACKLOG_BYTES_MAX = 1024 * 1024

/**
 * Joins a client and a target that both are ready. PostgreSQL protocol 3.0, "Message Flow". Every message of both
 * sides is read; what is not expected where it comes closes the connection (invariant 2).
 */
export function joinPostgres(options: JoinOptions): Machine {
  return new PostgresMachine(options)
}

class PostgresMachine implements Machine {
  readonly #joint: Joint
  readonly #client: ClientMessages
  readonly #target: TargetMessages
  #backlog: Buffer[] = []
  #backlogBytes = 0

  constructor(options: JoinOptions) {
    this.#joint = new Joint(options)
    this.#client = new ClientMessages(this.#joint)
    this.#target = new TargetMessages(this.#joint)
  }

  get isWaiting(): boolean {
    return this.#client.walker.isHeld && !this.#joint.ended
  }

  get isBusy(): boolean {
    return this.isWaiting || this.#joint.owed.isBusy
  }

  setBackground(background: () => StatementMasking | undefined): void {
    this.#joint.background = background
  }

  begin(): readonly Action[] {
    const { ready, cancelKey } = this.#joint.options
    const unpinned = unpinnedSetting(ready.settings)
    if (unpinned !== undefined) {
      this.#joint.close(
        'protocol_violation',
        `the target does not take the setting "${unpinned}" of the start`,
      )
      return this.#joint.take()
    }
    const messages = [authenticationOk()]
    const background = this.#joint.background()
    for (const [name, value] of ready.settings) messages.push(maskedParameterStatus(name, value, background))
    messages.push(backendKeyData(cancelKey), ready.notices, readyForQuery('I'))
    this.#joint.toClient(Buffer.concat(messages))
    return this.#joint.take()
  }

  fromClient(chunk: Buffer): readonly Action[] {
    return this.#step(() => this.#feedClient(chunk))
  }

  fromTarget(chunk: Buffer): readonly Action[] {
    return this.#step(() => this.#target.feed(chunk))
  }

  decide(verdict: Verdict): readonly Action[] {
    return this.#step(() => {
      if (!this.isWaiting) return
      this.#client.decide(verdict)
      while (!this.isWaiting && !this.#joint.ended) {
        const chunk = this.#backlog.shift()
        if (chunk === undefined) break
        this.#backlogBytes -= chunk.length
        this.#client.walker.feed(chunk)
      }
    })
  }

  get isMoot(): boolean {
    return this.isWaiting && this.#joint.skipping
  }

  hold(): readonly Action[] {
    return this.#step(() => this.#joint.flushTarget())
  }

  notify(notice: ClientNotice): readonly Action[] {
    return this.#step(() => {
      const { client } = this.#joint.options
      this.#joint.record({ kind: 'notice', client, severity: 'NOTICE', message: notice.message })
      this.#joint.notify(clientNotice(notice))
    })
  }

  end(reason: EndReason, message: string, hint?: string): readonly Action[] {
    this.#joint.end(reason, message, hint)
    return this.#joint.take()
  }

  #feedClient(chunk: Buffer): void {
    if (!this.isWaiting) {
      this.#client.walker.feed(chunk)
      return
    }
    this.#backlogBytes += chunk.length
    if (this.#backlogBytes > BACKLOG_BYTES_MAX)
      this.#joint.close('limit_exceeded', 'too much was sent while a decision was awaited')
    else this.#backlog.push(chunk)
  }

  /** One call from outside. INVARIANT: whatever goes wrong in here closes the connection; nothing passes after it. */
  #step(work: () => void): readonly Action[] {
    if (this.#joint.ended) return []
    try {
      work()
    } catch {
      // The cause could quote a row, so it is not passed on; what was decided before it stands.
      this.#joint.close('fault', 'an internal error occurred')
    }
    return this.#joint.take()
  }
}
