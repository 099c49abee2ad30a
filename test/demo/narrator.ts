const BOLD = '\u001b[1m'
const CYAN = '\u001b[36m'
const GREEN = '\u001b[32m'
const DIM = '\u001b[2m'
const PLAIN = '\u001b[0m'

/** Tells the demo to whoever watches: headings, commands, what they showed, what was checked. */
export class Narrator {
  readonly #write: (text: string) => void
  readonly #colour: boolean
  #lineOpen = false

  constructor({ write, colour }: { readonly write: (text: string) => void; readonly colour: boolean }) {
    this.#write = write
    this.#colour = colour
  }

  heading(text: string): void {
    this.#line(`\n${this.#paint(`== ${text} ==`, BOLD)}\n`)
  }

  /** A word between commands. */
  say(text: string): void {
    this.#line(this.#paint(`   (${text})`, DIM))
  }

  command(text: string): void {
    this.#line(this.#paint(`$ ${text}`, CYAN))
  }

  /** What a command shows, as it comes. */
  show(text: string): void {
    if (text === '') return
    this.#write(text)
    this.#lineOpen = !text.endsWith('\n')
  }

  checked(text: string): void {
    this.#line(this.#paint(`   ✓ ${text}`, GREEN))
  }

  blank(): void {
    this.#line('')
  }

  #line(text: string): void {
    this.#write(`${this.#lineOpen ? '\n' : ''}${text}\n`)
    this.#lineOpen = false
  }

  #paint(text: string, colour: string): string {
    return this.#colour ? `${colour}${text}${PLAIN}` : text
  }
}
