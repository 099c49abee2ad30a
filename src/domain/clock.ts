/** The time of day; an argument wherever time decides something. */
export type Clock = () => Date
