import type { Hook } from '@oclif/core'
import { nearestName } from '../lib/nearest-name.js'
import { toPrintable } from '../recording/printable.js'

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64

/**
 * Names the command that was meant. The framework's own plugin asks whether to run it, and waits for the answer wherever
 * there is a terminal, in CI too; a command of ours never asks.
 */
const commandNotFound: Hook.CommandNotFound = async ({ id, config, context }) => {
  const spoken = (command: string): string => command.replaceAll(':', ' ')
  const known = config.commands.filter(command => !command.hidden).map(command => command.id)
  const meant = nearestName(id, known)
  process.stderr.write(`hoop: Cannot run "${toPrintable(spoken(id))}": there is no such command\n`)
  process.stderr.write(`      try: hoop ${meant === undefined ? 'help' : spoken(meant)}\n`)
  context.exit(EXIT_USAGE)
}

export default commandNotFound
