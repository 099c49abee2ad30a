import { BlockList, isIP } from 'node:net'
import { compileGlob } from '../domain/glob.js'

/** An entry of `allow` in `agent.yaml`: a host, which may be a glob, and a port. */
export interface AllowedAddress {
  readonly host: string
  readonly port: number
}

/** What the list says of an address: `literal` when an entry names the host without a glob. */
export type Permission = 'literal' | 'glob' | 'none'

const HOST = /^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$/

/** The machine itself: reachable only when an entry names the host that leads there. */
const LOOPBACK = blockList(['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'])
/**
 * Where clouds hand out credentials to whoever asks: link-local, and the services that are not. Reachable only when an
 * entry is that very address; a name that leads there never is.
 */
const METADATA = blockList([
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
])

/** Reads `host:port` or `[address]:port`; the host comes in lower case and without brackets. Undefined if it is neither. */
export function readTargetAddress(text: string): AllowedAddress | undefined {
  const [, inBrackets, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = (inBrackets ?? plain ?? '').toLowerCase()
  const port = Number(digits)
  if (inBrackets === undefined ? !HOST.test(host) : isIP(host) !== 6) return undefined
  return port >= 1 && port <= 65_535 ? { host, port } : undefined
}

/** Looks an address up in the list, before its name is resolved. */
export function permissionFor(allow: readonly AllowedAddress[], target: AllowedAddress): Permission {
  const entries = allow.filter(entry => entry.port === target.port)
  const hosts = entries.map(entry => entry.host.toLowerCase().replace(/^\[(.*)\]$/, '$1'))
  if (hosts.some(host => !host.includes('*') && host === target.host)) return 'literal'
  return hosts.some(host => host.includes('*') && compileGlob(host)(target.host)) ? 'glob' : 'none'
}

/** True when a resolved address may be dialled for a host that the list permits in this way. */
export function mayDial(address: string, host: string, permission: Permission): boolean {
  if (permission === 'none') return false
  if (contains(METADATA, address)) return permission === 'literal' && isIP(host) !== 0
  return permission === 'literal' || !contains(LOOPBACK, address)
}

function contains(list: BlockList, address: string): boolean {
  // `::ffff:127.0.0.1` is 127.0.0.1, and a zone is not part of the address.
  const plain = address.replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain
  return list.check(mapped, isIP(mapped) === 6 ? 'ipv6' : 'ipv4')
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
