import type { Principal } from '../domain/principal.js'

/** OpenID Connect Core, section 2: a subject is at most 255 ASCII characters. */
const SUBJECT_LENGTH_MAX = 255
const NAME_LENGTH_MAX = 256
const GROUPS_MAX = 500
const GROUP_LENGTH_MAX = 256
/** Groups travel in a request header inside the gateway's token, and headers end at 16 kB. */
const GROUPS_CHARACTERS_MAX = 8192

/** Control, format, private and unassigned characters: nothing that somebody's name has, and much that fools a reader. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u

/** Longest name of a person or a manager, in UTF-16 code units: some providers write out where in a directory they are. */
const PERSON_LENGTH_MAX = 512

/** Which claims say what somebody is called, which groups they are in, which person they are and who their manager is. */
export interface ClaimNames {
  readonly name: string
  readonly groups: string
  readonly person?: string | undefined
  readonly manager?: string | undefined
}

/** A principal, or why the claims do not make one. */
export type ClaimsReading =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Makes a principal of the claims of a token whose signature, issuer and audience were checked. Total: whatever the
 * claims are, the answer is a principal or a reason. Claims of the wrong shape are refused rather than left out, since a
 * group that is missing by mistake can lift a restriction as well as a permission.
 */
export function readPrincipalClaims(
  claims: Readonly<Record<string, unknown>>,
  options: { readonly issuer: string; readonly names: ClaimNames },
): ClaimsReading {
  const subject = claims.sub
  if (typeof subject !== 'string' || subject === '') return refused('it has no subject')
  if (subject.length > SUBJECT_LENGTH_MAX || UNPRINTABLE.test(subject))
    return refused('its subject is malformed')
  const groups = readGroups(claims[options.names.groups])
  if (typeof groups === 'string') return refused(groups)
  const { names } = options
  const person = readOther(claims, names.person)
  if (person === null) return refused('the person in it is malformed')
  const manager = readOther(claims, names.manager)
  if (manager === null) return refused('the manager in it is malformed')
  return {
    kind: 'principal',
    principal: {
      issuer: options.issuer,
      subject,
      name: readName(claims, names.name) ?? subject,
      groups,
      ...(person === undefined ? {} : { person }),
      ...(manager === undefined ? {} : { manager }),
    },
  }
}

/**
 * A claim that names another account or the human behind this one. Undefined where there is none, null for what is not a
 * name: what tells two people apart must not get lost.
 */
function readOther(
  claims: Readonly<Record<string, unknown>>,
  claim: string | undefined,
): string | undefined | null {
  const value = claim === undefined || !Object.hasOwn(claims, claim) ? undefined : claims[claim]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '') return null
  return value.length > PERSON_LENGTH_MAX || UNPRINTABLE.test(value) ? null : value
}

function readGroups(claim: unknown): readonly string[] | string {
  if (claim === undefined || claim === null) return []
  const list: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  if (list.length > GROUPS_MAX) return `it names more than ${GROUPS_MAX} groups`
  const groups: string[] = []
  let characters = 0
  for (const group of list) {
    if (typeof group !== 'string') return 'its groups are not names'
    if (group === '' || group.length > GROUP_LENGTH_MAX || UNPRINTABLE.test(group))
      return 'a group of it is malformed'
    characters += group.length
    groups.push(group)
  }
  if (characters > GROUPS_CHARACTERS_MAX)
    return `its groups are longer than ${GROUPS_CHARACTERS_MAX} characters together`
  return [...new Set(groups)]
}

/** The first claim that can be shown to people. Never used to authorise. */
function readName(claims: Readonly<Record<string, unknown>>, configured: string): string | undefined {
  for (const claim of [configured, 'email', 'preferred_username', 'name']) {
    const value = claims[claim]
    if (typeof value !== 'string' || value === '' || value.length > NAME_LENGTH_MAX) continue
    if (!UNPRINTABLE.test(value)) return value
  }
  return undefined
}

function refused(reason: string): ClaimsReading {
  return { kind: 'refused', reason }
}
