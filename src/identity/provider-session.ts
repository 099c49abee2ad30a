import {
  ClientError,
  type Configuration,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  tokenRevocation,
} from 'openid-client'
import { HoopError } from '../lib/hoop-error.js'
import { discoverProvider, findHoopError, type ProviderAddress } from './provider-discovery.js'
import { makeProviderFetch } from './provider-fetch.js'

/** What a provider gives to somebody who signed in. Secrets: they go to the gateway and the credential store, nowhere else. */
export interface ProviderTokens {
  readonly idToken: string
  readonly accessToken: string | undefined
  /** Absent when the provider gives none; then the login lasts as long as the ID token. */
  readonly refreshToken: string | undefined
  /** When the ID token ends. */
  readonly expiresAt: Date
}

/** A provider, and the authority of its certificate where that is a private one. */
export interface ProviderClient extends ProviderAddress {
  readonly caFile?: string | undefined
}

/** Opens the provider for one command: its discovery document is read once. `signal` ends its requests. */
export function openProvider(client: ProviderClient, signal?: AbortSignal): Promise<Configuration> {
  return discoverProvider(
    client,
    makeProviderFetch({ caFile: client.caFile, ...(signal === undefined ? {} : { signal }) }),
  )
}

/**
 * Gets new tokens for a refresh token (RFC 6749, section 6). A provider that rotates gives a new refresh token, and the
 * old one is burnt from then on: hold the refresh lock, and store what comes back before using it.
 *
 * @throws HoopError `login_expired` when the refresh token is over, revoked or was used before; `provider_unavailable`
 */
export async function refreshProviderTokens(
  client: ProviderClient,
  refreshToken: string,
): Promise<ProviderTokens> {
  const configuration = await openProvider(client)
  try {
    const tokens = readTokens(await refreshTokenGrant(configuration, refreshToken))
    return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }
  } catch (cause) {
    throw explainTokenError(cause, 'refresh the login')
  }
}

/**
 * Ends a token at the provider (RFC 7009). A refresh token takes the whole login with it.
 *
 * @returns `unsupported` when the provider has no endpoint for it: then the token ends when it ends
 */
export async function revokeProviderToken(
  client: ProviderClient,
  token: string,
): Promise<'revoked' | 'unsupported'> {
  const configuration = await openProvider(client)
  if (configuration.serverMetadata().revocation_endpoint === undefined) return 'unsupported'
  try {
    await tokenRevocation(configuration, token)
    return 'revoked'
  } catch (cause) {
    throw explainTokenError(cause, 'revoke the login')
  }
}

/** The tokens in an answer of the token endpoint, whose ID token openid-client has checked (OpenID Connect Core, 3.1.3.7). */
export function readTokens(answer: TokenEndpointResponse & TokenEndpointResponseHelpers): ProviderTokens {
  const claims = answer.claims()
  if (answer.id_token === undefined || claims === undefined) {
    throw new HoopError('login_denied', 'Cannot sign in: the identity provider gave no ID token', {
      hint: 'add the scope "openid" to the scopes of the identity provider in hoop.yaml',
    })
  }
  return {
    idToken: answer.id_token,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresAt: new Date(claims.exp * 1000),
  }
}

/** The OAuth error code of an answer (RFC 6749, section 5.2), if that is what went wrong. */
export function oauthErrorCode(error: unknown): string | undefined {
  return error instanceof ResponseBodyError ? error.error : undefined
}

/** A failure of the token endpoint in words. The provider's own description stays in the log: it is text of a stranger. */
export function explainTokenError(cause: unknown, purpose: string): unknown {
  const expected = findHoopError(cause)
  if (expected !== undefined) return expected
  const again = { hint: 'hoop login', cause }
  switch (oauthErrorCode(cause)) {
    case undefined:
      return cause instanceof ClientError || cause instanceof TypeError
        ? new HoopError(
            'provider_unavailable',
            `Cannot ${purpose}: the identity provider's answer was not understood`,
            {
              cause,
            },
          )
        : cause
    case 'invalid_grant':
      return new HoopError(
        'login_expired',
        `Cannot ${purpose}: the login has ended at the identity provider`,
        again,
      )
    case 'expired_token':
      return new HoopError('login_expired', `Cannot ${purpose}: the code was not confirmed in time`, again)
    case 'access_denied':
      return new HoopError(
        'login_denied',
        `Cannot ${purpose}: it was refused at the identity provider`,
        again,
      )
    case 'invalid_client':
    case 'unauthorized_client':
      return new HoopError(
        'configuration',
        `Cannot ${purpose}: the identity provider does not know this client`,
        {
          hint: 'check the client id in hoop.yaml, and that the provider allows it the device flow',
          cause,
        },
      )
    default:
      return new HoopError(
        'login_denied',
        `Cannot ${purpose}: the identity provider refused the request`,
        again,
      )
  }
}
