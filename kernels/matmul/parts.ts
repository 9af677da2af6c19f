import { range } from "../text.ts";
import { columnRange, dtypeOf, rowRange } from "../view.ts";
import { operandCounts } from "./config.ts";
import type { Sized } from "./request.ts";

/** Whether two products can be added up in the output. In 16 bits they cannot: the first could overflow, and is rounded. */
export function addsInPlace({ products, out }: Pick<Sized, "products" | "out">): boolean {
  return products === 1 || dtypeOf(out) === "float32";
}

/** Each product as a request of its own. The second adds to the output of the first. */
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

/** Each column block as a request of its own, unless the epilogue needs the sums of both. */
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

/** The first `count` rows of the output as one request, and the rows after them as another. If either is empty, one request. */
export function rowsApart(sized: Sized, count: number): Sized[] {
  const { m, layout } = sized;
  if (count <= 0 || count >= m) return [sized];
  const part = (start: number, count: number): Sized => ({
    ...sized,
    m: count,
    a: sized.a.map((view) => (layout === "tn" ? columnRange : rowRange)(view, start, count)),
    out: sized.out.map((view) => rowRange(view, start, count)),
  });
  return [part(0, count), part(count, m - count)];
}
