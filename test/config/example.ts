import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The YAML blocks of a page of the documentation, in order. */
export function yamlBlocks(page: string): readonly string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), 'utf8')
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(match => match[1] ?? '')
}

/** The smallest file that is a configuration. Lines are counted in tests: keep them. */
export const SMALLEST = `listen:
  address: 127.0.0.1:8443
  tls: { cert_file: cert.pem, key_file: key.pem }
public_url: https://hoop.example.com
data_directory: data
identity: { issuer: https://login.example.com, client_id: hoop }
`

/** The same with an agent, a connection and one rule of each kind. */
export const SMALL = `${SMALLEST}agents:
  - { name: eu, enrollment_token: env:EU_TOKEN }
connections:
  - name: prod-db
    type: postgres
    address: db:5432
    agent: eu
    database: shop
    roles:
      - { name: reader, user: r, password: env:READER }
access:
  - { name: engineers, groups: [eng], connections: [prod-*], roles: [reader], for: 8h }
statements:
  - { name: house-rule, when: role == "reader", then: deny }
masking:
  rules:
    - { name: cards, columns: [public.payments.card], strategy: redact }
`
