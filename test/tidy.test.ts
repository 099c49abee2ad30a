import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FILE_LINES_MAX = 300
const FUNCTION_LINES_MAX = 50
const README_LINES_MAX = 30
const BANNED_FILE_NAMES = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'types',
  'misc',
  'index',
  'manager',
]

/** Who may import whom, below `src/`. Each folder may always import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  domain: ['lib'],
  sql: ['lib', 'domain'],
  policy: ['lib', 'domain'],
  masking: ['lib', 'domain'],
  recording: ['lib', 'domain'],
  protocols: ['lib', 'domain', 'sql', 'masking'],
  config: ['lib', 'domain', 'policy', 'masking'],
  tunnel: ['lib'],
  identity: ['lib', 'domain'],
  store: ['lib', 'domain'],
  gateway: [
    'lib',
    'domain',
    'sql',
    'policy',
    'masking',
    'recording',
    'protocols',
    'config',
    'tunnel',
    'identity',
    'store',
  ],
  agent: ['lib', 'domain', 'config', 'tunnel', 'identity'],
  client: ['lib', 'domain', 'recording', 'tunnel', 'identity', 'protocols/launchers'],
  web: ['domain'],
  commands: ['main', 'client', 'domain', 'lib'],
}

/** Folders that compute and nothing else: the same input gives the same output, and no byte leaves them. */
const PURE = ['lib', 'domain', 'sql', 'policy', 'masking', 'recording', 'protocols']
const PURE_NODE_MODULES = ['node:crypto', 'node:buffer', 'node:string_decoder', 'node:zlib']
const IMPURE_WORDS =
  /\b(Date\.now|new Date\(\)|Math\.random|process\.(env|argv|cwd)|setTimeout|setInterval|console\.)/

interface Source {
  readonly path: string
  readonly folder: string
  readonly text: string
  readonly imports: readonly { readonly target: string; readonly typeOnly: boolean }[]
}

const sources = [...filesUnder('src'), ...filesUnder('commands')].map(readSource)

test('imports follow the table of folders', () => {
  const wrong = sources.flatMap(source =>
    source.imports
      .filter(({ target }) => target.startsWith('src/') || target.startsWith('commands/'))
      .filter(({ target }) => !mayImport(source, target))
      .map(
        ({ target }) =>
          `${source.path} imports ${target}: ${source.folder} may import ${allowedFor(source.folder)}`,
      ),
  )
  expect(wrong).toEqual([])
})

test('no imports go round in a circle', () => {
  const graph = new Map(
    sources.map(source => [source.path, source.imports.filter(one => !one.typeOnly).map(one => one.target)]),
  )
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    else if (!done.has(path)) {
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
  }
  for (const path of graph.keys()) visit(path, [])
  expect(circles).toEqual([])
})

test('pure folders read no clock, no environment and no socket', () => {
  const wrong = sources
    .filter(source => PURE.includes(source.folder))
    .flatMap(source => [
      ...source.imports
        .filter(({ target }) => target.startsWith('node:') && !PURE_NODE_MODULES.includes(target))
        .map(
          ({ target }) => `${source.path} imports ${target}: pass what you need of the world as an argument`,
        ),
      ...withoutComments(source.text)
        .split('\n')
        .filter(line => IMPURE_WORDS.test(line))
        .map(line => `${source.path} reaches for the world: ${line.trim()}`),
    ])
  expect(wrong).toEqual([])
})

test('files are about one thing, and named after it', () => {
  const wrong = sources.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1
    const name =
      path
        .split('/')
        .pop()
        ?.replace(/\.tsx?$/, '') ?? ''
    return [
      ...(lines > FILE_LINES_MAX
        ? [`${path} has ${lines} lines, more than ${FILE_LINES_MAX}: split it`]
        : []),
      ...(BANNED_FILE_NAMES.includes(name) && !path.startsWith('commands/')
        ? [`${path}: name the file after its main thing`]
        : []),
    ]
  })
  expect(wrong).toEqual([])
})

test('functions fit on a screen', () => {
  expect(sources.flatMap(longFunctions)).toEqual([])
})

test('nothing gets around the compiler', () => {
  const banned = /\bas any\b|: any\b|<any>|@ts-ignore|@ts-expect-error|@ts-nocheck|\bTODO\b|\bFIXME\b|\bXXX\b/
  const wrong = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, number) => (banned.test(line) ? [`${path}:${number + 1} ${line.trim()}`] : [])),
  )
  expect(wrong).toEqual([])
})

test('every exported thing says what it is', () => {
  expect(sources.filter(source => source.path.startsWith('src/')).flatMap(undocumentedFunctions)).toEqual([])
})

test('each folder of src has a README of one screen', () => {
  const wrong = readdirSync(join(ROOT, 'src')).flatMap(folder => {
    const path = join(ROOT, 'src', folder, 'README.md')
    const text = statSync(path, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(path, 'utf8')
    const lines = text.split('\n').length - 1
    if (text === '')
      return [`src/${folder}/README.md is missing: what it is, what it never does, where to start`]
    return lines > README_LINES_MAX
      ? [`src/${folder}/README.md has ${lines} lines, more than ${README_LINES_MAX}`]
      : []
  })
  expect(wrong).toEqual([])
})

test('the protocols have the same files', () => {
  const folders = readdirSync(join(ROOT, 'src/protocols'), { withFileTypes: true }).filter(entry =>
    entry.isDirectory(),
  )
  const required = [
    'protocol.ts',
    'codec.ts',
    'client-start.ts',
    'target-start.ts',
    'machine.ts',
    'launch.ts',
    'catalog.ts',
  ]
  const wrong = folders.flatMap(folder => {
    const files = readdirSync(join(ROOT, 'src/protocols', folder.name))
    return required
      .filter(name => !files.includes(name))
      .map(name => `src/protocols/${folder.name}/${name} is missing`)
  })
  expect(wrong).toEqual([])
})

function filesUnder(folder: string): string[] {
  const all = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return all
    .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort()
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const parts = path.split('/')
  const folder = parts[0] === 'src' ? (parts[1] ?? '') : 'commands'
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
  const imports: { target: string; typeOnly: boolean }[] = []
  const visit = (node: ts.Node): void => {
    const specifier = importSpecifier(node)
    if (specifier !== undefined) {
      const typeOnly =
        ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      imports.push({ target: resolveImport(path, specifier), typeOnly })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { path, folder, text, imports }
}

function importSpecifier(node: ts.Node): string | undefined {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
    return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments
    return argument !== undefined && ts.isStringLiteral(argument) ? argument.text : undefined
  }
  return undefined
}

function resolveImport(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const target = relative(ROOT, resolve(ROOT, dirname(from), specifier))
  const typescript = target.replace(/\.js$/, '.ts')
  return statSync(join(ROOT, typescript), { throwIfNoEntry: false }) === undefined
    ? target.replace(/\.js$/, '.tsx')
    : typescript
}

function mayImport(source: Source, target: string): boolean {
  const [top, second, third] = target.split('/')
  const folder = top === 'commands' ? 'commands' : (second ?? '')
  if (source.folder === 'main' || folder === source.folder) return true
  const allowed = MAY_IMPORT[source.folder] ?? []
  if (allowed.includes(folder)) return true
  // A client starts a protocol's tools, and must not reach its codec.
  const launches = third === 'launchers.ts' || third === 'launcher.ts' || target.endsWith('/launch.ts')
  return folder === 'protocols' && allowed.includes('protocols/launchers') && launches
}

function allowedFor(folder: string): string {
  return (MAY_IMPORT[folder] ?? []).join(', ') || 'nothing'
}

function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, match => match.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
}

function longFunctions({ path, text }: Source): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
  const long: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const start = file.getLineAndCharacterOfPosition(node.getStart()).line
      const lines = file.getLineAndCharacterOfPosition(node.end).line - start + 1
      if (lines > FUNCTION_LINES_MAX)
        long.push(`${path}:${start + 1} is a function of ${lines} lines: split it`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return long
}

function undocumentedFunctions({ path, text }: Source): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
  return file.statements.flatMap(statement => {
    const documented = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)
    if (!documented) return []
    const exported =
      ts.getModifiers(statement)?.some(modifier => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false
    const comment = ts.getJSDocCommentsAndTags(statement).length > 0
    return exported && !comment
      ? [`${path}: ${statement.name?.text ?? 'default export'} has no doc comment`]
      : []
  })
}
