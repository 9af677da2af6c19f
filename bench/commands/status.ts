/**
 * How bench.ts ends, as `--help` lists it.
 *
 * @module
 */

/** Every row was measured, or skipped for a stated reason. */
export const OK = 0;
/** A row failed its check or crashed; the run was interrupted; compare found a regression, or could not have seen one. */
export const FAILED = 1;
/** An argument, file or permission cannot be used. */
export const BAD_ARGUMENTS = 2;
/** There is no adapter. */
export const NO_ADAPTER = 3;

/** What is missing, and how to get it. */
export function withRemedy(noAdapter: string): string {
  return `${noAdapter}; \`deno task setup\` installs a software adapter`;
}
