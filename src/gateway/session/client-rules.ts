import type { Catalog } from '../../domain/catalog.js'
import type { StatementMasking } from '../../masking/statement-masking.js'
import type { SessionRules } from './live-session.js'

/** The rules in force for one client connection, also for what belongs to none of its statements. */
export interface ClientRules extends SessionRules {
  /** Masking of notifications and settings, by the rules in force now. Undefined when nothing is masked. */
  readonly background: () => StatementMasking | undefined
}

/**
 * Adds to rules that follow reloads what is masked between statements. It uses the catalog of the last text that was judged,
 * at first `catalog`: rules keep the masker of one catalog, and two in turn would be made anew each time.
 */
export function makeClientRules(rules: SessionRules, catalog: Catalog): ClientRules {
  let newest = catalog
  return {
    decide: rules.decide,
    get usesCatalog() {
      return rules.usesCatalog
    },
    maskerFor: judged => {
      newest = judged
      return rules.maskerFor(judged)
    },
    background: () => rules.maskerFor(newest)?.background,
  }
}
