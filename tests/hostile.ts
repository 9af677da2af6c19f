/** How many generated inputs each reader of what comes from outside is tried on. */
export const HOSTILE_INPUTS = {
  "command lines": 100_000,
  "size lists": 100_000,
  "damaged reports": 100_000,
  "damaged tuning tables": 100_000,
} as const;
