import type { ApprovalTerms } from './approval.js'
import { isSamePrincipal, type Principal } from './principal.js'
import type { Review } from './review.js'

/** What the provider said last of a principal: newer than any token. Undefined for who was never seen. */
export type Seen = (principal: Principal) => Principal | undefined

/** Who asks for what: the part of a review that says who may answer. */
export type Asked = Pick<Review, 'requester' | 'demands'>

/** How far the yeses of a review go. */
export interface ApprovalCount {
  /** Every demand has its people. */
  readonly met: boolean
  /** For each demand the people who count towards it; nobody counts twice. */
  readonly given: readonly number[]
}

/** True when two accounts belong to one human: the same identity, or the provider says so. */
export function isSamePerson(one: Principal, other: Principal): boolean {
  return isSamePrincipal(one, other) || (one.person !== undefined && one.person === other.person)
}

/** True when this principal may answer: some demand is for them, and it is not their own question, by any account. */
export function mayAnswer(asked: Asked, by: Principal, seen: Seen): boolean {
  return demandsOpenTo(asked, by, seen).length > 0
}

/**
 * Counts the people who said yes, each for one demand only: an assignment, so that nobody is used up where another would
 * do. INVARIANT 6: an answer counts when it was entitled as it was given and, by the provider's newest word, still is.
 */
export function countApprovals(review: Asked & Pick<Review, 'answers'>, seen: Seen): ApprovalCount {
  const people = distinctPeople(
    review.answers.filter(({ verdict }) => verdict === 'approve').map(({ by }) => by),
    seen,
  )
  const choices = people.map(accounts => [
    ...new Set(accounts.flatMap(account => demandsOpenTo(review, account, seen))),
  ])
  const assigned = assign(
    choices,
    review.demands.map(({ terms }) => terms.count),
  )
  return {
    met: review.demands.every(({ terms }, demand) => assigned[demand]?.length === terms.count),
    given: assigned.map(({ length }) => length),
  }
}

/** The places of the demands that this account may answer. */
function demandsOpenTo({ requester, demands }: Asked, by: Principal, seen: Seen): readonly number[] {
  const accounts = withSeen(by, seen)
  const requesters = withSeen(requester, seen)
  if (accounts.some(account => requesters.some(one => isSamePerson(one, account)))) return []
  return demands.flatMap(({ terms }, demand) =>
    accounts.every(account => requesters.every(one => entitles(terms, one, account))) ? [demand] : [],
  )
}

function entitles(terms: ApprovalTerms, requester: Principal, by: Principal): boolean {
  return (
    terms.groups.some(group => by.groups.includes(group)) || (terms.manager && isManagerOf(requester, by))
  )
}

/** A provider names the managers of its own people only: the same name at another one is somebody else. */
function isManagerOf(requester: Principal, by: Principal): boolean {
  if (requester.manager === undefined || by.issuer !== requester.issuer) return false
  return requester.manager === by.subject || requester.manager === by.name
}

/** The account as it was and as it was last seen. */
function withSeen(principal: Principal, seen: Seen): readonly Principal[] {
  const now = seen(principal)
  return now === undefined ? [principal] : [principal, now]
}

/** Accounts put together that belong to one human, also over a third account. */
function distinctPeople(accounts: readonly Principal[], seen: Seen): readonly (readonly Principal[])[] {
  let people: readonly (readonly Principal[])[] = []
  for (const account of accounts) {
    const faces = withSeen(account, seen)
    const isSame = (others: readonly Principal[]): boolean =>
      others.some(other => withSeen(other, seen).some(one => faces.some(face => isSamePerson(one, face))))
    people = [[account, ...people.filter(isSame).flat()], ...people.filter(others => !isSame(others))]
  }
  return people
}

/**
 * Gives each demand at most as many people as it needs, as many in all as can be (augmenting paths, Kuhn 1955). Answers
 * for each demand the places of its people.
 */
function assign(
  choices: readonly (readonly number[])[],
  needs: readonly number[],
): readonly (readonly number[])[] {
  const assigned: number[][] = needs.map(() => [])
  const place = (person: number, tried: Set<number>): boolean => {
    for (const demand of choices[person] ?? []) {
      const taken = assigned[demand]
      if (taken === undefined || tried.has(demand)) continue
      tried.add(demand)
      if (taken.length < (needs[demand] ?? 0)) {
        taken.push(person)
        return true
      }
      // It is full: does one of its people fit elsewhere?
      const moved = taken.findIndex(other => place(other, tried))
      if (moved >= 0) {
        taken[moved] = person
        return true
      }
    }
    return false
  }
  for (const person of choices.keys()) place(person, new Set())
  return assigned
}
