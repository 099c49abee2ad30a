import type { RuleName } from './names.js'

/** What policy says of an operation. */
export type Decision =
  | { readonly kind: 'allow'; readonly rule: RuleName | undefined }
  | {
      readonly kind: 'deny'
      readonly rule: RuleName
      /** Why, for the person who asked: half a sentence, no full stop. */
      readonly message: string
      readonly hint: string | undefined
    }
