/**
 * Which shapes of a report scale together, so that a line between their figures means something.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import type { Row } from "../report/schema.ts";

type Shape = Pick<Row, "tokens" | "dim" | "hiddenDim">;

/** One block at several numbers of tokens. */
const blockOf = ({ dim, hiddenDim }: Shape) => `${dim} ${hiddenDim}`;

/** How much proportions may differ: Llama rounds H up to a multiple of 256, a tenth of 2816. */
const ROUNDING = 1.1;

const near = (a: number, b: number) => Math.max(a, b) <= ROUNDING * Math.min(a, b);

/** Whether all three sizes of two shapes are in proportion. */
function similar(a: Shape, b: Shape): boolean {
  const factor = a.dim / b.dim;
  return near(factor, a.hiddenDim / b.hiddenDim) && near(factor, a.tokens / b.tokens) && !near(factor, 1);
}

/**
 * The families among the shapes, each as its shapes in words. A shape belongs to at most one: first to the other shapes of
 * its block, else to those in proportion to it. One that belongs to none is in no family.
 */
export function familiesOf(shapes: readonly Shape[]): string[][] {
  const different = [...new Map(shapes.map((shape) => [formatShape(shape), shape])).values()];
  const blocks = [...Map.groupBy(different, blockOf).values()];
  const families = blocks.filter((block) => block.length > 1);
  let alone = blocks.filter((block) => block.length === 1).flat();
  while (alone.length > 0) {
    const [first] = alone;
    const family = alone.filter((shape) => shape === first || similar(shape, first));
    if (family.length > 1) families.push(family);
    alone = alone.filter((shape) => !family.includes(shape));
  }
  return families.map((family) => family.map(formatShape));
}
