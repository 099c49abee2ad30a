import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeJsonSchema } from '../../src/config/json-schema.js'

test('the published JSON Schema is the one of this code', async () => {
  const file = new URL('../../docs/hoop.schema.json', import.meta.url)
  // `npx vitest run test/config -u` writes it.
  await expect(makeJsonSchema()).toMatchFileSnapshot(file.pathname)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('properties.connections')
})
