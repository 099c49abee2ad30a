/** An argument as a person types it to a POSIX shell: as it is where that is safe, otherwise in single quotes. */
export function quoteArgument(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
