import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml'
import type { ConfigProblem } from './problem.js'

/** Largest file, in UTF-16 code units. */
const TEXT_LENGTH_MAX = 4 * 1024 * 1024
/** Errors of YAML itself that are told: the first ones, as each brings about others. */
const ERRORS_MAX = 3
/** How often anchors may be used: a few lines of YAML could otherwise unfold into gigabytes. */
const ALIAS_COUNT_MAX = 1000

/** The way from the top of a file to a value. */
export type ConfigPath = readonly PropertyKey[]

/** A YAML file that can be read, with the place of everything in it. */
export interface YamlSource {
  readonly file: string
  readonly value: unknown
  /** True when the file says something at this path, if only null. */
  has(path: ConfigPath): boolean
  /** An error at the value of a path, or at the nearest thing around it that is there. */
  problemAt(path: ConfigPath, message: string): ConfigProblem
  /** An error at a key of the map at a path. */
  problemAtKey(path: ConfigPath, key: string, message: string): ConfigProblem
  /** An error inside a text, at a line and column of that text from 1. */
  problemInText(
    path: ConfigPath,
    place: { readonly line: number; readonly column: number },
    message: string,
  ): ConfigProblem
}

export type ReadYaml =
  | { readonly ok: true; readonly source: YamlSource }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Reads YAML 1.2, core schema, one document. Never throws; messages never repeat the text of the file. */
export function readYaml(text: string, file: string): ReadYaml {
  const lines = new LineCounter()
  const problem = (offset: number, message: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset)
    return { severity: 'error', file, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  if (text.length > TEXT_LENGTH_MAX) {
    return { ok: false, problems: [problem(0, `the file is longer than ${TEXT_LENGTH_MAX} characters`)] }
  }
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
    const errors = [...document.errors, ...document.warnings].slice(0, ERRORS_MAX)
    if (errors.length > 0) {
      return { ok: false, problems: errors.map(error => problem(error.pos[0], describe(error))) }
    }
    const value: unknown = document.toJS({ maxAliasCount: ALIAS_COUNT_MAX })
    return { ok: true, source: makeSource({ file, text, document, value, problem }) }
  } catch {
    // What is left is an alias bomb, or a text so deep that reading it ran out of stack.
    return { ok: false, problems: [problem(0, 'the file is nested too deeply or uses too many aliases')] }
  }
}

interface Parts {
  readonly file: string
  readonly text: string
  readonly document: Document.Parsed
  readonly value: unknown
  readonly problem: (offset: number, message: string) => ConfigProblem
}

function makeSource({ file, text, document, value, problem }: Parts): YamlSource {
  const find = (path: ConfigPath): Node | undefined => {
    let node: unknown = document.contents
    for (const step of path) node = childOf(resolve(node, document), step)
    return asNode(node)
  }
  const offsetOf = (path: ConfigPath): number => {
    for (let length = path.length; length >= 0; length -= 1) {
      const start = find(path.slice(0, length))?.range?.[0]
      if (start !== undefined) return start
    }
    return 0
  }
  return {
    file,
    value,
    has: path => find(path) !== undefined,
    problemAt: (path, message) => problem(offsetOf(path), message),
    problemAtKey: (path, key, message) => {
      const map = resolve(find(path), document)
      const pair = isMap(map)
        ? map.items.find(item => isScalar(item.key) && item.key.value === key)
        : undefined
      const start = pair === undefined ? undefined : asNode(pair.key)?.range?.[0]
      return problem(start ?? offsetOf(path), message)
    },
    problemInText: (path, place, message) => {
      const start = offsetInText(find(path), place, text)
      return problem(
        start ?? offsetOf(path),
        start === undefined ? `${message} (line ${place.line} of it)` : message,
      )
    },
  }
}

/** Where a place of a scalar's text is in the file; undefined where folding or escapes moved the characters. */
function offsetInText(
  node: Node | undefined,
  { line, column }: { readonly line: number; readonly column: number },
  text: string,
): number | undefined {
  if (!isScalar(node) || typeof node.value !== 'string' || node.range === null || node.range === undefined)
    return undefined
  const [start, end] = node.range
  const raw = text.slice(start, end)
  if (node.type === 'BLOCK_LITERAL') {
    const rows = raw.split('\n').slice(1)
    const indent = rows.find(row => row.trim() !== '')?.match(/^ */)?.[0].length ?? 0
    const before =
      raw.length -
      rows.join('\n').length +
      rows.slice(0, line - 1).reduce((sum, row) => sum + row.length + 1, 0)
    return Math.min(start + before + indent + column - 1, end)
  }
  // On one line and without escapes, characters stand where they are read.
  const quote = raw.startsWith("'") || raw.startsWith('"') ? 1 : 0
  return raw.slice(quote, raw.length - quote) === node.value ? start + quote + column - 1 : undefined
}

function resolve(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function childOf(node: unknown, step: PropertyKey): unknown {
  if (isMap(node)) return node.get(step, true)
  return isSeq(node) && typeof step === 'number' ? node.get(step, true) : undefined
}

function asNode(node: unknown): Node | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node : undefined
}

const SENTENCES: Partial<Record<YAMLError['code'], string>> = {
  BAD_ALIAS: 'an alias stands for no anchor; a text that begins with * needs quotes',
  BAD_DQ_ESCAPE: 'a backslash between double quotes begins no escape that is known',
  BAD_INDENT: 'the indentation does not fit; a bracket or quote above may not be closed',
  BAD_SCALAR_START: 'a text cannot begin with this character; it needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a key and its value do not fit here; the text may need quotes',
  DUPLICATE_KEY: 'the key is there twice',
  MISSING_CHAR: 'a quote, bracket or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line; a colon may be missing',
  MULTIPLE_DOCS: 'the file holds more than one document',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags are not used here; a text that begins with ! needs quotes',
  UNEXPECTED_TOKEN: 'this does not fit here; the text may need quotes',
}

/** The library's own messages repeat parts of the file, which may be a secret that someone forgot to quote. */
function describe(error: YAMLError): string {
  return `the file is not YAML: ${SENTENCES[error.code] ?? 'this cannot be read'}`
}
