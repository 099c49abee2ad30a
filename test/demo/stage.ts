import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import type { ProviderAccount } from '../setup/openid-provider.js'
import { cleanEnvironment } from '../setup/postgres.js'
import type { Narrator } from './narrator.js'
import { Person } from './person.js'
import { type Shop, startShop } from './shop.js'

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url))

/** Everything the demo plays on: the shop's database, and a whole Hoop before it. */
export interface Stage {
  readonly shop: Shop
  readonly stack: HoopStack
  /** A directory for `PATH` with `hoop` and `hoopd` in it. */
  readonly programs: string
  person(account: ProviderAccount): Person
  /** The administrator of the database, who does not go through the gateway. */
  administrator(): Person
  close(): Promise<void>
}

/** Starts PostgreSQL, an OpenID provider, a gateway and an agent on free ports of this machine. */
export async function openStage(narrator: Narrator): Promise<Stage> {
  const shop = await startShop()
  try {
    const { connections, config, secrets, server, unseen } = shop
    const agentAllows = [`${server.host}:${server.port}`]
    const stack = await startHoopStack({ connections, config, secrets, agentAllows })
    const programs = makePrograms(stack.directory)
    return {
      shop,
      stack,
      programs,
      person: account => {
        const env = stack.env(account)
        const path = `${programs}:${env.PATH ?? ''}`
        return new Person({ narrator, unseen, env: { ...env, PATH: path }, directory: env.HOME ?? '/' })
      },
      administrator: () =>
        new Person({ narrator, unseen, env: administratorEnvironment(shop), directory: '/' }),
      close: async () => {
        await stack.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await shop.server.stop()
    throw error
  }
}

/** The environment of the database's administrator, who comes over its unix socket. */
export function administratorEnvironment({ server }: Shop): NodeJS.ProcessEnv {
  const { socketDirectory, port, superuser } = server
  return { ...cleanEnvironment(), PGHOST: socketDirectory, PGPORT: String(port), PGUSER: superuser }
}

/** `npx hoop` would do as well; a directory for `PATH` works from anywhere. */
function makePrograms(directory: string): string {
  const programs = join(directory, 'bin')
  mkdirSync(programs, { mode: 0o700 })
  for (const name of ['hoop', 'hoopd']) {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${join(BIN, `${name}.js`)}' "$@"\n`
    writeFileSync(join(programs, name), script, { mode: 0o700 })
  }
  return programs
}
