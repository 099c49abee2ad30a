/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Medians of both sides, and the median of the ratios of the rounds: what disturbs a round disturbs both sides of it. */
export interface Compared {
  readonly ours: number
  readonly peer: number
  readonly ratio: number
}

/** Measures both sides in turns, after one round that does not count. Who begins alternates too. */
export async function compare(
  rounds: number,
  { ours, peer }: { readonly ours: () => Promise<number>; readonly peer: () => Promise<number> },
): Promise<Compared> {
  await peer()
  await ours()
  const pairs: { ours: number; peer: number }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const pair = { ours: 0, peer: 0 }
    if (round % 2 === 0) pair.peer = await peer()
    pair.ours = await ours()
    if (round % 2 === 1) pair.peer = await peer()
    pairs.push(pair)
  }
  return {
    ours: median(pairs.map(pair => pair.ours)),
    peer: median(pairs.map(pair => pair.peer)),
    ratio: median(pairs.map(pair => pair.ours / pair.peer)),
  }
}

/** Like `compare` where less is better: the ratio is theirs by ours. */
export async function compareTimes(
  rounds: number,
  sides: { readonly ours: () => Promise<number>; readonly peer: () => Promise<number> },
): Promise<Compared> {
  const compared = await compare(rounds, sides)
  return { ...compared, ratio: 1 / compared.ratio }
}
