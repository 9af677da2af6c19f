/** Draws numbers in [0, 1). */
export type RandomSource = () => number;

/**
 * A seeded source of uniform numbers of 32 bits. It is a Weyl sequence, put through a 32-bit mixer.
 *
 * It is good enough to shuffle and to resample, but not for secrets. Source: G. Steele, D. Lea, C. Flood, "Fast splittable
 * pseudorandom number generators" (2014); mixer constants by Wellons' search for low-bias 32-bit hashes (2018).
 */
export function seededRandom(seed: number): RandomSource {
  let state = Math.trunc(seed) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x7feb352d);
    word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
    return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A copy in random order. Source: Fisher and Yates, as Durstenfeld's algorithm 235 (1964). */
export function shuffled<T>(items: readonly T[], random: RandomSource): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
