import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Configuration } from 'openid-client'
import type { Clock } from '../domain/clock.js'
import type { Principal } from '../domain/principal.js'
import { HoopError } from '../lib/hoop-error.js'
import { type ClaimNames, readPrincipalClaims } from './principal-claims.js'
import { findHoopError, makeLazyProvider } from './provider-discovery.js'
import { makeProviderFetch, type ProviderFetch } from './provider-fetch.js'

/** Only signatures that need the provider's private key: with a symmetric one, whoever can check could also sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const TOKEN_LENGTH_MAX = 64 * 1024
/** How far the clocks of provider and gateway may be apart. */
const CLOCK_SKEW_S = 30
/** The pause before an unknown key makes the gateway ask for the provider's keys again. */
const KEYS_COOLDOWN_MS = 10_000
const KEYS_TIMEOUT_MS = 10_000

/** Turns what a provider signed into a principal. */
export interface ProviderVerifier {
  /**
   * Checks a token of the provider: signature by its published keys, issuer, audience, authorised party, times (OpenID
   * Connect Core, section 3.1.3.7; RFC 9068, section 4).
   *
   * @throws HoopError `unauthorized`, `login_expired` or `provider_unavailable`
   */
  readonly verify: (token: string) => Promise<Principal>
}

/** The provider, who we are to it, and how its claims are read. */
export interface ProviderVerifierOptions {
  readonly issuer: string
  readonly clientId: string
  readonly claims: ClaimNames
  /** Trusted beside the system's authorities. */
  readonly caFile?: string | undefined
  readonly clock: Clock
  /** Milliseconds before an unknown key makes the gateway ask for the provider's keys again. */
  readonly keysCooldownMs?: number
}

type KeySet = ReturnType<typeof createRemoteJWKSet>

/** A verifier that asks the provider for its document and keys when first needed, and follows when the keys are rotated. */
export function makeProviderVerifier(options: ProviderVerifierOptions): ProviderVerifier {
  const fetch = makeProviderFetch({ caFile: options.caFile })
  const provider = makeLazyProvider(options, { fetch, clock: options.clock })
  let keySet: { readonly address: string; readonly keys: KeySet } | undefined
  return {
    verify: async token => {
      if (token.length > TOKEN_LENGTH_MAX) throw refusal('it is too long')
      const address = keysAddress(await provider())
      if (keySet?.address !== address) {
        keySet = { address, keys: openKeySet(address, fetch, options.keysCooldownMs ?? KEYS_COOLDOWN_MS) }
      }
      const claims = await verifySignature(token, keySet.keys, options)
      const reason = whyNotForUs(claims, options)
      if (reason !== undefined) throw refusal(reason)
      const reading = readPrincipalClaims(claims, { issuer: options.issuer, names: options.claims })
      if (reading.kind === 'refused') throw refusal(reading.reason)
      return reading.principal
    },
  }
}

function keysAddress(configuration: Configuration): string {
  const address = configuration.serverMetadata().jwks_uri
  if (address === undefined || !URL.canParse(address)) {
    throw new HoopError('provider_unavailable', 'Cannot use the identity provider: it publishes no keys')
  }
  return address
}

function openKeySet(address: string, fetch: ProviderFetch, cooldownMs: number): KeySet {
  return createRemoteJWKSet(new URL(address), {
    cooldownDuration: cooldownMs,
    timeoutDuration: KEYS_TIMEOUT_MS,
    [customFetch]: fetch,
  })
}

async function verifySignature(
  token: string,
  keys: KeySet,
  options: ProviderVerifierOptions,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      issuer: options.issuer,
      audience: options.clientId,
      clockTolerance: CLOCK_SKEW_S,
      currentDate: options.clock(),
      requiredClaims: ['sub', 'iat', 'exp'],
    })
    return payload
  } catch (cause) {
    throw findHoopError(cause) ?? explain(cause)
  }
}

/** What jose does not check. */
function whyNotForUs(claims: JWTPayload, options: ProviderVerifierOptions): string | undefined {
  const now = options.clock().getTime() / 1000
  if (typeof claims.iat !== 'number' || claims.iat > now + CLOCK_SKEW_S) return 'it was issued in the future'
  // A logout token (Back-Channel Logout, section 2.4) has our issuer and audience, and must not log anybody in.
  if (claims.events !== undefined) return 'it is not a login'
  const party = claims.azp ?? claims.client_id
  if (party !== undefined && party !== options.clientId) return 'it was made for another client'
  const audiences = Array.isArray(claims.aud) ? claims.aud.length : 1
  return audiences > 1 && party === undefined
    ? 'it is for several audiences and does not say which client'
    : undefined
}

function explain(cause: unknown): HoopError {
  if (cause instanceof errors.JWTExpired) {
    return new HoopError(
      'login_expired',
      'Cannot accept the login: the token of the identity provider has expired',
      {
        hint: 'hoop login',
        cause,
      },
    )
  }
  if (cause instanceof errors.JWKSTimeout || cause instanceof errors.JWKSInvalid) {
    return new HoopError(
      'provider_unavailable',
      'Cannot check the login: the keys of the identity provider cannot be read',
      { cause },
    )
  }
  if (cause instanceof errors.JWTClaimValidationFailed)
    return refusal(`its claim "${cause.claim}" does not fit`, cause)
  if (cause instanceof errors.JWKSNoMatchingKey)
    return refusal('the identity provider has no such key', cause)
  if (cause instanceof errors.JOSEAlgNotAllowed)
    return refusal('it is signed in a way that is not accepted', cause)
  if (cause instanceof errors.JOSEError)
    return refusal('it is not a token that the identity provider signed', cause)
  if (cause instanceof TypeError) return refusal('it is not a token that the identity provider signed', cause)
  throw cause
}

function refusal(reason: string, cause?: unknown): HoopError {
  return new HoopError('unauthorized', `Cannot accept the login: ${reason}`, { hint: 'hoop login', cause })
}
