/** From this length on a set of keys replaces the search through the list. */
const SCAN_LENGTH_MAX = 8

/** A list without repetitions. Statements name few things, so short lists are searched; long ones stay linear. */
export class UniqueList<Item> {
  readonly items: Item[] = []
  readonly #keys: string[] = []
  #index: Set<string> | undefined

  /** Adds the item unless one with the same key is there. */
  add(key: string, item: Item): void {
    if (this.#has(key)) return
    this.items.push(item)
    if (this.#index !== undefined) this.#index.add(key)
    else {
      this.#keys.push(key)
      if (this.#keys.length > SCAN_LENGTH_MAX) this.#index = new Set(this.#keys)
    }
  }

  #has(key: string): boolean {
    return this.#index === undefined ? this.#keys.includes(key) : this.#index.has(key)
  }
}
