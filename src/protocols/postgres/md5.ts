import { createHash } from 'node:crypto'

/**
 * The answer to AuthenticationMD5Password: `md5` and the digest of the salted digest of password and user. PostgreSQL
 * protocol, "Start-up". MD5 is the server's choice here; nothing of ours relies on it.
 */
export function md5Password(options: {
  readonly user: string
  readonly password: string
  readonly salt: Buffer
}): string {
  const inner = createHash('md5').update(`${options.password}${options.user}`, 'utf8').digest('hex')
  return `md5${createHash('md5').update(inner, 'latin1').update(options.salt).digest('hex')}`
}
