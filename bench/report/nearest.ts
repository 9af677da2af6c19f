/**
 * What somebody meant who wrote a name that there is not.
 *
 * @module
 */

import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

/** A name that differs in more letters than this part of its own is another name. */
const MOST_WRONG = 0.4;

/** A part of a name is meant as the name from so many letters on. */
const LEAST_PART = 4;

/** Longer words are no misspelt names. */
const LONGEST = 40;

/** The name that is meant; null where none is near. */
export function nearest(word: string, names: readonly string[]): string | null {
  if (word.length > LONGEST) return null;
  const lower = word.toLowerCase();
  const wrong = (name: string): number => levenshteinDistance(lower, name.toLowerCase());
  const [best] = names.toSorted((a, b) => wrong(a) - wrong(b));
  if (best !== undefined && wrong(best) <= Math.max(1, MOST_WRONG * best.length)) return best;
  const whole = lower.length < LEAST_PART ? undefined : names.find((name) => name.includes(lower));
  return whole ?? null;
}

/** `, did you mean float32?`, to stand behind a value; empty where no name is near. */
export function orMeant(word: string, names: readonly string[]): string {
  return didYouMean(word, names).replace(/^:/, ",");
}

/** `: did you mean --sizes?`, or another end of a sentence where nothing is near. */
export function didYouMean(word: string, names: readonly string[], otherwise = ""): string {
  const name = nearest(word, names);
  return name === null ? otherwise : `: did you mean ${name}?`;
}
