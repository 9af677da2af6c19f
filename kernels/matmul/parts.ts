import { columns, dtypeOf, rows } from "../view.ts";
import type { Sized } from "./request.ts";

/**
 * Two products as two requests, the second of which adds to the first, where they can be added up in the output itself:
 * sums of 16 bits would be rounded twice.
 */
export function productsApart(sized: Sized): Sized[] {
  const { products, epilogue, columns, gatedA, a, b, out } = sized;
  const inPlace = epilogue === "store" && columns === 1 && !gatedA && dtypeOf(out) === "float32";
  if (products === 1 || !inPlace) return [sized];
  return (["store", "accumulate"] as const).map((epilogue, i) => ({
    ...sized,
    a: [a[i]],
    b: [b[i]],
    products: 1,
    epilogue,
  }));
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

/** The first `count` rows of the output as a request, and those after them as another, if there are both. */
export function rowsApart(sized: Sized, count: number): Sized[] {
  const { m, layout, label } = sized;
  if (count <= 0 || count >= m) return [sized];
  const part = (start: number, count: number): Sized => ({
    ...sized,
    m: count,
    a: sized.a.map((view) => (layout === "tn" ? columns : rows)(view, start, count)),
    out: sized.out.map((view) => rows(view, start, count)),
  });
  return [part(0, count), { ...part(count, m - count), label: `${label}: last rows` }];
}
