import type { AgentName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import { storableText } from './row-values.js'

/** Who caused something: a person or workload, an agent, the gateway itself, or somebody who did not prove who. */
export type Actor =
  | { readonly kind: 'principal'; readonly issuer: string; readonly subject: string; readonly name: string }
  | { readonly kind: 'agent'; readonly name: AgentName }
  | { readonly kind: 'gateway' }
  | { readonly kind: 'unknown' }

/** A principal as an actor. The groups are left out: the entry's detail names the one that mattered. */
export function actorOf(principal: Principal): Actor {
  return { kind: 'principal', issuer: principal.issuer, subject: principal.subject, name: principal.name }
}

/** An actor as JSON for a column. Names come from outside and are bounded. */
export function writeActor(actor: Actor): string {
  return JSON.stringify(actor.kind === 'principal' ? { ...actor, name: storableText(actor.name) } : actor)
}
