import type { CommandFacts, FunctionName, RelationUse, SettingUse } from '../../domain/facts.js'
import { UniqueList } from './unique-list.js'

/** The facts of one command while its tree is read. Writable on purpose: the walk fills it in one pass. */
export class CommandDraft {
  verb = ''
  object = ''
  writes = false
  filtered = true
  drops = false
  defines = false
  opaque = false
  serverAccess = false
  readonly relations = new UniqueList<RelationUse>()
  readonly functions = new UniqueList<FunctionName>()
  readonly settings: SettingUse[] = []

  constructor(readonly nested: boolean) {}

  /** The finished facts, plain data that crosses threads. */
  finish(): CommandFacts {
    return {
      verb: this.verb,
      object: this.object,
      nested: this.nested,
      writes: this.writes,
      filtered: this.filtered,
      drops: this.drops,
      defines: this.defines,
      opaque: this.opaque,
      serverAccess: this.serverAccess,
      relations: this.relations.items,
      functions: this.functions.items,
      settings: this.settings,
    }
  }
}
