import type { Brand } from '../lib/brand.js'

/** The name of a connection in `hoop.yaml`: `prod-db`. */
export type ConnectionName = Brand<string, 'ConnectionName'>
/** The name of a role of a connection: `reader`. */
export type RoleName = Brand<string, 'RoleName'>
/** The name of an agent: `eu-west-1`. */
export type AgentName = Brand<string, 'AgentName'>
/** The name of a statement, access or masking rule, as people read it in refusals and recordings. */
export type RuleName = Brand<string, 'RuleName'>

const NAME = /^[a-z][a-z0-9-]{0,62}$/

/** Says what a name looks like, for error messages. */
export const NAME_FORM = 'a lower-case letter, then up to 62 lower-case letters, digits or dashes'

/** Reads a connection name typed by a person. The only place a string becomes a `ConnectionName`. */
export function readConnectionName(text: string): ConnectionName | undefined {
  return NAME.test(text) ? (text as ConnectionName) : undefined
}

/** Reads a role name. The only place a string becomes a `RoleName`. */
export function readRoleName(text: string): RoleName | undefined {
  return NAME.test(text) ? (text as RoleName) : undefined
}

/** Reads an agent's name. The only place a string becomes an `AgentName`. */
export function readAgentName(text: string): AgentName | undefined {
  return NAME.test(text) ? (text as AgentName) : undefined
}

/** Reads a rule's name. The only place a string becomes a `RuleName`. */
export function readRuleName(text: string): RuleName | undefined {
  return NAME.test(text) ? (text as RuleName) : undefined
}
