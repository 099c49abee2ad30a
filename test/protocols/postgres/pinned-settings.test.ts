import { beforeAll, describe, expect, test } from 'vitest'
import { query } from '../../../src/protocols/postgres/codec.js'
import { joinPostgres } from '../../../src/protocols/postgres/machine.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { play, SERVER } from './script.js'

beforeAll(loadPostgresGrammar)

const PINNED = { client_encoding: 'UTF8', standard_conforming_strings: 'on' }

describe('a target that reads other texts than the gateway does', () => {
  test.each([
    ['another encoding', { ...PINNED, client_encoding: 'SJIS' }, 'client_encoding'],
    ['the encoding of the server', { ...PINNED, client_encoding: 'SQL_ASCII' }, 'client_encoding'],
    ['no encoding', { standard_conforming_strings: 'on' }, 'client_encoding'],
    ['the other strings', { ...PINNED, standard_conforming_strings: 'off' }, 'standard_conforming_strings'],
    ['no kind of strings', { client_encoding: 'UTF8' }, 'standard_conforming_strings'],
  ])('is not joined: %s', (_, settings, name) => {
    const machine = joinPostgres({
      client: 1,
      ready: {
        settings: new Map(Object.entries(settings)),
        cancelKey: undefined,
        notices: Buffer.alloc(0),
      },
      cancelKey: { process: 1, secret: Buffer.alloc(4) },
      results: { rowsMax: 0, bytesMax: 0 },
      statementBytesMax: 1000,
      nextOperation: () => 1,
    })
    const actions = machine.begin()
    expect(actions.at(-1)).toMatchObject({ kind: 'close', reason: 'protocol_violation' })
    expect(actions.at(-1)).toMatchObject({ message: expect.stringContaining(`"${name}"`) })
    expect(machine.fromClient(query('SELECT 1'))).toEqual([])
  })

  test.each([
    ['client_encoding', 'GBK'],
    ['client_encoding', 'LATIN1'],
    ['standard_conforming_strings', 'off'],
  ])('is left when it says so later: %s = %s', (name, value) => {
    const outcome = play([
      ['client', query('SELECT changes_it()')],
      ['target', Buffer.concat([SERVER.parameterStatus(name, value), SERVER.ready('I')])],
      ['client', query('SELECT 2')],
    ])
    expect(outcome.closed?.reason).toBe('protocol_violation')
    expect(outcome.toTarget).toEqual(query('SELECT changes_it()'))
    expect(outcome.toClient.includes(value)).toBe(false)
  })

  test('is not what a report of the pinned values makes', () => {
    const said = Object.entries(PINNED).map(([name, value]) => SERVER.parameterStatus(name, value))
    expect(play([['target', Buffer.concat(said)]]).closed).toBeUndefined()
  })
})
