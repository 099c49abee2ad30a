import { setTimeout as pause } from 'node:timers/promises'
import { HoopError } from '../../lib/hoop-error.js'
import type { RoleAnswer, RoleEffect, RoleProcedure } from '../../protocols/role-procedure.js'
import type { OwnConnection } from './own-connection.js'

/** Effects of one procedure: above any real one, below one that never ends. */
const EFFECTS_MAX = 2_000

/**
 * Performs a procedure, one connection at a time: a change of database closes the one before. Fails as `open` and
 * `OwnConnection` do; then nothing more of the procedure happens.
 */
export async function performProcedure<Outcome>(
  procedure: RoleProcedure<Outcome>,
  open: (database: string) => Promise<OwnConnection>,
): Promise<Outcome> {
  let current: { readonly database: string; readonly connection: OwnConnection } | undefined
  const act = async (effect: RoleEffect): Promise<RoleAnswer> => {
    if (effect.kind === 'pause') {
      await pause(effect.ms)
      return { kind: 'rows', rows: [] }
    }
    if (current?.database !== effect.database) {
      current?.connection.close()
      current = undefined
      current = { database: effect.database, connection: await open(effect.database) }
    }
    if (effect.kind === 'catalog') return current.connection.readCatalog(effect.reader)
    return current.connection.ask(effect.text, effect.parameters)
  }
  try {
    let step = procedure.next()
    for (let effects = 0; effects < EFFECTS_MAX; effects += 1) {
      if (step.done === true) return step.value
      step = procedure.next(await act(step.value))
    }
    throw new HoopError(
      'limit_exceeded',
      'Cannot finish what was begun at the target: it takes too many steps',
    )
  } finally {
    current?.connection.close()
  }
}
