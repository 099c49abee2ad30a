import type { Arena, ArenaConnection } from './arena.js'
import { type Attack, CLEAN_UP_MESSAGES, type Way } from './attack.js'
import { canariesIn } from './canaries.js'
import { transcriptOf } from './wire.js'

/** What an attack got to know. */
export interface Loot {
  readonly way: string
  /** Forms of protected values in the bytes that the client received. */
  readonly canaries: readonly string[]
  /** The first message that depends on the secrets: it differs between the two databases. */
  readonly difference: string | undefined
  /** The gateway refused something of it. */
  readonly refused: boolean
}

/** What cleaning up does not take away. */
const LEAVES_SOMETHING = /\b(TEMP|LOAD|INTO|setseed)\b/i

/** Where attacks are run, and where the same rows have other secrets. */
export interface Sides {
  readonly connection: ArenaConnection
  /** Left out where only values count. */
  readonly twin?: ArenaConnection
}

/** Runs an attack in one way on both sides. Undefined when it cannot go this way. */
export async function runAttack(
  arena: Arena,
  { attack, way, sides }: { readonly attack: Attack; readonly way: Way; readonly sides: Sides },
): Promise<Loot | undefined> {
  const messages = way.messages(attack)
  if (messages === undefined) return undefined
  const [bytes, other] = await Promise.all([
    answers(arena, { attack, messages, connection: sides.connection }),
    sides.twin === undefined ? undefined : answers(arena, { attack, messages, connection: sides.twin }),
  ])
  // What the client typed itself may come back, as in a plan. Whether it comes back is the twin's to find.
  const typed = canariesIn(Buffer.concat(messages))
  const canaries = canariesIn(bytes).filter(name => !typed.includes(name))
  const refused = bytes.includes('C42501\0')
  if (way.isPlan === true || other === undefined)
    return { way: way.name, canaries, difference: undefined, refused }
  const [here, there] = [transcriptOf(bytes), transcriptOf(other)]
  const at = here.findIndex((line, index) => line !== there[index])
  const isSame = at < 0 && here.length === there.length
  return {
    way: way.name,
    canaries,
    refused,
    difference: isSame ? undefined : `${here[at] ?? 'nothing'} <> ${there[at] ?? 'nothing'}`,
  }
}

interface Sent {
  readonly attack: Attack
  readonly messages: readonly Buffer[]
  readonly connection: ArenaConnection
}

/** Every byte that answers the attack, and the bytes of cleaning up: something may come late. */
async function answers(arena: Arena, { attack, messages, connection }: Sent): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (const message of [...messages, ...CLEAN_UP_MESSAGES]) {
    const wire = await arena.wire(connection, attack.role)
    chunks.push(await wire.ask(message))
  }
  if (attack.steps.some(step => typeof step === 'string' && LEAVES_SOMETHING.test(step)))
    arena.forget(connection, attack.role)
  return Buffer.concat(chunks)
}

/** One line about what an attack got to know; undefined when it is nothing. */
export function describeLoot({ way, canaries, difference }: Loot): string | undefined {
  if (canaries.length > 0) return `${way}: ${canaries.join(', ')}`
  return difference === undefined ? undefined : `${way}: ${difference}`
}
