import type { Decision } from '../../domain/decision.js'
import type { Operation } from '../../domain/operation.js'
import type { Verdict } from '../protocol.js'
import { writeMessage } from './codec.js'
import { overflowsNames } from './effects.js'
import type { Outcome } from './frames.js'
import type { Joint } from './joint.js'
import type { Portal, Prepared } from './names.js'
import { OWN_RULES, ownDenial, type Refusal, substituteParse, substituteQuery } from './refusal.js'
import type { Run } from './run.js'
import { serverWords } from './server-words.js'
import { uncertainName } from './uncertain-name.js'

/** A message that waits for a verdict. */
export type Held =
  | { readonly kind: 'query'; readonly text: string }
  | {
      readonly kind: 'parse'
      readonly text: string
      readonly name: string
      readonly key: string
      readonly parameterTypes: readonly number[]
    }
  | { readonly kind: 'execute'; readonly text: string; readonly name: Buffer; readonly portal: Portal }

/** Where verdicts are taken: an operation is held here, and goes on or is replaced by something that surely fails. */
export class OperationGate {
  readonly #joint: Joint
  #held: Held | undefined

  constructor(joint: Joint) {
    this.#joint = joint
  }

  /** Asks for a verdict. */
  hold(held: Held): Outcome {
    this.#held = held
    this.#joint.act({ kind: 'judge', operation: this.#operation(held) })
    return 'wait'
  }

  #operation(held: Held): Operation {
    const { names, transaction, mayDefine } = this.#joint
    if (held.kind === 'parse') return { text: held.text, step: 'prepare', names }
    const { text } = held
    const state = { transaction, ...(mayDefine ? { definesUncommitted: true as const } : {}) }
    if (held.kind === 'query') return { text, step: 'run', names, ...state }
    const { bound, review } = held.portal
    return {
      text,
      step: 'run',
      names,
      ...state,
      ...(bound === undefined ? {} : { bound }),
      ...(review === undefined ? {} : { continues: review }),
    }
  }

  /** Takes the verdict on what is held and says what becomes of the message. */
  decide(verdict: Verdict): 'pass' | 'drop' {
    const joint = this.#joint
    const held = this.#held
    this.#held = undefined
    // An error was answered meanwhile: the target would ignore the message, so nothing is asked of it.
    if (held === undefined || joint.skipping || joint.ended) return 'drop'
    const decision = this.#decision(held, verdict)
    if (decision.kind === 'deny') return this.#deny(held, verdict, decision)
    switch (held.kind) {
      case 'query':
        return this.#runQuery(held.text, verdict)
      case 'parse':
        return this.#prepare(held, verdict)
      case 'execute':
        return this.#execute(held, verdict)
    }
  }

  /** Refuses a message that is not put to policy, because nothing could be said of it; in other words if there are any. */
  refuse(
    form: 'query' | 'extended',
    text: string,
    denial: Decision & { readonly kind: 'deny' },
    words?: Refusal,
  ): 'drop' | 'stop' {
    const run = this.#joint.begin({ text, values: [], decision: denial, verdict: undefined, words })
    return this.#substitute(form, run)
  }

  #decision(held: Held, verdict: Verdict): Decision {
    if (verdict.decision.kind === 'deny') return verdict.decision
    const { serverEncoding } = this.#joint
    const name = uncertainName(verdict.statements, { text: held.text, serverEncoding })
    if (name !== undefined) {
      const why = `the name "${name}" can be another one where the server encodes in ${serverEncoding}`
      return ownDenial(OWN_RULES.notUnderstood, why)
    }
    if (held.kind === 'parse' || !overflowsNames(this.#joint, verdict)) return verdict.decision
    return ownDenial(OWN_RULES.nameLimit, 'too many prepared statements or cursors are open', 'DISCARD ALL')
  }

  #deny(held: Held, verdict: Verdict, decision: Decision): 'drop' {
    const values = held.kind === 'execute' ? (held.portal.bound?.values ?? []) : []
    const { facts } = verdict
    const words = decision.rule === OWN_RULES.notUnderstood ? serverWords(this.#joint, facts) : undefined
    const run = this.#joint.begin({ text: held.text, values, decision, verdict, words })
    this.#substitute(
      held.kind === 'query' ? 'query' : 'extended',
      run,
      held.kind === 'parse' ? held : undefined,
    )
    return 'drop'
  }

  #runQuery(text: string, verdict: Verdict): 'pass' | 'drop' {
    const joint = this.#joint
    joint.sendKept()
    const run = joint.begin({ text, values: [], decision: verdict.decision, verdict })
    joint.batch += 1
    return joint.owe({ kind: 'query', run }) ? 'pass' : 'drop'
  }

  #prepare(held: Held & { readonly kind: 'parse' }, verdict: Verdict): 'pass' | 'drop' {
    const joint = this.#joint
    const { key, text, parameterTypes } = held
    const { statements, masking } = verdict
    // INVARIANT 1: the target reads the text now, whether or not it is ever run.
    joint.record({ kind: 'prepare', client: joint.options.client, statement: text })
    const isReviewed = verdict.reviewedWhenRun === true
    if (isReviewed) joint.keepBack()
    const prepared: Prepared = {
      ...{ text, isParsed: true, statements, masking, isReviewed, parameterTypes },
      columns: undefined,
    }
    const change = joint.statements.begin(key, joint.batch, prepared)
    return joint.owe({ kind: 'parse', key, change, masking, run: undefined }) ? 'pass' : 'drop'
  }

  #execute(held: Held & { readonly kind: 'execute' }, verdict: Verdict): 'pass' | 'drop' {
    const joint = this.#joint
    const { portal, text } = held
    const { decision } = verdict
    joint.sendKept()
    const values = portal.bound?.values ?? []
    // A text that made a name is judged again when the name runs, but it does not run again, and makes no names.
    const changesNames = portal.prepared?.isParsed === true
    const run = joint.begin({ text, values, decision, verdict, changesNames })
    const { masking } = verdict
    // Rows without a description cannot be masked. Nobody asked for one that surely comes before them: ask for it.
    if (masking !== undefined && portal.columns === undefined && portal.describedIn !== joint.batch) {
      portal.describedIn = joint.batch
      const described = { kind: 'describe', of: 'portal', prepared: undefined, hasParameters: false } as const
      if (!joint.owe({ ...described, portal, masking, ownFor: run })) return 'drop'
      joint.toTarget(describePortal(held.name))
    }
    return joint.owe({ kind: 'execute', run, portal }) ? 'pass' : 'drop'
  }

  #substitute(
    form: 'query' | 'extended',
    run: Run,
    parse?: Held & { readonly kind: 'parse' },
  ): 'drop' | 'stop' {
    const joint = this.#joint
    const { refusal } = run
    if (refusal === undefined) return 'drop'
    joint.sendKept()
    if (form === 'query') {
      joint.batch += 1
      if (!joint.owe({ kind: 'query', run })) return 'stop'
      joint.toTarget(substituteQuery(refusal))
      return 'drop'
    }
    const owed = { kind: 'parse', key: parse?.key, change: undefined, masking: undefined, run } as const
    if (!joint.owe(owed)) return 'stop'
    joint.toTarget(substituteParse(refusal, parse?.name))
    // The target is certain to fail now and to ignore the rest up to Sync; so do we.
    joint.skipping = true
    return 'drop'
  }
}

/** Describe of a portal by the bytes of its name, which need not be UTF-8. */
function describePortal(name: Buffer): Buffer {
  return writeMessage('D', Buffer.concat([Buffer.from('P'), name, Buffer.alloc(1)]))
}
