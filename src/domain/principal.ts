/** Who asks: a person or a workload. The identity is (issuer, subject); the rest describes. */
export interface Principal {
  readonly issuer: string
  readonly subject: string
  /** What people call it: an e-mail address or a user name. Used to authorise nobody but a manager that the provider names by it. */
  readonly name: string
  readonly groups: readonly string[]
  /** The same for every account of one person, where the provider says so: nobody approves their own question by another account. */
  readonly person?: string
  /** Whom the provider names as this person's manager: a subject or a name, at the same provider. */
  readonly manager?: string
}

/** True when two principals are the same identity, whatever they are called now. */
export function isSamePrincipal(one: Principal, other: Principal): boolean {
  return one.issuer === other.issuer && one.subject === other.subject
}
