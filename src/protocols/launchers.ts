import type { ProtocolName } from '../domain/connection.js'
import type { Launcher } from './launcher.js'
import { postgresLauncher } from './postgres/launch.js'

/** One a protocol. Apart from `registry.ts`, so that a command loads no codec and no grammar. */
const LAUNCHERS: Readonly<Record<ProtocolName, Launcher>> = { postgres: postgresLauncher }

/** How a protocol's own tools are started. */
export function launcherFor(name: ProtocolName): Launcher {
  return LAUNCHERS[name]
}
