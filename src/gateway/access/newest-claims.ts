import { isSamePrincipal, type Principal } from '../../domain/principal.js'

/** People who are remembered; whoever signed in longest ago is forgotten first, and known again at their next token. */
const REMEMBERED_MAX = 100_000

interface Known {
  readonly principal: Principal
  readonly atMs: number
}

/**
 * What the provider said last of everybody who has a token: groups, above all. A session goes by it and not by what was true
 * when it was opened, so that who is removed from a group loses what the group gave with their next token.
 */
export class NewestClaims {
  /** Another number whenever anything changed. */
  version = 0
  readonly #known = new Map<string, Known>()

  /** Takes what a token says that was issued at a time. An older one than is known says nothing new. */
  note(principal: Principal, at: Date): void {
    const key = keyOf(principal)
    const known = this.#known.get(key)
    const atMs = at.getTime()
    if (known !== undefined && known.atMs >= atMs) return
    // The same object while nothing changes: rules that were made for it can be kept.
    const isSame = known !== undefined && isUnchanged(known.principal, principal)
    this.#known.delete(key)
    const [oldest] = this.#known.size >= REMEMBERED_MAX ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
    if (!isSame) this.version += 1
    this.#known.set(key, { principal: isSame ? known.principal : principal, atMs })
  }

  /** The principal as the provider spoke of it last. The same object for the same claims. */
  of(principal: Principal): Principal {
    const known = this.#known.get(keyOf(principal))?.principal
    return known === undefined || isUnchanged(known, principal) ? principal : known
  }
}

function keyOf({ issuer, subject }: Principal): string {
  // An issuer is an address: there is no space in it.
  return `${issuer} ${subject}`
}

function isUnchanged(one: Principal, other: Principal): boolean {
  if (one === other) return true
  const { name, groups, person, manager } = other
  return (
    isSamePrincipal(one, other) &&
    one.name === name &&
    one.person === person &&
    one.manager === manager &&
    one.groups.length === groups.length &&
    groups.every((group, index) => one.groups[index] === group)
  )
}
