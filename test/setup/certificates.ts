import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** PEM texts and the files they are in: an authority, and a server's certificate that it signed. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

const LIFETIME_DAYS = '30'
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const run = promisify(execFile)

/**
 * Makes an authority and a server's certificate for `localhost`, `127.0.0.1` and `::1` (or other `hosts`) in a
 * directory: `ca.pem`, `server.pem` and `server.key` (0600). Each call makes another authority, so a second directory
 * serves as the stranger that nobody trusts.
 *
 * @example const { certFile, keyFile, caFile } = await makeCertificates(mkdtempSync(join(tmpdir(), 'hoop-')))
 */
export async function makeCertificates(
  directory: string,
  options: { readonly hosts?: readonly string[] } = {},
): Promise<Certificates> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(directory, name)
  const names = (options.hosts ?? ['localhost', '127.0.0.1', '::1']).map(host =>
    /^[\d.]+$|:/.test(host) ? `IP:${host}` : `DNS:${host}`,
  )
  writeFileSync(file('openssl.cnf'), configuration(names))
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory })

  // One key each: the authority's is thrown away with the directory, it signs nothing else.
  const config = ['-config', 'openssl.cnf']
  const authority = ['-x509', ...CURVE, '-days', LIFETIME_DAYS, '-extensions', 'authority']
  await openssl(
    'req',
    ...config,
    ...authority,
    '-subj',
    '/CN=Hoop test authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  await openssl(
    'req',
    ...config,
    ...CURVE,
    '-subj',
    '/CN=Hoop test server',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  )
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', LIFETIME_DAYS]
  const extensions = ['-extfile', 'openssl.cnf', '-extensions', 'server']
  await openssl('x509', '-req', '-in', 'server.csr', ...signing, ...extensions, '-out', 'server.pem')

  const [caFile, certFile, keyFile] = [file('ca.pem'), file('server.pem'), file('server.key')]
  const [ca, cert, key] = [caFile, certFile, keyFile].map(path => readFileSync(path, 'utf8'))
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '', caFile, certFile, keyFile }
}

function configuration(names: readonly string[]): string {
  return `
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${names.join(', ')}
`
}
