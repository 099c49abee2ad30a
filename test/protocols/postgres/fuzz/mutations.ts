import fc from 'fast-check'
import { writeMessage } from '../../../../src/protocols/postgres/codec.js'
import type { Said } from '../script.js'
import { CANARY } from './conversations.js'

/** What is done to one message of a conversation. */
type Mutation = (script: readonly Said[], at: number) => readonly Said[]

/** Lengths that a reader could stumble over; relative ones are added to the right length. */
const LENGTHS = [0, 3, 4, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0400_0001]
const OFF_BY = [-2, -1, 1, 2]

function replace(script: readonly Said[], at: number, change: (bytes: Buffer) => Buffer): readonly Said[] {
  return script.map(([side, bytes], place) =>
    place === at ? ([side, change(Buffer.from(bytes))] as const) : ([side, bytes] as const),
  )
}

/** Bytes that were changed at will may say anything: what is searched for is not in them. */
function withoutCanary(bytes: Buffer): Buffer {
  for (let at = bytes.indexOf(CANARY); at >= 0; at = bytes.indexOf(CANARY))
    bytes.fill('x', at, at + CANARY.length)
  return bytes
}

function withLength(bytes: Buffer, length: number): Buffer {
  if (bytes.length >= 5) bytes.writeUInt32BE(length >>> 0, 1)
  return withoutCanary(bytes)
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.constant<Mutation>((script, at) => script.filter((_, place) => place !== at)),
  fc.constant<Mutation>((script, at) =>
    script.flatMap((said, place) => (place === at ? [said, said] : [said])),
  ),
  fc.nat({ max: 30 }).map<Mutation>(by => (script, at) => {
    const moved = script[at]
    const rest = script.filter((_, place) => place !== at)
    return moved === undefined ? script : [...rest.slice(0, by), moved, ...rest.slice(by)]
  }),
  fc
    .constantFrom(...LENGTHS)
    .map<Mutation>(length => (script, at) => replace(script, at, bytes => withLength(bytes, length))),
  fc
    .constantFrom(...OFF_BY)
    .map<Mutation>(
      by => (script, at) => replace(script, at, bytes => withLength(bytes, bytes.length - 1 + by)),
    ),
  fc
    .nat({ max: 60 })
    .map<Mutation>(cut => (script, at) => replace(script, at, bytes => bytes.subarray(0, cut))),
  fc.nat({ max: 40 }).map<Mutation>(
    cut => (script, at) =>
      // A frame of its own right length around half a body.
      replace(script, at, bytes =>
        withoutCanary(writeMessage(String.fromCharCode(bytes[0] ?? 0), bytes.subarray(5, 5 + cut))),
      ),
  ),
  fc
    .uint8Array({ maxLength: 8 })
    .map<Mutation>(
      more => (script, at) =>
        replace(script, at, bytes =>
          withoutCanary(
            writeMessage(String.fromCharCode(bytes[0] ?? 0), Buffer.concat([bytes.subarray(5), more])),
          ),
        ),
    ),
  fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })).map<Mutation>(
    ([place, value]) =>
      (script, at) =>
        replace(script, at, bytes => {
          if (place < bytes.length) bytes[place] = value
          return withoutCanary(bytes)
        }),
  ),
  fc
    .tuple(fc.boolean(), fc.nat({ max: 127 }), fc.uint8Array({ maxLength: 40 }))
    .map<Mutation>(([client, tag, body]) => (script, at) => [
      ...script.slice(0, at),
      [client ? 'client' : 'target', writeMessage(String.fromCharCode(tag), Buffer.from(body))],
      ...script.slice(at),
    ]),
  fc
    .uint8Array({ maxLength: 20 })
    .map<Mutation>(
      noise => (script, at) => replace(script, at, bytes => withoutCanary(Buffer.concat([noise, bytes]))),
    ),
)

/** The same with something in them that is not as it should be. */
export function fuzzed(scripts: fc.Arbitrary<readonly Said[]>): fc.Arbitrary<readonly Said[]> {
  return fc
    .tuple(scripts, fc.array(fc.tuple(fc.nat({ max: 60 }), mutation), { maxLength: 4 }))
    .map(([script, mutations]) =>
      mutations.reduce<readonly Said[]>(
        (found, [at, mutate]) => mutate(found, at % Math.max(1, found.length)),
        script,
      ),
    )
}
