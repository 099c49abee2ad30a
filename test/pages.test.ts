import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { type ConfigProblem, renderProblem } from '../src/config/problem.js'
import { readAgentConfig, readConfig } from '../src/config/read-config.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name)),
]

const mapShape = z.record(z.string(), z.unknown())
const manifestShape = z.object({ commands: z.record(z.string(), z.unknown()) })

/** Checks that the configurations of a page, which begin with their path, are read without a word. */
function checkConfigurations(page: string, files: readonly string[]): void {
  test(`the configurations in ${page} are read as they stand`, () => {
    const blocks = fenced(page, 'yaml').filter(block => block.startsWith('# /etc/hoop/'))
    expect(blocks.map(block => block.split('\n')[0]?.replace('# /etc/hoop/', ''))).toEqual(files)
    for (const block of blocks) expect(problemsOf(block)).toEqual([])
  })
}

checkConfigurations('README.md', ['hoop.yaml', 'agent.yaml'])
checkConfigurations('docs/getting-started.md', ['hoop.yaml', 'agent.yaml'])

test('the approvals of their page fit into the configuration of the README', () => {
  const [base = ''] = fenced('README.md', 'yaml')
  const [approvals = ''] = fenced('docs/approvals.md', 'yaml')
  const whole = { ...mapShape.parse(parse(base)), ...mapShape.parse(parse(approvals)) }
  const identity = { ...mapShape.parse(whole.identity), claims: { manager: 'manager' } }
  expect(problemsOf(stringify({ ...whole, identity }))).toEqual([])
})

test('every command of hoop is in the README', () => {
  const manifest = manifestShape.parse(JSON.parse(text('oclif.manifest.json')))
  const own = Object.keys(manifest.commands).filter(name => !/^(help|autocomplete|plugins)\b/.test(name))
  const table =
    text('README.md')
      .match(/^\| `hoop.*$/gm)
      ?.join('\n') ?? ''
  expect(own.length).toBeGreaterThan(10)
  expect(own.filter(name => !new RegExp(`\`(hoop )?${lastWords(name)}\\b`).test(table))).toEqual([])
})

test('no page links to a page or a place in it that is not there', () => {
  const broken = PAGES.flatMap(page =>
    linksOf(page)
      .filter(link => !leadsSomewhere(page, link))
      .map(link => `${page}: ${link}`),
  )
  expect(broken).toEqual([])
})

/** `sessions:list` as the table writes it: in full at first, then what differs. */
function lastWords(command: string): string {
  const [topic, name] = command.split(':')
  return name === undefined ? (topic ?? '') : `(${topic} )?${name}`
}

function problemsOf(block: string): readonly string[] {
  const options = { file: 'page.yaml', directory: '/etc/hoop' }
  const isAgent = block.includes('\nallow:')
  const read:
    | { ok: true; warnings: readonly ConfigProblem[] }
    | { ok: false; problems: readonly ConfigProblem[] } = isAgent
    ? readAgentConfig(block, options)
    : readConfig(block, options)
  return (read.ok ? read.warnings : read.problems).map(renderProblem)
}

function linksOf(page: string): readonly string[] {
  const prose = text(page).replace(/^```[\s\S]*?^```$/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(match => match[1] ?? '')
    .filter(link => !/^https?:/.test(link))
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', place] = link.split('#')
  const file = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path)
  if (!existsSync(file)) return false
  if (place === undefined) return true
  const headings = readFileSync(file, 'utf8').match(/^#+ .*$/gm) ?? []
  return headings.some(heading => anchorOf(heading) === place)
}

/** The name of a heading's place, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** The fenced blocks of a page in one language, in order. */
function fenced(page: string, language: string): readonly string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...text(page).matchAll(pattern)].map(match => match[1] ?? '')
}

function text(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}
