/** 0, 1, ... below `count`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Items as lines of text. */
export const lines = (items: readonly string[]): string => items.join("\n");

/** How a kernel calls what an expression names, so that it is neither a reserved word nor a name of the kernel's own. */
export const ownName = (name: string): string => `${name}_`;

/** An expression as a kernel says it: each of the names, where it is not a member of something, is the kernel's. */
export function withOwnNames(wgsl: string, names: readonly string[]): string {
  return wgsl.replace(/(?<![\w.])[A-Za-z_]\w*/g, (word) => names.includes(word) ? ownName(word) : word);
}

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
