import type { TraceView } from '../../domain/lineage.js'
import type { NewestClaims } from '../access/newest-claims.js'
import type { Policies, Using } from '../access/policies.js'
import type { SessionRules } from './live-session.js'

/** What rules depend on that may change while a session lives. */
export interface FollowingOptions {
  readonly policies: () => Policies
  readonly claims: NewestClaims
  readonly traceView: TraceView
}

/**
 * The rules in force for one use of a session: a reload of the configuration gives it new ones, and so does a token that says
 * something else of the person.
 */
export function followRules(who: Using, { policies, claims, traceView }: FollowingOptions): SessionRules {
  const make = () => {
    const principal = claims.of(who.principal)
    const made = policies()
    return {
      made,
      principal,
      version: claims.version,
      rules: made.rulesFor({ ...who, principal }, traceView),
    }
  }
  let latest = make()
  const current = (): SessionRules => {
    if (latest.made !== policies()) latest = make()
    else if (latest.version !== claims.version) {
      const { version } = claims
      latest = claims.of(who.principal) === latest.principal ? { ...latest, version } : make()
    }
    return latest.rules
  }
  return {
    decide: input => current().decide(input),
    maskerFor: catalog => current().maskerFor(catalog),
    get usesCatalog() {
      return current().usesCatalog
    },
  }
}
