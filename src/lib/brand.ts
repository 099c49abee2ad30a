declare const brand: unique symbol

/** A `Base` that only one function can make: the one that checked it. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }
