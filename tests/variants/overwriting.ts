/** What g's and u's buffers hold once backward is done, of each variant that overwrites them. */
export const LANDS: readonly { id: string; inG: "dg" | "du"; inU: "dg" | "du" }[] = [
  { id: "liger", inG: "dg", inU: "du" },
  { id: "unsloth", inG: "du", inU: "dg" },
  { id: "tuned", inG: "dg", inU: "du" },
];

/** Ids of those variants. */
export const IN_PLACE: readonly string[] = LANDS.map(({ id }) => id);
