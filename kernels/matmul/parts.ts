import { range } from "../text.ts";
import { columns, dtypeOf, rows } from "../view.ts";
import { operandCounts } from "./config.ts";
import type { Sized } from "./request.ts";

/** Whether products can be added up in the outputs. In 16 bits they cannot: one could overflow, and sums are rounded twice. */
export function addsInPlace({ products, out }: Pick<Sized, "products" | "out">): boolean {
  return products === 1 || dtypeOf(out) === "float32";
}

/** Two products as two requests, the second of which adds to the first. */
export function productsApart(sized: Sized): Sized[] {
  return range(sized.products).map((product) => ({
    ...sized,
    ...operandsOf(sized, product),
    products: 1,
    epilogue: product === 0 ? sized.epilogue : "accumulate",
  }));
}

/** The operands of one of the products. */
export function operandsOf(sized: Sized, product: number): Pick<Sized, "a" | "b" | "magnitudes"> {
  const counts = operandCounts(sized);
  const own = (side: "a" | "b") => sized[side].slice(product * counts[side], (product + 1) * counts[side]);
  const { magnitudes } = sized;
  return { a: own("a"), b: own("b"), ...magnitudes && { magnitudes: [magnitudes[product]] } };
}

/** Two column blocks as two requests, where no epilogue needs the sums of both. */
export function columnsApart(sized: Sized): Sized[] {
  const { columns, epilogue, b, out } = sized;
  if (columns === 1 || epilogue.startsWith("gated")) return [sized];
  return out.map((view, column) => ({
    ...sized,
    b: b.filter((_, i) => i % columns === column),
    out: [view],
    columns: 1,
  }));
}

/** Two requests: the first `count` rows of the output, and the rows after them. One request if either would be empty. */
export function rowsApart(sized: Sized, count: number): Sized[] {
  const { m, layout } = sized;
  if (count <= 0 || count >= m) return [sized];
  const part = (start: number, count: number): Sized => ({
    ...sized,
    m: count,
    a: sized.a.map((view) => (layout === "tn" ? columns : rows)(view, start, count)),
    out: sized.out.map((view) => rows(view, start, count)),
  });
  return [part(0, count), part(count, m - count)];
}
