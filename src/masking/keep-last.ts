const STAR = 0x2a
const REDACTED = Buffer.from('[masked]')

/** Everything in ASCII that is neither a letter nor a digit stays, so that the form of a value can be recognised. */
const IS_SEPARATOR: Uint8Array = Uint8Array.from({ length: 128 }, (_, byte) =>
  /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? 0 : 1,
)

/**
 * Replaces every letter and digit by `*`, except among the last `count` characters. A value of `count` characters or
 * fewer is masked entirely. Characters are code points of UTF-8; bytes in another encoding are masked whole, because
 * keeping the end of them could cut a character.
 */
export function keepLast(value: Buffer, count: number): Buffer {
  let ascii = true
  for (let index = 0; index < value.length; index += 1) if ((value[index] ?? 0) > 127) ascii = false
  if (!ascii) return keepLastCharacters(value, count)
  const masked = Buffer.allocUnsafe(value.length)
  const keepFrom = value.length > count ? value.length - count : value.length
  for (let index = 0; index < value.length; index += 1) {
    const byte = value[index] ?? 0
    masked[index] = index >= keepFrom || IS_SEPARATOR[byte] === 1 ? byte : STAR
  }
  return masked
}

function keepLastCharacters(value: Buffer, count: number): Buffer {
  const text = value.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(value)) return REDACTED
  const characters = [...text]
  const keepFrom = characters.length > count ? characters.length - count : characters.length
  const masked = characters.map((character, index) => {
    const code = character.codePointAt(0) ?? 0
    return index >= keepFrom || IS_SEPARATOR[code] === 1 ? character : '*'
  })
  return Buffer.from(masked.join(''), 'utf8')
}
