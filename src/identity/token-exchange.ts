import type { TokenResponse } from '../domain/api.js'
import type { Clock } from '../domain/clock.js'
import type { Principal } from '../domain/principal.js'
import { HoopError } from '../lib/hoop-error.js'
import type { GatewayTokens } from './gateway-tokens.js'
import type { ProviderVerifier } from './provider-tokens.js'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'
const SUBJECT_TOKEN_TYPES = [ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE, JWT_TYPE]
const REQUESTED_TOKEN_TYPES = [ACCESS_TOKEN_TYPE, JWT_TYPE]
const PARAMETERS = [
  'grant_type',
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'client_id',
]

/** The body of a refusal (RFC 6749, section 5.2). */
export interface TokenErrorResponse {
  readonly error:
    | 'invalid_request'
    | 'invalid_client'
    | 'invalid_target'
    | 'unsupported_grant_type'
    | 'temporarily_unavailable'
  readonly error_description: string
}

/** The answer to an exchange, and for the audit log who asked or what was wrong. */
export type TokenExchangeAnswer =
  | {
      readonly kind: 'issued'
      readonly status: 200
      readonly body: TokenResponse
      readonly principal: Principal
    }
  | {
      readonly kind: 'refused'
      readonly status: 400 | 401 | 503
      readonly body: TokenErrorResponse
      /** For the log, under the request's id. */
      readonly cause?: unknown
    }

/** What an exchange needs. */
export interface TokenExchangeOptions {
  readonly verifier: ProviderVerifier
  readonly tokens: GatewayTokens
  /** The gateway's public address: the only audience and resource a token is given for. */
  readonly gateway: string
  readonly clientId: string
  readonly clock: Clock
}

/**
 * Exchanges a token of the identity provider for one of the gateway's (RFC 8693). Takes the decoded form of the request
 * and gives status and body, so that any HTTP framework can carry it. Send `Cache-Control: no-store` with every answer.
 */
export function makeTokenExchange(
  options: TokenExchangeOptions,
): (form: URLSearchParams) => Promise<TokenExchangeAnswer> {
  return async form => {
    const fault = findFault(form, options)
    if (fault !== undefined) return refuse(fault.error === 'invalid_client' ? 401 : 400, fault)
    try {
      const principal = await options.verifier.verify(form.get('subject_token') ?? '')
      const { token, expiresAt } = await options.tokens.issue(principal)
      const expiresInMs = expiresAt.getTime() - options.clock().getTime()
      const body: TokenResponse = {
        access_token: token,
        issued_token_type: ACCESS_TOKEN_TYPE,
        token_type: 'Bearer',
        expires_in: Math.max(0, Math.floor(expiresInMs / 1000)),
      }
      return { kind: 'issued', status: 200, body, principal }
    } catch (cause) {
      return refuseBecause(cause)
    }
  }
}

function findFault(form: URLSearchParams, options: TokenExchangeOptions): TokenErrorResponse | undefined {
  // Read twice by two parties, a parameter that is given twice means two things: RFC 6749, section 3.2 forbids it.
  const names = [...form.keys()]
  if (new Set(names).size !== names.length) return fault('invalid_request', 'a parameter is given twice')
  const grantType = form.get('grant_type')
  if (grantType === null || grantType === '') return fault('invalid_request', '"grant_type" is missing')
  if (grantType !== GRANT_TYPE)
    return fault('unsupported_grant_type', `the only grant type is "${GRANT_TYPE}"`)
  // RFC 8693 lets a server refuse what it does not support; ignoring an actor or a scope would give more than was asked.
  if (!names.every(name => PARAMETERS.includes(name)))
    return fault('invalid_request', 'a parameter is not supported')
  if ((form.get('subject_token') ?? '') === '') return fault('invalid_request', '"subject_token" is missing')
  if (!isOneOf(form.get('subject_token_type'), SUBJECT_TOKEN_TYPES)) {
    return fault('invalid_request', `"subject_token_type" is none of ${SUBJECT_TOKEN_TYPES.join(', ')}`)
  }
  const requested = form.get('requested_token_type')
  if (requested !== null && !isOneOf(requested, REQUESTED_TOKEN_TYPES)) {
    return fault('invalid_request', `"requested_token_type" is none of ${REQUESTED_TOKEN_TYPES.join(', ')}`)
  }
  const targets = [form.get('audience'), form.get('resource')]
  if (!targets.every(target => target === null || target === options.gateway)) {
    return fault('invalid_target', `tokens are given for "${options.gateway}" only`)
  }
  const client = form.get('client_id')
  return client === null || client === options.clientId
    ? undefined
    : fault('invalid_client', 'the client is not known')
}

function refuseBecause(cause: unknown): TokenExchangeAnswer {
  if (!(cause instanceof HoopError)) throw cause
  switch (cause.code) {
    case 'unauthorized':
    case 'login_expired':
      // RFC 8693, section 2.2.2: a subject token that is not accepted is `invalid_request`.
      return refuse(400, fault('invalid_request', cause.message), cause)
    case 'provider_unavailable':
      return refuse(503, fault('temporarily_unavailable', cause.message), cause)
    default:
      throw cause
  }
}

function refuse(status: 400 | 401 | 503, body: TokenErrorResponse, cause?: unknown): TokenExchangeAnswer {
  return { kind: 'refused', status, body, cause }
}

/** RFC 6749, section 5.2 allows printable ASCII without `"` and `\` in a description. */
function fault(error: TokenErrorResponse['error'], description: string): TokenErrorResponse {
  const plain = description.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')
  return { error, error_description: plain }
}

function isOneOf(value: string | null, values: readonly string[]): boolean {
  return value !== null && values.includes(value)
}
