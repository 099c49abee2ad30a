/** A compiled glob. `*` stands for any run of characters except the separator, and that is all there is. */
export type Glob = (text: string) => boolean

/**
 * Compiles a glob over dotted names, `public.cust*.ssn`, or over plain ones, `prod-*`. Case is significant, as it is
 * in a database's catalog. Linear in the length of the text for one `*` per segment; the pattern is configuration.
 */
export function compileGlob(pattern: string): Glob {
  if (pattern === '*') return () => true
  if (!pattern.includes('*')) return text => text === pattern
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '[^.]*')
  const expression = new RegExp(`^${source}$`, 'u')
  return text => expression.test(text)
}
