/** Matrix products of whole numbers on the CPU. They are exact, so that a kernel can be compared bit for bit. */
import { type Layout, operandCounts } from "../../../kernels/matmul/config.ts";
import type { Structure } from "./structures.ts";

/** Sizes of a product: an [m, k] by a [k, n] matrix, however they are stored. */
export interface ProductSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Row-major matrices as they are stored. */
export interface ReferenceOperands {
  readonly a: readonly Float32Array[];
  readonly b: readonly Float32Array[];
  /** What the outputs hold before: summands of "accumulate", g and u of "gated-backward" and its like. */
  readonly before: readonly Float32Array[];
}

/** Shapes of the stored matrices, [rows, columns]. */
export function storedShapes(
  layout: Layout,
  { m, n, k }: ProductSizes,
): Readonly<Record<"a" | "b" | "out", readonly [number, number]>> {
  return {
    a: layout === "tn" ? [k, m] : [m, k],
    b: layout === "nt" ? [n, k] : [k, n],
    out: [m, n],
  };
}

const relu = (x: number) => Math.max(x, 0);

/** The outputs of a product with "relu" as its activation, in float32. */
export function reference(
  structure: Structure,
  sizes: ProductSizes,
  operands: ReferenceOperands,
): Float32Array[] {
  const { columns, epilogue, layout } = structure;
  const sums = Array.from({ length: columns }, (_, column) => {
    const sum = new Float64Array(sizes.m * sizes.n);
    for (let product = 0; product < structure.products; product++) {
      addProduct(sum, {
        layout,
        sizes,
        a: factor(structure, operands, product),
        b: operands.b[product * columns + column],
      });
    }
    return sum;
  });
  const [g, u] = operands.before;
  const each = (value: (i: number) => number) => Float32Array.from(sums[0], (_, i) => value(i));
  switch (epilogue) {
    case "store":
      return sums.map((sum) => Float32Array.from(sum));
    case "accumulate":
      return sums.map((sum, column) =>
        Float32Array.from(sum, (value, i) => operands.before[column][i] + value)
      );
    case "gated":
    case "gated-save": {
      const h = each((i) => relu(sums[0][i]) * sums[1][i]);
      return epilogue === "gated" ? [h] : [h, ...sums.map((sum) => Float32Array.from(sum))];
    }
    case "gated-backward":
    case "gated-backward-save": {
      const gradients = [
        ...operands.before.slice(0, 2),
        each((i) => sums[0][i] * u[i] * (g[i] > 0 ? 1 : 0)),
        each((i) => sums[0][i] * relu(g[i])),
      ];
      return epilogue === "gated-backward" ? gradients : [...gradients, each((i) => relu(g[i]) * u[i])];
    }
  }
}

/** A of one product; with a gated A, h = relu(g) u. */
function factor({ gatedA }: Structure, { a }: ReferenceOperands, product: number): Float32Array {
  if (!gatedA) return a[product];
  const [g, u] = a.slice(2 * product);
  return g.map((value, i) => relu(value) * u[i]);
}

/** Adds one product; row by row of B as [k, n], whatever the layout. */
function addProduct(
  sum: Float64Array,
  { layout, sizes: { m, n, k }, a, b }: {
    layout: Layout;
    sizes: ProductSizes;
    a: Float32Array;
    b: Float32Array;
  },
): void {
  const rows = layout === "nt" ? transposed(b, n) : b;
  for (let row = 0; row < m; row++) {
    const target = sum.subarray(row * n, (row + 1) * n);
    for (let i = 0; i < k; i++) {
      const scale = layout === "tn" ? a[i * m + row] : a[row * k + i];
      if (scale === 0) continue;
      const source = rows.subarray(i * n, (i + 1) * n);
      for (let col = 0; col < n; col++) target[col] += scale * source[col];
    }
  }
}

/** The transpose of a row-major matrix of `rows` rows. */
export function transposed(matrix: Float32Array, rows: number): Float32Array {
  const cols = matrix.length / rows;
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) result[col * rows + row] = matrix[row * cols + col];
  }
  return result;
}

/** How many matrices each side of a structure takes. */
export function counts(structure: Structure): { a: number; b: number; out: number } {
  const { a, b, out } = operandCounts(structure);
  return { a: structure.products * a, b: structure.products * b, out };
}
