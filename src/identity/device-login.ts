import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Configuration,
  type DeviceAuthorizationResponse,
  genericGrantRequest,
  initiateDeviceAuthorization,
} from 'openid-client'
import type { Clock } from '../domain/clock.js'
import { HoopError } from '../lib/hoop-error.js'
import { isLoopbackHost } from './provider-fetch.js'
import {
  explainTokenError,
  oauthErrorCode,
  openProvider,
  type ProviderClient,
  type ProviderTokens,
  readTokens,
} from './provider-session.js'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628, section 3.2: when the provider names no interval. */
const INTERVAL_DEFAULT_S = 5
/** RFC 8628, section 3.5: what `slow_down` adds. */
const INTERVAL_STEP_S = 5
const INTERVAL_MAX_S = 60
/** A person is not waited for any longer, whatever the provider says. */
const CODE_LIFETIME_MAX_S = 1800

/** A login that waits for a person. */
export interface DeviceLogin {
  /** What the person compares or types. Printable ASCII. */
  readonly userCode: string
  /** Where the person goes; an https address. */
  readonly verificationUri: string
  /** The same with the code in it, when the provider offers that. */
  readonly verificationUriComplete: string | undefined
  readonly expiresInSeconds: number
  /**
   * Waits until the person has answered. When `signal` aborts it rejects at once with the signal's reason and leaves no
   * timer or connection behind.
   *
   * @throws HoopError `login_denied`, `login_expired` or `configuration`. A provider that cannot be reached is asked again
   * until the code is over, then `provider_unavailable`.
   */
  readonly poll: (signal: AbortSignal) => Promise<ProviderTokens>
}

/** What a device login needs. */
export interface DeviceLoginOptions extends ProviderClient {
  readonly scopes: readonly string[]
  readonly clock: Clock
  /** Waits for that many milliseconds; the system's timer by default. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/**
 * Begins to sign somebody in on a device without a browser of its own (RFC 8628).
 *
 * @example
 * const login = await startDeviceLogin({ issuer, clientId, scopes, clock: () => new Date() })
 * const tokens = await login.poll(signal)
 */
export async function startDeviceLogin(options: DeviceLoginOptions): Promise<DeviceLogin> {
  const stop = new AbortController()
  const configuration = await openProvider(options, stop.signal)
  if (configuration.serverMetadata().device_authorization_endpoint === undefined) {
    throw new HoopError(
      'configuration',
      `Cannot sign in: the identity provider "${options.issuer}" offers no device login`,
    )
  }
  const answer = await initiateDeviceAuthorization(configuration, { scope: options.scopes.join(' ') }).catch(
    (cause: unknown) => {
      throw explainTokenError(cause, 'sign in')
    },
  )
  const expiresInSeconds = Math.min(answer.expires_in, CODE_LIFETIME_MAX_S)
  const deadlineMs = options.clock().getTime() + expiresInSeconds * 1000
  const complete = answer.verification_uri_complete
  return {
    userCode: readUserCode(answer.user_code),
    verificationUri: readAddress(answer.verification_uri),
    verificationUriComplete: complete === undefined ? undefined : readAddress(complete),
    expiresInSeconds,
    poll: async signal => {
      try {
        return await poll({ configuration, answer, deadlineMs, signal, options })
      } finally {
        stop.abort()
      }
    },
  }
}

interface Polling {
  readonly configuration: Configuration
  readonly answer: DeviceAuthorizationResponse
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly options: DeviceLoginOptions
}

/** Our own loop, because the library's notices an abort only at its next step, up to five seconds later. */
async function poll({
  configuration,
  answer,
  deadlineMs,
  signal,
  options,
}: Polling): Promise<ProviderTokens> {
  const wait = options.wait ?? sleepFor
  let intervalSeconds = Math.min(answer.interval ?? INTERVAL_DEFAULT_S, INTERVAL_MAX_S)
  let unreachable: unknown
  for (;;) {
    signal.throwIfAborted()
    if (options.clock().getTime() + intervalSeconds * 1000 > deadlineMs) {
      throw unreachable ?? codeExpired()
    }
    await waitOrAbort(wait(intervalSeconds * 1000, signal), signal)
    const attempt = await ask(configuration, answer.device_code, signal)
    switch (attempt.kind) {
      case 'tokens':
        return attempt.tokens
      case 'pending':
        unreachable = undefined
        break
      case 'slow_down':
        intervalSeconds = Math.min(intervalSeconds + INTERVAL_STEP_S, INTERVAL_MAX_S)
        break
      case 'unreachable':
        // RFC 8628, section 3.5: after a lost connection the pause grows exponentially.
        unreachable = attempt.error
        intervalSeconds = Math.min(intervalSeconds * 2, INTERVAL_MAX_S)
        break
    }
  }
}

type Attempt =
  | { readonly kind: 'tokens'; readonly tokens: ProviderTokens }
  | { readonly kind: 'pending' | 'slow_down' }
  | { readonly kind: 'unreachable'; readonly error: HoopError }

async function ask(configuration: Configuration, deviceCode: string, signal: AbortSignal): Promise<Attempt> {
  const asking = genericGrantRequest(configuration, GRANT_TYPE, { device_code: deviceCode })
  try {
    return { kind: 'tokens', tokens: readTokens(await waitOrAbort(asking, signal)) }
  } catch (cause) {
    signal.throwIfAborted()
    const code = oauthErrorCode(cause)
    if (code === 'authorization_pending') return { kind: 'pending' }
    if (code === 'slow_down') return { kind: 'slow_down' }
    const error = explainTokenError(cause, 'sign in')
    if (error instanceof HoopError && error.code === 'provider_unavailable')
      return { kind: 'unreachable', error }
    throw error
  }
}

/** The work's result, or the signal's reason as soon as it aborts. What the work then still does is nobody's concern. */
async function waitOrAbort<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let abort = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function sleepFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal })
}

function codeExpired(): HoopError {
  return new HoopError('login_expired', 'Cannot sign in: the code was not confirmed in time', {
    hint: 'hoop login',
  })
}

/** The code is printed on a terminal: a stranger's text must not move the cursor. */
function readUserCode(code: string): string {
  if (/^[\x21-\x7e]{1,64}$/.test(code)) return code
  throw new HoopError(
    'provider_unavailable',
    'Cannot sign in: the identity provider gave a code that cannot be shown',
  )
}

/** The address is opened in a browser: nothing but the web, and nothing that a program could take for an option. */
function readAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))
  if (url !== undefined && isSafe) return url.href
  throw new HoopError(
    'provider_unavailable',
    'Cannot sign in: the identity provider gave an address that is not https',
  )
}
