import { z } from 'zod'
import { hoopSchema } from './hoop-schema.js'

/** The JSON Schema of `hoop.yaml` for editors, made from the definition that the gateway reads files with. */
export function makeJsonSchema(): string {
  const schema = z.toJSONSchema(hoopSchema, { io: 'input' })
  return `${JSON.stringify({ ...schema, title: 'hoop.yaml' }, undefined, 2)}\n`
}
