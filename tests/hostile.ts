/** The number of generated inputs on which each reader of outside data is tried. */
export const HOSTILE_INPUTS = {
  "command lines": 100_000,
  "size lists": 100_000,
  "damaged reports": 100_000,
  "damaged tuning tables": 100_000,
} as const;
