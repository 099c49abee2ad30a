import { isIP } from 'node:net'
import { HoopError } from '../lib/hoop-error.js'

/** The environment as a program gets it. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy for an HTTPS address, as `HTTPS_PROXY` and `NO_PROXY` say, upper case before lower. `NO_PROXY` is a list
 * with commas of hosts with or without a port, domains (`.example.com` and `example.com` both mean it and all below),
 * or `*`. This machine is never reached through a proxy. Fails with `configuration` when the value is no address.
 */
export function proxyFor(target: URL, environment: Environment): URL | undefined {
  const value = environment.HTTPS_PROXY || environment.https_proxy
  if (value === undefined || value === '' || isLoopback(bareHost(target))) return undefined
  const exceptions = (environment.NO_PROXY || environment.no_proxy || '').split(',')
  if (exceptions.some(one => excepts(one.trim().toLowerCase(), target))) return undefined
  const address = value.includes('://') ? value : `http://${value}`
  const proxy = URL.canParse(address) ? new URL(address) : undefined
  // The value may hold a password, so it is not repeated.
  if (proxy === undefined || (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')) {
    throw new HoopError('configuration', 'Cannot use the proxy: HTTPS_PROXY is not an http or https address')
  }
  return proxy
}

/** The host of an address without the brackets of an IPv6 literal. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

function excepts(exception: string, target: URL): boolean {
  if (exception === '') return false
  if (exception === '*') return true
  const host = bareHost(target).toLowerCase()
  const port = target.port || '443'
  const [, name = exception, onlyPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(exception) ?? []
  if (onlyPort !== undefined && onlyPort !== port) return false
  const domain = name.replace(/^\[(.*)\]$/, '$1').replace(/^\*?\./, '')
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
