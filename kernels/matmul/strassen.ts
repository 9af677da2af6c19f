import { elementwise } from "../elementwise.ts";
import { gatedForward } from "../gated.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columns, isAligned, matrix, rows, type View } from "../view.ts";
import type { TileChoice } from "./choose.ts";
import type { Epilogue } from "./config.ts";
import { type MatmulRequest, type Multiply, type Sized, withSizes } from "./request.ts";

/**
 * Epilogues that the method does not take: sums that are added to, and dg and du, which as a launch of its own cost what
 * it would save (7.8 against 7.4 ms of 4096 x 11008 x 4096 on an H200).
 */
const NOT_TAKEN: readonly Epilogue[] = ["accumulate", "gated-backward", "gated-backward-save"];

/** Storage that the rule takes Strassen's method for: bfloat16 would round its sums to 8 bits. */
const RULED: readonly DType[] = ["float32", "float16"];

/**
 * Elements that the method may move for each m n k: one product in eight less saves m n k / 4 FLOP, 5 fs at 50 TFLOP/s;
 * half of that moves 0.01 bytes at 4 TB/s, a 400th of an element: 3 (1/m + 1/n) + 1.75/k <= 0.0025, a cube from 3,100 on.
 * Elements of 2 bytes would allow smaller products, whose halves do not fill a large GPU.
 */
const MOST_ELEMENTS = 0.0025;

/**
 * Whether a product is computed by one level of Strassen's method: where a choice says so, and without one where
 * precision "fastest" asks for a product that is large enough.
 *
 * @throws {RangeError} If a choice says so of a product that the method does not take.
 */
export function usesStrassen(sized: Sized, choice?: TileChoice): boolean {
  if (!choice) {
    return sized.precision === "fastest" && RULED.includes(sized.dtype) && pays(sized) && takes(sized);
  }
  const { strassen = false } = choice;
  if (strassen && !takes(sized)) {
    const { label, m, n, k, products, epilogue } = sized;
    throw new RangeError(
      `Cannot compute ${label} by Strassen's method as it must be stored, or one product gated forward, with quarters that ` +
        `vectors of 4 fit: current value is ${products} of ${m}x${n}x${k}, ${epilogue}`,
    );
  }
  return strassen;
}

/** Four sums of each operand read two quarters and write one; one of the outputs reads four and writes three. */
function pays({ m, n, k, products, columns }: Sized): boolean {
  const [width, length] = [n * columns, k * products];
  const moved = 3 * length * (m + width) + 1.75 * m * width;
  return moved <= MOST_ELEMENTS * m * width * length;
}

function takes({ products, gatedA, epilogue, m, n, k, a, b, out }: Sized): boolean {
  return !NOT_TAKEN.includes(epilogue) && (products === 1 || epilogue === "store" && !gatedA) &&
    [m, n, k].every((size) => size % 2 === 0) &&
    [...a, ...b, ...out].every((view) => quarters([view]).flat().every(isAligned));
}

/**
 * Records a product as seven of half its sizes, in Winograd's form of Strassen's method: P1 = A11 B11, P2 = A12 B21,
 * P3 = (A12 - S2) B22, P4 = A22 (T2 - B21), P5 = S1 T1, P6 = S2 T2, P7 = (A11 - A21) (B22 - B12), where
 * S1 = A21 + A22, S2 = S1 - A11, T1 = B12 - B11, T2 = B22 - T1. Then, of P1 + P6 = U,
 *
 * C11 = P1 + P2, C12 = U + P5 + P3, C21 = U + P7 - P4, C22 = U + P7 + P5.
 *
 * Two products are one whose K is as long as both: A12 and B21 are of the second.
 *
 * Workspaces are a quarter of A and one of each B; h of a gated A; u where only h is wanted, whose place has g until then.
 */
export function strassenMatmul(recorder: Recorder, sized: Sized, multiply: Multiply): void {
  const { a: [a, u], b, columns, products, layout, gatedA, epilogue, activation } = sized;
  const made: Tensor[] = [];
  const workspace = (label: string, { tensor, rows, cols }: View, [down, across] = [1, 1]) => {
    const as = { purpose: "workspace", label } as const;
    made.push(recorder.empty([rows / down, cols / across], tensor.dtype, as));
    return matrix(made.at(-1)!);
  };
  const along = 2 / products; // parts of K
  const seven = (a: readonly View[], out: readonly View[]) => {
    const s = [workspace("S of Strassen", a[0], layout === "tn" ? [along, 2] : [2, along])];
    const t = b.slice(0, columns).map((view) =>
      workspace("T of Strassen", view, layout === "nt" ? [2, along] : [along, 2])
    );
    sevenProducts(recorder, { ...sized, gatedA: false, epilogue: "store", a, out }, { s, t, multiply });
  };
  try {
    if (gatedA) {
      const h = workspace("h", a);
      gatedForward(recorder, { g: a, u, h, activation });
      return seven([h], sized.out);
    }
    if (epilogue === "store") return seven(sized.a, sized.out);
    const [h, g = h, up = workspace("u", h)] = sized.out;
    seven(sized.a, [g, up]);
    gatedForward(recorder, { g, u: up, h, activation });
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** One matrix for each column block; of A, one. */
type Blocks = readonly View[];

/** C holds P7, P5, P6 and P1 until they are summed; what is left then is added to it. */
function sevenProducts(
  recorder: Recorder,
  sized: Sized,
  { s, t, multiply }: { s: Blocks; t: Blocks; multiply: Multiply },
): void {
  const { label, layout, products } = sized;
  const [a11, a12, a21, a22] = products === 2
    ? crossed(sized.a.map((view) => halves([view], { across: layout === "tn" })))
    : quarters(sized.a, { transposed: layout === "tn" });
  const [b11, b12, b21, b22] = products === 2
    ? [0, 1].flatMap((i) =>
      halves(sized.b.slice(i * sized.columns, (i + 1) * sized.columns), { across: layout !== "nt" })
    )
    : quarters(sized.b, { transposed: layout === "nt" });
  const [c11, c12, c21, c22] = quarters(sized.out);
  const put = (to: Blocks, [x, sign, y]: readonly [Blocks, "+" | "-", Blocks]): Blocks => {
    for (const [i, view] of to.entries()) {
      elementwise(recorder, {
        label: `${label}: ${view.tensor.label}`,
        inputs: { x: x[i], y: y[i] },
        outputs: [{ to: view, value: `x ${sign} y` }],
      });
    }
    return to;
  };
  const product = (name: string, operands: Pick<MatmulRequest, "a" | "b" | "out" | "epilogue">) =>
    multiply(
      withSizes(
        { ...sized, products: 1, likeRows: undefined, label: `${label}: ${name} of Strassen`, ...operands },
        recorder.capabilities,
      ),
    );

  product("P7", { a: put(s, [a11, "-", a21]), b: put(t, [b22, "-", b12]), out: c21 });
  product("P5", { a: put(s, [a21, "+", a22]), b: put(t, [b12, "-", b11]), out: c22 });
  product("P6", { a: put(s, [s, "-", a11]), b: put(t, [b22, "-", t]), out: c12 });
  product("P1", { a: a11, b: b11, out: c11 });
  for (const i of c11.keys()) {
    elementwise(recorder, {
      label: `${label}: sums of Strassen`,
      inputs: { p1: c11[i], p6: c12[i], p7: c21[i], p5: c22[i] },
      outputs: [
        { to: c12[i], value: "p1 + p6 + p5" },
        { to: c21[i], value: "p1 + p6 + p7" },
        { to: c22[i], value: "p1 + p6 + p7 + p5" },
      ],
    });
  }
  product("P2", { a: a12, b: b21, out: c11, epilogue: "accumulate" });
  product("P3", { a: put(s, [a12, "-", s]), b: b22, out: c12, epilogue: "accumulate" });
  // T is B21 - T2 here: adding its product takes P4 away.
  product("P4", { a: a22, b: put(t, [b21, "-", t]), out: c21, epilogue: "accumulate" });
}

/** The quarters 11, 12, 21 and 22 of matrices of one shape, whose transposes are stored where it says so. */
function quarters(views: readonly View[], { transposed = false } = {}): [Blocks, Blocks, Blocks, Blocks] {
  const [first, second] = halves(views, { across: transposed });
  return [...halves(first, { across: !transposed }), ...halves(second, { across: !transposed })];
}

/** The first and the second half of matrices of one shape: of their columns, or of their rows. */
function halves(views: readonly View[], { across }: { across: boolean }): [Blocks, Blocks] {
  const at = (i: number) =>
    views.map((view) =>
      across ? columns(view, i * view.cols / 2, view.cols / 2) : rows(view, i * view.rows / 2, view.rows / 2)
    );
  return [at(0), at(1)];
}

/** 11, 12, 21 and 22 of the halves of two: the upper ones, then the lower ones. */
function crossed([[a11, a21], [a12, a22]]: readonly [Blocks, Blocks][]): [Blocks, Blocks, Blocks, Blocks] {
  return [a11, a12, a21, a22];
}
