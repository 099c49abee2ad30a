import type { CommandFacts, FlowFacts, StatementFacts, TextFacts } from '../../src/domain/facts.js'

/** Facts of one command, harmless unless said otherwise. */
export function command(verb: string, facts: Partial<CommandFacts> = {}): CommandFacts {
  return {
    verb,
    object: '',
    nested: false,
    writes: false,
    filtered: true,
    drops: false,
    defines: false,
    opaque: false,
    serverAccess: false,
    relations: [],
    functions: [],
    settings: [],
    ...facts,
  }
}

const FLOW: FlowFacts = {
  relations: [],
  columns: [],
  functions: [],
  casts: [],
  setOperation: false,
  innerStar: false,
  wholeRow: false,
  renamesColumns: false,
  storesData: false,
  copy: undefined,
  sessionName: undefined,
  uses: {
    used: [],
    renames: [],
    rows: [],
    mixesNames: false,
    showsStar: false,
    operators: [],
    written: [],
  },
}

/** Facts of one statement with the commands that run in it. */
export function statement(...commands: readonly CommandFacts[]): StatementFacts {
  return { commands, flow: FLOW }
}

/** Facts of a text of one statement. */
export function text(...commands: readonly CommandFacts[]): TextFacts & { readonly understood: true } {
  return { understood: true, statements: [statement(...commands)] }
}

/** A relation from `schema.name` or `name`. */
export function reads(spelled: string): CommandFacts['relations'][number] {
  return { ...qualified(spelled), access: 'read' }
}

/** The same, written to. */
export function writesTo(spelled: string): CommandFacts['relations'][number] {
  return { ...qualified(spelled), access: 'write' }
}

/** A function from `schema.name` or `name`. */
export function calls(spelled: string): CommandFacts['functions'][number] {
  return qualified(spelled)
}

function qualified(spelled: string): { readonly schema: string | undefined; readonly name: string } {
  const [first = '', second] = spelled.split('.')
  return second === undefined ? { schema: undefined, name: first } : { schema: first, name: second }
}
