/** The first byte of each message a client sends after start-up. PostgreSQL protocol, "Message Formats". */
export const CLIENT = {
  query: 0x51, // Q
  parse: 0x50, // P
  bind: 0x42, // B
  describe: 0x44, // D
  execute: 0x45, // E
  close: 0x43, // C
  sync: 0x53, // S
  flush: 0x48, // H
  functionCall: 0x46, // F
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
  terminate: 0x58, // X
} as const

/** The first byte of each message a server sends after start-up that this gateway knows. */
export const TARGET = {
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  notification: 0x41, // A
  commandComplete: 0x43, // C
  dataRow: 0x44, // D
  error: 0x45, // E
  copyInResponse: 0x47, // G
  copyOutResponse: 0x48, // H
  emptyQuery: 0x49, // I
  notice: 0x4e, // N
  parameterStatus: 0x53, // S
  rowDescription: 0x54, // T
  readyForQuery: 0x5a, // Z
  copyDone: 0x63, // c
  copyData: 0x64, // d
  noData: 0x6e, // n
  portalSuspended: 0x73, // s
  parameterDescription: 0x74, // t
} as const

/** A tag as people read it in an error: the letter, or its number when it is not printable. */
export function describeTag(tag: number): string {
  return tag > 0x20 && tag < 0x7f ? `"${String.fromCharCode(tag)}"` : `0x${tag.toString(16).padStart(2, '0')}`
}
