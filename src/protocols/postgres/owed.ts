import type { StatementMasking } from '../../masking/statement-masking.js'
import type { Change, Portal, Prepared } from './names.js'
import type { Run } from './run.js'

/** One message of the client that the target will answer, and what its answer means. */
export type Owed =
  | { readonly kind: 'query'; readonly run: Run }
  | { readonly kind: 'execute'; readonly run: Run; readonly portal: Portal | undefined }
  | {
      readonly kind: 'parse'
      /** The name to be made; the server forgets the unnamed statement even when the Parse fails. */
      readonly key: string | undefined
      readonly change: Change<Prepared> | undefined
      readonly masking: StatementMasking | undefined
      /** Set when the statement was refused: its run has nothing but the refusal to record. */
      readonly run: Run | undefined
    }
  | {
      readonly kind: 'bind'
      readonly change: Change<Portal> | undefined
      readonly masking: StatementMasking | undefined
    }
  | {
      readonly kind: 'describe'
      readonly prepared: Prepared | undefined
      readonly portal: Portal | undefined
      readonly masking: StatementMasking | undefined
      /** Set when the gateway asked, on behalf of this run: the answer is not for the client. */
      readonly ownFor: Run | undefined
      /** True once ParameterDescription came, so that it comes once. */
      hasParameters: boolean
      readonly of: 'statement' | 'portal'
    }
  | { readonly kind: 'close'; readonly of: 'statement'; readonly change: Change<Prepared> }
  | { readonly kind: 'close'; readonly of: 'portal'; readonly change: Change<Portal> }
  /** `optional`: the server may have taken it for a part of COPY FROM STDIN, and then never answers it. */
  | { readonly kind: 'sync'; optional: boolean }
  /** The client ended a COPY FROM STDIN whose CopyInResponse was not seen yet. Never answered. */
  | { readonly kind: 'copyEnd' }

/** The operation that an entry runs or would have run. */
export function runOf(owed: Owed): Run | undefined {
  switch (owed.kind) {
    case 'query':
    case 'execute':
    case 'parse':
      return owed.run
    case 'describe':
      return owed.ownFor
    default:
      return undefined
  }
}

/** What hides values in messages that belong to an entry. */
export function maskingOf(owed: Owed | undefined): StatementMasking | undefined {
  switch (owed?.kind) {
    case 'query':
    case 'execute':
      return owed.run.masking
    case 'parse':
    case 'bind':
    case 'describe':
      return owed.masking
    default:
      return undefined
  }
}

/** True for entries that may never be answered: nobody waits for them. */
export function isOptional(owed: Owed): boolean {
  return owed.kind === 'copyEnd' || (owed.kind === 'sync' && owed.optional)
}

/** Answers owed at once on one client connection. */
export const OWED_MAX = 65_536
/** Space at the front of the array that is given back at once, so that a shift costs nothing. */
const SLACK = 64

/** Answers still owed to the client, oldest first. Clients pipeline, so one statement's state is not enough. */
export class OwedQueue {
  #entries: Owed[] = []
  #first = 0

  get length(): number {
    return this.#entries.length - this.#first
  }

  get head(): Owed | undefined {
    return this.#entries[this.#first]
  }

  /** The entry `distance` places behind the head. */
  at(distance: number): Owed | undefined {
    return this.#entries[this.#first + distance]
  }

  push(owed: Owed): void {
    this.#entries.push(owed)
  }

  shift(): Owed | undefined {
    const head = this.#entries[this.#first]
    if (head === undefined) return undefined
    this.#first += 1
    if (this.#first === this.#entries.length) {
      this.#entries.length = 0
      this.#first = 0
    } else if (this.#first >= SLACK && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
    return head
  }

  /** Removes the entry right behind the head. */
  removeSecond(): void {
    this.#entries.splice(this.#first + 1, 1)
  }

  /** True when somebody waits for an answer. */
  get isBusy(): boolean {
    for (let at = this.#first; at < this.#entries.length; at += 1) {
      const owed = this.#entries[at]
      if (owed !== undefined && !isOptional(owed)) return true
    }
    return false
  }
}
