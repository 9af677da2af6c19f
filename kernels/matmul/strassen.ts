import { type Elementwise, elementwiseLaunch } from "../elementwise.ts";
import { gatedForwardLaunch } from "../gated.ts";
import { workspace } from "../gpu/steps.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { PlannedStep } from "../launch.ts";
import { columnRange, isAligned, matrix, rowRange, type View } from "../view.ts";
import type { TileChoice } from "./choose.ts";
import type { Epilogue } from "./config.ts";
import { type MatmulRequest, type Sized, sizedAnew } from "./request.ts";

/**
 * Epilogues that the method does not take. "accumulate" needs what the output holds, and the seven products use the output
 * on the way. dg and du would take a launch of their own, which costs what the method saves (7.8 against 7.4 ms of 4096 x
 * 11008 x 4096 on an H200).
 */
const NOT_TAKEN: readonly Epilogue[] = ["accumulate", "gated-backward", "gated-backward-save"];

/**
 * The most elements that the method may move, as a part of m n k. It saves one product in eight, m n k / 4 FLOP, which at 50
 * TFLOP/s is 5 fs times m n k. It should move what takes at most half of that, which at 4 TB/s is 0.01 bytes, a 400th of an
 * element, times m n k. So 3 (1/m + 1/n) + 1.75/k must be at most 0.0025. A cube fulfils that from 3,100 on.
 */
const MOST_ELEMENTS = 0.0025;

/**
 * Whether a product is computed by one level of Strassen's method. A request's choice decides it. Without one the precision
 * must be "strassen" and the product so large that it pays.
 *
 * @throws {RangeError} If a choice says so of a product that the method does not take.
 */
export function usesStrassen(sized: Sized, choice?: Pick<TileChoice, "strassen">): boolean {
  if (!choice) {
    return sized.precision === "strassen" && pays(sized) && takes(sized);
  }
  const { strassen = false } = choice;
  if (strassen && !takes(sized)) {
    const { label, m, n, k, products, epilogue, dtype, precision } = sized;
    throw new RangeError(
      `Cannot compute ${label} by Strassen's method as it must be asked for by precision "strassen", of float32, and ` +
        `stored, or one product gated forward, with quarters that vectors of 4 fit: current value is ${products} of ` +
        `${m}x${n}x${k} ${dtype}, ${epilogue}, precision ${precision}`,
    );
  }
  return strassen;
}

/** Each operand has four sums, which read two quarters and write one. The output has one, which reads four and writes three. */
function pays({ m, n, k, products, columns }: Sized): boolean {
  const [width, length] = [n * columns, k * products];
  const moved = 3 * length * (m + width) + 1.75 * m * width;
  return moved <= MOST_ELEMENTS * m * width * length;
}

/** Whether the method takes a product. Sums of quarters are stored as operands are, so 16 bits could overflow and would round. */
function takes(sized: Sized): boolean {
  const { precision, products, gatedA, epilogue, m, n, k, a, b, out } = sized;
  const isFloat32 = [...a, ...b, ...out].every(({ tensor }) => tensor.dtype === "float32");
  return precision === "strassen" && isFloat32 && !NOT_TAKEN.includes(epilogue) &&
    (products === 1 || epilogue === "store" && !gatedA) &&
    [m, n, k].every((size) => size % 2 === 0) &&
    [...a, ...b, ...out].every((view) => quarters([view]).flat().every(isAligned));
}

/**
 * A product as seven of half its sizes, in Winograd's form of Strassen's method: P1 = A11 B11, P2 = A12 B21,
 * P3 = (A12 - S2) B22, P4 = A22 (T2 - B21), P5 = S1 T1, P6 = S2 T2, P7 = (A11 - A21) (B22 - B12), where
 * S1 = A21 + A22, S2 = S1 - A11, T1 = B12 - B11, T2 = B22 - T1. Then, of P1 + P6 = U,
 *
 * C11 = P1 + P2, C12 = U + P5 + P3, C21 = U + P7 - P4, C22 = U + P7 + P5.
 *
 * The sum of two products is one product whose K is as long as both. Then A12 and B21 come from the second.
 *
 * Workspaces are a quarter of A, and a quarter of each B. A gated A also needs h. If only h is wanted of a gated product, it
 * needs u, and g takes h's place until the end.
 */
export function strassenSteps(sized: Sized): StrassenStep[] {
  const { a: [a, u], out, gatedA, epilogue, activation } = sized;
  if (gatedA) {
    const h = like("h", a);
    const gated = gatedForwardLaunch({ g: a, u, h: matrix(h), activation });
    const stored = { ...sized, gatedA: false, a: [matrix(h)] };
    return [{ make: h }, { launch: gated }, ...sevenProducts(stored), { release: h }];
  }
  if (epilogue === "store") return sevenProducts(sized);
  const [h, g = h] = out;
  const own = out.length === 1 ? like("u", h) : null;
  const up = own ? matrix(own) : out[2];
  const gated = gatedForwardLaunch({ g, u: up, h, activation });
  return [
    ...own ? [{ make: own }] : [],
    ...sevenProducts({ ...sized, epilogue: "store", out: [g, up] }),
    { launch: gated },
    ...own ? [{ release: own }] : [],
  ];
}

/** A step, or a product of half the sizes that is planned as any other. */
export type StrassenStep = Exclude<PlannedStep, "group"> | { readonly product: Sized };

/** A workspace of the shape of a view, or of a part of it. */
function like(label: string, { tensor, rows, cols }: View, [down, across] = [1, 1]): Tensor {
  return workspace(label, [rows / down, cols / across], tensor.dtype);
}

/** One matrix for each column block, or the one of A. */
type Blocks = readonly View[];

/** The quarters of C hold P7, P5, P6 and P1 until these are summed. The other products are then added to them. */
function sevenProducts(sized: Sized): StrassenStep[] {
  const { label, layout, products } = sized;
  const along = 2 / products; // parts of K
  const made = [
    like("S of Strassen", sized.a[0], layout === "tn" ? [along, 2] : [2, along]),
    ...sized.b.slice(0, sized.columns).map((view) =>
      like("T of Strassen", view, layout === "nt" ? [2, along] : [along, 2])
    ),
  ];
  const [s, ...t] = made.map(matrix);
  const [a11, a12, a21, a22] = products === 2
    ? crossed(sized.a.map((view) => halves([view], { across: layout === "tn" })))
    : quarters(sized.a, { transposed: layout === "tn" });
  const [b11, b12, b21, b22] = products === 2
    ? [0, 1].flatMap((i) =>
      halves(sized.b.slice(i * sized.columns, (i + 1) * sized.columns), { across: layout !== "nt" })
    )
    : quarters(sized.b, { transposed: layout === "nt" });
  const [c11, c12, c21, c22] = quarters(sized.out);
  const elements = (op: Elementwise) => ({ launch: elementwiseLaunch(op) });
  const put = (to: Blocks, [x, sign, y]: readonly [Blocks, "+" | "-", Blocks]) =>
    to.map((view, i) =>
      elements({
        label: `${label}: ${view.tensor.label}`,
        inputs: { x: x[i], y: y[i] },
        outputs: [{ to: view, value: `x ${sign} y` }],
      })
    );
  const product = (name: string, operands: Pick<MatmulRequest, "a" | "b" | "out" | "epilogue">) => {
    const half = { ...sized, products: 1, likeRows: undefined, ...operands } as const;
    return { product: sizedAnew({ ...half, label: `${label}: ${name} of Strassen` }) };
  };
  const sums = c11.map((_, i) =>
    elements({
      label: `${label}: sums of Strassen`,
      inputs: { p1: c11[i], p6: c12[i], p7: c21[i], p5: c22[i] },
      outputs: [
        { to: c12[i], value: "p1 + p6 + p5" },
        { to: c21[i], value: "p1 + p6 + p7" },
        { to: c22[i], value: "p1 + p6 + p7 + p5" },
      ],
    })
  );
  return [
    ...made.map((make) => ({ make })),
    ...put([s], [a11, "-", a21]),
    ...put(t, [b22, "-", b12]),
    product("P7", { a: [s], b: t, out: c21 }),
    ...put([s], [a21, "+", a22]),
    ...put(t, [b12, "-", b11]),
    product("P5", { a: [s], b: t, out: c22 }),
    ...put([s], [[s], "-", a11]),
    ...put(t, [b22, "-", t]),
    product("P6", { a: [s], b: t, out: c12 }),
    product("P1", { a: a11, b: b11, out: c11 }),
    ...sums,
    product("P2", { a: a12, b: b21, out: c11, epilogue: "accumulate" }),
    ...put([s], [a12, "-", [s]]),
    product("P3", { a: [s], b: b22, out: c12, epilogue: "accumulate" }),
    // T is B21 - T2 here: adding its product takes P4 away.
    ...put(t, [b21, "-", t]),
    product("P4", { a: a22, b: t, out: c21, epilogue: "accumulate" }),
    ...made.map((release) => ({ release })),
  ];
}

/** The quarters 11, 12, 21 and 22 of matrices of one shape. With `transposed`, their transposes are what is stored. */
function quarters(views: readonly View[], { transposed = false } = {}): [Blocks, Blocks, Blocks, Blocks] {
  const [first, second] = halves(views, { across: transposed });
  return [...halves(first, { across: !transposed }), ...halves(second, { across: !transposed })];
}

/** The first and the second half of matrices of one shape: of their columns, or of their rows. */
function halves(views: readonly View[], { across }: { across: boolean }): [Blocks, Blocks] {
  const at = (i: number) =>
    views.map((view) =>
      across
        ? columnRange(view, i * view.cols / 2, view.cols / 2)
        : rowRange(view, i * view.rows / 2, view.rows / 2)
    );
  return [at(0), at(1)];
}

/** The quarters of a matrix whose left and right half are two matrices, each given as its upper and lower half. */
function crossed([[a11, a21], [a12, a22]]: readonly [Blocks, Blocks][]): [Blocks, Blocks, Blocks, Blocks] {
  return [a11, a12, a21, a22];
}
