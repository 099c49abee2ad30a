import type { ReviewId } from '../../domain/ids.js'
import type { Verdict } from '../protocol.js'
import { type Change, type NameTable, type Portal, type Prepared, sqlNameKey } from './names.js'

/** What a statement of a SQL text does to the session's names once it has run. `clear` takes all of a kind. */
export type Effect = { readonly at: number } & (
  | { readonly kind: 'statement'; readonly change: Change<Prepared> }
  | { readonly kind: 'cursor'; readonly change: Change<Portal> }
  | { readonly kind: 'clear'; readonly of: 'statements' | 'cursors' }
)

/** Both tables of names of a client connection. */
export interface Names {
  readonly statements: NameTable<Prepared>
  readonly cursors: NameTable<Portal>
}

const NONE: readonly Effect[] = []

/** True when the text would make a name for which there is no room. */
export function overflowsNames(names: Names, verdict: Verdict): boolean {
  if (!verdict.facts.understood) return false
  return verdict.facts.statements.some(({ flow: { sessionName } }) => {
    if (sessionName?.name === undefined) return false
    if (sessionName.kind === 'prepare') return names.statements.isFullFor(sqlNameKey(sessionName.name))
    return sessionName.kind === 'declare' && names.cursors.isFullFor(sqlNameKey(sessionName.name))
  })
}

/** Notes what the text is about to do to names. Only the text's own statements count, not those behind names it uses. */
export function beginEffects(names: Names, text: string, verdict: Verdict, batch: number): readonly Effect[] {
  if (!verdict.facts.understood) return NONE
  const review = verdict.decision.kind === 'allow' ? verdict.decision.review : undefined
  let effects: Effect[] | undefined
  for (const [at, statement] of verdict.facts.statements.entries()) {
    const { sessionName } = statement.flow
    if (sessionName === undefined && statement.commands[0]?.verb !== 'DISCARD') continue
    effects ??= []
    if (sessionName === undefined) {
      effects.push({ at, kind: 'clear', of: 'statements' }, { at, kind: 'clear', of: 'cursors' })
      continue
    }
    const prepared: Prepared = {
      text,
      isParsed: false,
      statements: [statement],
      masking: verdict.masking,
      isReviewed: false,
      parameterTypes: [],
      columns: undefined,
    }
    const effect = effectOf({ names, sessionName, prepared, batch, review })
    if (effect !== undefined) effects.push({ at, ...effect })
  }
  return effects ?? NONE
}

type EffectOf = Effect extends infer One ? (One extends Effect ? Omit<One, 'at'> : never) : never

interface NameUse {
  readonly names: Names
  readonly sessionName: NonNullable<Prepared['statements'][number]['flow']['sessionName']>
  readonly prepared: Prepared
  readonly batch: number
  readonly review: ReviewId | undefined
}

function effectOf({ names, sessionName, prepared, batch, review }: NameUse): EffectOf | undefined {
  const key = sessionName.name === undefined ? undefined : sqlNameKey(sessionName.name)
  switch (sessionName.kind) {
    case 'prepare':
      if (key === undefined) return undefined
      return { kind: 'statement', change: names.statements.begin(key, batch, prepared) }
    case 'deallocate':
      if (key === undefined) return { kind: 'clear', of: 'statements' }
      return { kind: 'statement', change: names.statements.begin(key, batch, undefined) }
    case 'declare':
      if (key === undefined) return undefined
      return { kind: 'cursor', change: names.cursors.begin(key, batch, cursorOf(prepared, review)) }
    case 'close':
      if (key === undefined) return { kind: 'clear', of: 'cursors' }
      return { kind: 'cursor', change: names.cursors.begin(key, batch, undefined) }
    default:
      return undefined
  }
}

/** Facts do not say WITH HOLD. A text without the word cannot mean it; one with it may. */
function cursorOf(prepared: Prepared, review: ReviewId | undefined): Portal {
  const outlivesTransaction = /hold/i.test(prepared.text)
  return {
    prepared,
    outlivesTransaction,
    formats: [],
    bound: undefined,
    review,
    columns: undefined,
    describedIn: -1,
  }
}

/**
 * The text has run, up to the statement `failedAt` when one failed: the statements before it are done, it and those
 * behind it are not. Prepared statements outlive the failed transaction; of cursors it is not certain.
 */
export function settleEffects(names: Names, effects: readonly Effect[], failedAt?: number): void {
  for (const effect of effects) {
    const done = failedAt === undefined || effect.at < failedAt
    if (effect.kind === 'clear') {
      if (done) names[effect.of].forgetAll(() => true)
    } else if (effect.kind === 'statement') names.statements[done ? 'succeed' : 'fail'](effect.change)
    else if (!done) names.cursors.fail(effect.change)
    else names.cursors[failedAt === undefined ? 'succeed' : 'doubt'](effect.change)
  }
}
