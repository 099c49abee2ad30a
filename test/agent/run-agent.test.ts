import { once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readAll } from '../tunnel/gateway-fixture.js'
import { AGENT, type AgentGateway, startAgentGateway, startTarget } from './agent-fixture.js'

let gateway: AgentGateway

beforeEach(async () => {
  gateway = await startAgentGateway()
})
afterEach(() => gateway.close())

test('an agent enrols, connects, and opens what it allows', async () => {
  const target = await startTarget()
  gateway.run({ agent: { allow: [{ host: '127.0.0.1', port: target.port }] } })
  await gateway.online()
  const stream = await gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  stream.end('SELECT 1')
  expect((await readAll(stream)).toString()).toBe('SELECT 1')
  expect(statSync(join(gateway.directory, 'agent', 'agent.key')).mode & 0o777).toBe(0o600)
  target.close()
})

test('64 MiB pass through an agent both ways at once', async () => {
  const target = await startTarget()
  gateway.run({ agent: { allow: [{ host: 'localhost', port: target.port }] } })
  await gateway.online()
  const stream = await gateway.hub.openTarget(AGENT, { host: 'localhost', port: target.port })
  const block = Buffer.alloc(1024 * 1024, 7)
  const write = async () => {
    for (let count = 0; count < 64; count += 1) if (!stream.write(block)) await once(stream, 'drain')
    stream.end()
  }
  const [bytes] = await Promise.all([readAll(stream), write()])
  expect(bytes.length).toBe(64 * block.length)
  expect(bytes.every(byte => byte === 7)).toBe(true)
  target.close()
})

test('a target that breaks off is an error at the gateway, not an end', async () => {
  const target = await startTarget(socket => {
    socket.write('half an ans')
    socket.once('data', () => socket.resetAndDestroy())
  })
  gateway.run({ agent: { allow: [{ host: '127.0.0.1', port: target.port }] } })
  await gateway.online()
  const stream = await gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  stream.resume()
  const failed = once(stream, 'error')
  stream.write('go on')
  expect(await failed).toHaveLength(1)
  expect(stream.readableEnded).toBe(false)
  target.close()
})

test('an agent refuses what it does not allow, with the reason', async () => {
  const target = await startTarget()
  gateway.run({ agent: { allow: [{ host: '127.0.0.1', port: 1 }] } })
  await gateway.online()
  const refused = gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  await expect(refused).rejects.toMatchObject({
    code: 'target_unavailable',
    message: `Cannot open "127.0.0.1:${target.port}": it is not allowed by this agent`,
  })
  const down = gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: 1 })
  await expect(down).rejects.toMatchObject({
    code: 'target_unavailable',
    message: 'Cannot open "127.0.0.1:1": the connection was refused',
  })
  target.close()
})

test('an agent that is not there is said to be so', async () => {
  await expect(gateway.hub.openTarget(AGENT, { host: 'db', port: 5432 })).rejects.toMatchObject({
    code: 'agent_unavailable',
    message: 'Cannot open db:5432: agent "eu-west-1" is not connected',
  })
})

test('an agent comes back after the gateway restarts, with one connection, and enrols once', async () => {
  const agent = gateway.run()
  await gateway.online()
  await gateway.restart()
  await gateway.online()
  expect(agent.lines.filter(line => line.startsWith('the agent is enrolled'))).toHaveLength(1)
  expect(agent.lines.filter(line => line.startsWith('the agent is connected'))).toHaveLength(2)
  expect(agent.lines.filter(line => line.includes('enrol-me'))).toEqual([])
})

test('an agent that is told to stop lets streams end first', async () => {
  const target = await startTarget()
  const agent = gateway.run({ agent: { allow: [{ host: '127.0.0.1', port: target.port }] } })
  await gateway.online()
  const stream = await gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  agent.stop.abort()
  stream.end('the last words')
  expect((await readAll(stream)).toString()).toBe('the last words')
  await agent.ended
  expect(gateway.hub.isOnline(AGENT)).toBe(false)
  target.close()
})

test('a second agent cannot enrol with a token that was used, and its key is refused', async () => {
  gateway.run()
  await gateway.online()
  const thief = gateway.run({ agent: { dataDirectory: join(gateway.directory, 'thief') } })
  await said(thief.lines, 'the gateway refused the agent')
  expect(thief.lines.join('\n')).toContain('the enrolment token was used before')
  expect(thief.lines.join('\n')).not.toContain('the agent is connected')
})

test('an agent with a wrong token or another name is refused', async () => {
  const wrong = gateway.run({ agent: { enrollmentToken: { kind: 'literal', value: 'a guess' } } })
  await said(wrong.lines, 'the name or the enrolment token is not known')
  expect(gateway.hub.isOnline(AGENT)).toBe(false)
  expect(gateway.keys.size).toBe(0)
})

test('an agent whose token file is gone goes on with the key that it enrolled', async () => {
  const path = join(gateway.directory, 'token')
  writeFileSync(path, 'enrol-me-once-0123456789\n')
  const first = gateway.run({ agent: { enrollmentToken: { kind: 'file', path } } })
  await gateway.online()
  first.stop.abort()
  await first.ended
  const second = gateway.run({ agent: { enrollmentToken: { kind: 'file', path: `${path}.gone` } } })
  await said(second.lines, 'the agent is connected')
})

test('an agent with a key that is none says so and does not start', async () => {
  const agent = gateway.run()
  await gateway.online()
  agent.stop.abort()
  await agent.ended
  writeFileSync(join(gateway.directory, 'agent', 'agent.key'), 'not a key')
  await expect(gateway.run().ended).rejects.toMatchObject({ code: 'configuration' })
})

/** Settles when a log has a line with these words. */
async function said(lines: readonly string[], words: string): Promise<void> {
  await expect.poll(() => lines.join('\n'), { timeout: 10_000 }).toContain(words)
}
