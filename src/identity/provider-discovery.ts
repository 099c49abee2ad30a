import { allowInsecureRequests, type Configuration, customFetch, discovery, None } from 'openid-client'
import type { Clock } from '../domain/clock.js'
import { HoopError } from '../lib/hoop-error.js'
import { isLoopbackHost, type ProviderFetch, requireSecure } from './provider-fetch.js'

/** What a provider says of itself is asked again after this long, so that a moved endpoint is followed. */
const DOCUMENT_AGE_MAX_MS = 60 * 60_000
const BACKOFF_FIRST_MS = 1000
const BACKOFF_MAX_MS = 30_000

/** Where a provider is, and as whom we talk to it. The client is public (RFC 6749, section 2.1): it has no secret. */
export interface ProviderAddress {
  readonly issuer: string
  readonly clientId: string
}

/**
 * Reads the provider's discovery document (OpenID Connect Discovery 1.0, section 4).
 *
 * @throws HoopError `provider_unavailable`, or `configuration` when the issuer is not an https address
 */
export async function discoverProvider(
  address: ProviderAddress,
  fetch: ProviderFetch,
): Promise<Configuration> {
  const url = readIssuer(address.issuer)
  try {
    return await discovery(url, address.clientId, undefined, None(), {
      [customFetch]: fetch,
      execute: url.protocol === 'http:' && isLoopbackHost(url.hostname) ? [allowInsecureRequests] : [],
    })
  } catch (cause) {
    throw (
      findHoopError(cause) ??
      new HoopError(
        'provider_unavailable',
        `Cannot use the identity provider "${address.issuer}": its discovery document was not understood`,
        {
          cause,
        },
      )
    )
  }
}

/**
 * A discovery document that is read when first needed, kept for an hour, and asked for again with a growing pause when
 * the provider does not answer, so that a provider in trouble is not asked by every request.
 */
export function makeLazyProvider(
  address: ProviderAddress,
  options: { readonly fetch: ProviderFetch; readonly clock: Clock },
): () => Promise<Configuration> {
  let known: { readonly configuration: Configuration; readonly readAtMs: number } | undefined
  let failure: { readonly error: unknown; readonly retryAtMs: number; readonly pauseMs: number } | undefined
  let asking: Promise<Configuration> | undefined

  const ask = async (): Promise<Configuration> => {
    try {
      const configuration = await discoverProvider(address, options.fetch)
      known = { configuration, readAtMs: options.clock().getTime() }
      failure = undefined
      return configuration
    } catch (error) {
      const pauseMs = failure === undefined ? BACKOFF_FIRST_MS : Math.min(failure.pauseMs * 2, BACKOFF_MAX_MS)
      failure = { error, pauseMs, retryAtMs: options.clock().getTime() + pauseMs }
      // An old document is better than none: the keys it points to are checked on their own.
      if (known !== undefined) return known.configuration
      throw error
    } finally {
      asking = undefined
    }
  }

  return async () => {
    const nowMs = options.clock().getTime()
    if (known !== undefined && nowMs - known.readAtMs < DOCUMENT_AGE_MAX_MS) return known.configuration
    if (failure !== undefined && nowMs < failure.retryAtMs) {
      if (known !== undefined) return known.configuration
      throw failure.error
    }
    asking ??= ask()
    return asking
  }
}

/** The expected failure in a chain of causes: libraries wrap what their `fetch` threw. */
export function findHoopError(error: unknown): HoopError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if (current instanceof HoopError) return current
    current = current.cause
  }
  return undefined
}

function readIssuer(issuer: string): URL {
  if (!URL.canParse(issuer)) {
    throw new HoopError(
      'configuration',
      `Cannot use the identity provider "${issuer}": it is not an https address`,
    )
  }
  const url = new URL(issuer)
  requireSecure(url)
  return url
}
