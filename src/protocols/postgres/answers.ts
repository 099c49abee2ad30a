import type { ReviewId } from '../../domain/ids.js'
import { ByteReader } from '../../lib/byte-reader.js'
import { DescriptionCache } from './descriptions.js'
import { settleEffects } from './effects.js'
import type { Outcome } from './frames.js'
import type { Joint } from './joint.js'
import { isOptional, type Owed } from './owed.js'
import type { Results } from './results.js'
import type { Run } from './run.js'
import { describeTag, TARGET } from './tags.js'

/** What each answer of the target does to the oldest entry. The phase table has let it through: the entry expects it. */
export class Answers {
  readonly #joint: Joint
  readonly #results: Results
  readonly #descriptions = new DescriptionCache()

  constructor(joint: Joint, results: Results) {
    this.#joint = joint
    this.#results = results
  }

  /** An answer other than rows, errors and the ends of statements. */
  answer(tag: number, body: Buffer): Outcome {
    const { head } = this.#joint.owed
    switch (head?.kind) {
      case 'parse':
        if (head.change !== undefined) this.#joint.statements.succeed(head.change)
        return this.#done()
      case 'bind':
        if (head.change !== undefined) this.#joint.cursors.succeed(head.change)
        return this.#done()
      case 'close':
        if (head.of === 'statement') this.#joint.statements.succeed(head.change)
        else this.#joint.cursors.succeed(head.change)
        return this.#done()
      case 'describe':
        return this.#described(head, tag, body)
      case 'query':
      case 'execute':
        return this.#progress(head, tag, body)
      default:
        return this.#broken(tag)
    }
  }

  /** CommandComplete: one statement of a Query, or an Execute. */
  complete(body: Buffer): Outcome {
    const { head } = this.#joint.owed
    if ((head?.kind !== 'query' && head?.kind !== 'execute') || body.at(-1) !== 0)
      return this.#broken(TARGET.commandComplete)
    const { run } = head
    if (run.phase === 'copyIn') this.#endCopyIn()
    run.completed += 1
    this.#results.close(run, { outcome: 'completed', tag: body.toString('utf8', 0, body.length - 1) })
    this.#noteDefinitions(head)
    return head.kind === 'execute' ? this.#finishExecute(head) : 'pass'
  }

  /** ReadyForQuery: the end of a Query or a batch, with the transaction's state. */
  ready(body: Buffer): Outcome {
    const joint = this.#joint
    const status = STATUS.get(body[0] ?? 0)
    const head = joint.owed.shift()
    if (status === undefined || body.length !== 1 || head === undefined)
      return this.#broken(TARGET.readyForQuery)
    joint.status = status
    if (head.kind === 'query') {
      settleEffects(joint, head.run.effects, head.run.failed ? head.run.completed : undefined)
      this.#noteHiding(head.run)
    }
    // It is not known which of several Syncs around a failed COPY was answered.
    if (head.kind === 'sync' && head.optional) this.#makeNextSyncOptional()
    if (status === 'I') this.#endTransaction()
    return 'pass'
  }

  #described(head: Owed & { readonly kind: 'describe' }, tag: number, body: Buffer): Outcome {
    if (tag === TARGET.parameterDescription) {
      const types = readParameterDescription(body)
      if (types === undefined) return this.#broken(tag)
      if (head.prepared !== undefined) head.prepared.parameterTypes = types
      head.hasParameters = true
      return 'pass'
    }
    if (tag === TARGET.rowDescription) {
      const columns = this.#descriptions.read(body)
      if (columns === undefined) return this.#broken(tag)
      if (head.prepared !== undefined) head.prepared.columns = columns
      if (head.portal !== undefined) head.portal.columns = columns
    }
    this.#joint.owed.shift()
    return head.ownFor === undefined ? 'pass' : 'drop'
  }

  #progress(head: Owed & { readonly kind: 'query' | 'execute' }, tag: number, body: Buffer): Outcome {
    const { run } = head
    switch (tag) {
      case TARGET.rowDescription: {
        const columns = this.#descriptions.read(body)
        return columns !== undefined && this.#results.openRows(run, columns) ? 'pass' : this.#broken(tag)
      }
      case TARGET.copyOutResponse:
      case TARGET.copyInResponse:
        return this.#openCopy(run, tag, body)
      case TARGET.copyDone:
        return 'pass'
      case TARGET.emptyQuery:
      case TARGET.portalSuspended:
        // Only now it is certain that it has begun: the rest of it belongs to what people agreed to.
        if (tag === TARGET.portalSuspended && head.kind === 'execute' && head.portal !== undefined)
          head.portal.review = reviewOf(run)
        this.#results.close(run, { outcome: 'completed' })
        return head.kind === 'execute' ? this.#finishExecute(head) : 'pass'
      default:
        return this.#broken(tag)
    }
  }

  #finishExecute(head: Owed & { readonly kind: 'execute' }): Outcome {
    settleEffects(this.#joint, head.run.effects)
    this.#noteHiding(head.run)
    return this.#done()
  }

  #openCopy(run: Run, tag: number, body: Buffer): Outcome {
    const reader = new ByteReader(body)
    const format = reader.uint8()
    const columnCount = reader.uint16()
    if (!reader.ok || format > 1 || reader.remaining !== 2 * columnCount) return this.#broken(tag)
    if (tag === TARGET.copyOutResponse)
      return this.#results.openCopy(run, format, columnCount) ? 'pass' : this.#broken(tag)
    run.phase = 'copyIn'
    this.#beginCopyIn()
    return 'pass'
  }

  /**
   * The target reads COPY data from here on. What the client sent behind the statement is already part of it: Syncs are
   * ignored there (unless the COPY fails before they are read), up to the end of the data if that was sent too.
   */
  #beginCopyIn(): void {
    const { owed } = this.#joint
    for (let distance = 1; distance < owed.length; distance += 1) {
      const next = owed.at(distance)
      if (next?.kind === 'copyEnd') return
      if (next?.kind === 'sync') next.optional = true
    }
    this.#joint.copyIn = true
  }

  /** A COPY ended well: every Sync inside of it was ignored. */
  #endCopyIn(): void {
    const { owed } = this.#joint
    this.#joint.copyIn = false
    for (let next = owed.at(1); next !== undefined && isOptional(next); next = owed.at(1)) {
      owed.removeSecond()
      if (next.kind === 'copyEnd') return
    }
  }

  #makeNextSyncOptional(): void {
    const { owed } = this.#joint
    for (let distance = 0; distance < owed.length; distance += 1) {
      const next = owed.at(distance)
      if (next?.kind === 'sync') next.optional = true
      if (next?.kind !== 'copyEnd') return
    }
  }

  /** Definitions changed: they can be seen at once by this session, and by others after the commit. */
  #noteDefinitions(head: Owed & { readonly kind: 'query' | 'execute' }): void {
    const joint = this.#joint
    const statements = head.run.verdict?.statements ?? []
    if (!statements.some(one => one.commands.some(command => command.defines))) return
    joint.act({ kind: 'catalogChanged' })
    const isCommitted = head.kind === 'query' && statements.length === 1 && joint.status === 'I'
    if (!isCommitted) joint.definesUncommitted = true
  }

  #noteHiding(run: Run): void {
    if (run.masking?.hidesMessages === true) this.#joint.hiding = run.masking
  }

  #endTransaction(): void {
    const joint = this.#joint
    joint.hiding = undefined
    // What waits for its answer may define something too: nobody keeps a count of it.
    if (!joint.owed.isBusy) joint.mayDefine = false
    joint.cursors.forgetAll(portal => !portal.outlivesTransaction)
    if (!joint.definesUncommitted) return
    joint.definesUncommitted = false
    joint.act({ kind: 'catalogChanged' })
  }

  #done(): Outcome {
    this.#joint.owed.shift()
    return 'pass'
  }

  #broken(tag: number): 'stop' {
    this.#joint.close('protocol_violation', `message ${describeTag(tag)} of the target is not well formed`)
    return 'stop'
  }
}

/** The review that let a run begin. */
function reviewOf({ verdict }: Run): ReviewId | undefined {
  return verdict?.decision.kind === 'allow' ? verdict.decision.review : undefined
}

const STATUS: ReadonlyMap<number, 'I' | 'T' | 'E'> = new Map([
  [0x49, 'I'],
  [0x54, 'T'],
  [0x45, 'E'],
])

function readParameterDescription(body: Buffer): readonly number[] | undefined {
  const reader = new ByteReader(body)
  const count = reader.uint16()
  if (reader.remaining !== 4 * count) return undefined
  const types: number[] = []
  for (let at = 0; at < count; at += 1) types.push(reader.uint32())
  return reader.ok ? types : undefined
}
