/** 0, 1, ... below `count`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Items as lines of text. */
export const lines = (items: readonly string[]): string => items.join("\n");

/** Indents WGSL by its braces and parentheses, and drops empty lines, so that a kernel can be read. */
export function indented(wgsl: string): string {
  let depth = 0;
  return wgsl.split("\n").map((line) => line.trim()).filter((line) => line !== "").map((line) => {
    const code = line.replace(/\/\/.*/, "");
    const closing = /^[})]*/.exec(code)![0].length;
    const text = "  ".repeat(Math.max(0, depth - closing)) + line;
    depth += (code.match(/[{(]/g)?.length ?? 0) - (code.match(/[})]/g)?.length ?? 0);
    return text;
  }).join("\n") + "\n";
}
