import { createHash } from 'node:crypto'
import { errors, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../domain/clock.js'
import type { RandomBytes } from '../domain/ids.js'
import type { Principal } from '../domain/principal.js'
import { HoopError } from '../lib/hoop-error.js'
import { openSigningKey, type SigningKey } from './signing-key.js'

const ALGORITHM = 'ES256'
/** RFC 9068, section 2.1: an access token says so, and no other kind of token is taken for one. */
const TOKEN_TYPE = 'at+jwt'
/** A token that does not fit into a request header cannot be one of ours. */
const TOKEN_LENGTH_MAX = 16 * 1024
const TOKEN_ID_BYTES = 16
/** Tokens whose signature need not be checked again; about 1 kB each. */
const VERIFIED_MAX = 10_000

/** A principal, since when and until when its token holds. */
export interface VerifiedToken extends Principal {
  /** Whole seconds. */
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** The gateway's own access tokens. */
export interface GatewayTokens {
  readonly issue: (principal: Principal) => Promise<{ readonly token: string; readonly expiresAt: Date }>
  /** @throws HoopError `login_expired` when the token is over, `unauthorized` when it is not ours */
  readonly verify: (token: string) => Promise<VerifiedToken>
  /** The public keys (RFC 7517, section 5), for those who want to check a token themselves. */
  readonly jwks: { readonly keys: readonly JWK[] }
}

/** What the gateway's tokens need of the world. */
export interface GatewayTokensOptions {
  /** Issuer and audience: the gateway's public address. */
  readonly issuer: string
  /** Where the key is; made at the first start, mode 0600. */
  readonly keyFile: string
  readonly lifetimeMs: number
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

/**
 * Opens the gateway's key and issues and verifies access tokens with it (RFC 9068). What was verified once is known by
 * its digest until it expires, so that the check on a hot path is a hash.
 */
export async function makeGatewayTokens(options: GatewayTokensOptions): Promise<GatewayTokens> {
  const key = await openSigningKey(options.keyFile)
  const verified = new Map<string, VerifiedToken>()
  return {
    issue: principal => issue(principal, key, options),
    verify: async token => {
      if (token.length > TOKEN_LENGTH_MAX) throw refusal('it is too long')
      const digest = createHash('sha256').update(token).digest('base64')
      const known = verified.get(digest)
      if (known !== undefined) {
        if (options.clock() < known.expiresAt) return known
        verified.delete(digest)
        throw expired()
      }
      const result = await verify(token, key, options)
      remember(verified, digest, result)
      return result
    },
    jwks: { keys: [key.jwk] },
  }
}

async function issue(
  principal: Principal,
  key: SigningKey,
  options: GatewayTokensOptions,
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const issuedAt = Math.floor(options.clock().getTime() / 1000)
  const expiresAt = issuedAt + Math.max(1, Math.floor(options.lifetimeMs / 1000))
  const token = await new SignJWT({
    provider: principal.issuer,
    name: principal.name,
    groups: [...principal.groups],
    ...(principal.person === undefined ? {} : { person: principal.person }),
    ...(principal.manager === undefined ? {} : { manager: principal.manager }),
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid: key.id })
    .setIssuer(options.issuer)
    .setAudience(options.issuer)
    .setSubject(principal.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .setJti(Buffer.from(options.randomBytes(TOKEN_ID_BYTES)).toString('base64url'))
    .sign(key.privateKey)
  return { token, expiresAt: new Date(expiresAt * 1000) }
}

async function verify(token: string, key: SigningKey, options: GatewayTokensOptions): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [ALGORITHM],
      typ: TOKEN_TYPE,
      issuer: options.issuer,
      audience: options.issuer,
      currentDate: options.clock(),
      requiredClaims: ['sub', 'exp', 'iat', 'jti'],
    })
    return readClaims(payload)
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) throw expired()
    if (cause instanceof errors.JOSEError || cause instanceof TypeError)
      throw refusal('it is not one of this gateway', cause)
    throw cause
  }
}

/** The signature says that we wrote it; the shape is checked all the same, since an older version of us may have. */
function readClaims(payload: JWTPayload): VerifiedToken {
  const { provider: issuer, name, groups, person, manager, sub: subject, exp, iat } = payload
  const isWhole =
    typeof issuer === 'string' &&
    typeof name === 'string' &&
    typeof subject === 'string' &&
    typeof exp === 'number' &&
    typeof iat === 'number'
  if (!isWhole || !isListOfText(groups) || !isTextOrNone(person) || !isTextOrNone(manager))
    throw refusal('it lacks claims')
  return {
    ...{ issuer, subject, name, groups },
    ...{ issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) },
    ...(person === undefined ? {} : { person }),
    ...(manager === undefined ? {} : { manager }),
  }
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(one => typeof one === 'string')
}

function remember(verified: Map<string, VerifiedToken>, digest: string, token: VerifiedToken): void {
  // The oldest goes first; losing one costs a signature check and nothing else.
  const [oldest] = verified.size >= VERIFIED_MAX ? verified.keys() : []
  if (oldest !== undefined) verified.delete(oldest)
  verified.set(digest, token)
}

function expired(): HoopError {
  return new HoopError('login_expired', 'Cannot accept the access token: it has expired', {
    hint: 'hoop login',
  })
}

function refusal(reason: string, cause?: unknown): HoopError {
  return new HoopError('unauthorized', `Cannot accept the access token: ${reason}`, {
    hint: 'hoop login',
    cause,
  })
}
