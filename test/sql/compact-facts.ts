import type { CommandFacts, FlowFacts, RelationName, TextFacts } from '../../src/domain/facts.js'

/**
 * Facts as one line, for tables of tests. A statement is its commands with `+` between them, then `|` and its flow.
 * A command is its verb, its object, `!` and its flags, relations (`>` before a written one), functions with `()`,
 * settings with `=`. Flow is columns (bare for output, `?` filter, `^` order), `::` casts and flags.
 */
export function compact(facts: TextFacts): string {
  if (!facts.understood) return `not understood: ${facts.reason}`
  return facts.statements
    .map(({ commands, flow }) => `${commands.map(compactCommand).join(' + ')}${compactFlow(flow)}`)
    .join(' ; ')
}

/** One command as text. */
export function compactCommand(command: CommandFacts): string {
  const flags = [
    command.writes ? 'w' : '',
    command.drops ? 'x' : '',
    command.defines ? 'd' : '',
    command.opaque ? 'o' : '',
    command.serverAccess ? 's' : '',
    command.filtered ? '' : 'U',
  ].join('')
  return [
    command.object === '' ? command.verb : `${command.verb} ${command.object}`,
    flags === '' ? '' : `!${flags}`,
    ...command.relations.map(use => `${use.access === 'write' ? '>' : ''}${dotted(use)}`),
    ...command.functions.map(use => `${dotted(use)}()`),
    ...command.settings.map(use => `${use.name}=${use.value ?? ''}`),
  ]
    .filter(part => part !== '')
    .join(' ')
}

const MARKS = { output: '', filter: '?', order: '^' }

function compactFlow(flow: FlowFacts): string {
  const parts = [
    ...flow.columns.map(
      ({ qualifier, name, place }) =>
        MARKS[place] + (qualifier === undefined ? name : `${qualifier}.${name}`),
    ),
    ...flow.casts.map(name => `::${name}`),
    flow.setOperation ? 'SETOP' : '',
    flow.innerStar ? 'INNERSTAR' : '',
    flow.wholeRow ? 'WHOLEROW' : '',
    flow.renamesColumns ? 'RENAMES' : '',
    flow.storesData ? 'STORES' : '',
    flow.copy === undefined ? '' : compactCopy(flow),
    flow.sessionName === undefined ? '' : `${flow.sessionName.kind}:${flow.sessionName.name ?? 'ALL'}`,
  ].filter(part => part !== '')
  return parts.length === 0 ? '' : ` | ${parts.join(' ')}`
}

function compactCopy({ copy }: FlowFacts): string {
  if (copy === undefined) return ''
  const relation = copy.relation === undefined ? 'query' : dotted(copy.relation)
  const columns = copy.columns.length === 0 ? '' : `(${copy.columns.join(',')})`
  const options = Object.entries(copy.options).map(([name, value]) => `,${name}=${value}`)
  return `copy[${copy.direction},${copy.through},${relation}${columns},${copy.format}${options.join('')}]`
}

function dotted({ schema, name }: RelationName): string {
  return schema === undefined ? name : `${schema}.${name}`
}
