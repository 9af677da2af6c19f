/** What the buffers of g and u hold after backward, for each variant that overwrites them. */
export const LANDS: readonly { id: string; inG: "dg" | "du"; inU: "dg" | "du" }[] = [
  { id: "liger", inG: "dg", inU: "du" },
  { id: "unsloth", inG: "du", inU: "dg" },
  { id: "tuned", inG: "dg", inU: "du" },
];

/** Ids of those variants. */
export const IN_PLACE: readonly string[] = LANDS.map(({ id }) => id);
