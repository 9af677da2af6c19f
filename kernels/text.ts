/** 0, 1, ... below `count`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Items as lines of text. */
export const lines = (items: readonly string[]): string => items.join("\n");
