import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix, rowRange, type View } from "../kernels/view.ts";
import { gradientNames, wants } from "./gradients.ts";
import { inputGradient, product } from "./products.ts";
import { gateUpOf, weightMatrix, weightShapes } from "./weights.ts";
import { type Block, type Forward, type Gradients, release, type Variant, weightDtypeOf } from "./variant.ts";

/**
 * `tuned` in chunks of tokens. Backward computes g and u of a chunk again, so that those of only one chunk exist at a
 * time. Weight gradients add up over the chunks, in order, in float32.
 *
 * Saves nothing.
 * Forward, 2 launches a chunk: h; y. In training, h comes from the kernel that stores g and u too. Backward needs that
 * kernel anyway, so there is one less to compile (the stores take 4 us beside the products' 1,000 if D is 4,096).
 * Backward, 6 products a chunk: g, u and h; dDown; dg and du, written over g and u; dGate; dUp; dx. The last chunk may
 * be shorter, and takes the tiles of the others.
 * Bottleneck: 4 TDH more FLOP in backward, and products of few rows where chunks are small.
 */
export function chunked(whole: Variant, chunkTokens: number): Variant {
  const { inChunks: _, ...shared } = whole;
  return {
    ...shared,
    chunkTokens,
    idea: `save nothing, compute g and u again, ${chunkTokens} tokens at a time`,
    saves: [],
    forward: (block, training) => forward(block, chunkTokens, training),
    backward: (block, _saved, dy) => backward(block, dy, chunkTokens),
  };
}

/** The fewest tokens of a chunk. With fewer, reading the weights again would take longer than the arithmetic. */
const LEAST_CHUNK = 128;

/**
 * A variant in chunks of ever fewer tokens: powers of two, from half of all tokens down, and three quarters of each.
 */
export function inChunks(whole: Variant, tokens: number): Variant[] {
  const ways: Variant[] = [];
  for (let size = 2 ** Math.ceil(Math.log2(tokens)) / 2; size >= LEAST_CHUNK; size /= 2) {
    const sizes = [size, 3 * size / 4].filter((size) => size >= LEAST_CHUNK);
    ways.push(...sizes.map((size) => chunked(whole, size)));
  }
  return ways;
}

/** Starts and lengths of the chunks. */
function* chunksOf(tokens: number, size: number): Generator<{ start: number; count: number }> {
  for (let start = 0; start < tokens; start += size) yield { start, count: Math.min(size, tokens - start) };
}

function forward(block: Block, chunkTokens: number, training: boolean): Forward {
  const y = block.tokensByDim("output", "y");
  for (const { start, count } of chunksOf(block.problem.tokens, chunkTokens)) {
    const part = { x: rowRange(block.x, start, count), y: rowRange(matrix(y), start, count) };
    const [h, ...preActivations] = project(block, { x: part.x, likeRows: chunkTokens, save: training });
    release(...preActivations);
    block.matmul({
      label: "y",
      layout: "nn",
      a: [matrix(h)],
      b: [block.down],
      out: [part.y],
      likeRows: chunkTokens,
    });
    release(h);
  }
  return { y, saved: {} };
}

/** Computes h of a chunk, and stores g and u too if told to `save` them. */
function project(
  block: Block,
  { x, likeRows, save, mostSliceBytes }: {
    x: View;
    likeRows: number;
    save: boolean;
    mostSliceBytes?: number;
  },
): Tensor[] {
  const labels = save ? ["h", "g", "u"] : ["h"];
  const out = labels.map((label) =>
    block.recorder.empty([x.rows, block.problem.hiddenDim], block.problem.dtype, {
      purpose: "workspace",
      label,
    })
  );
  block.matmul({
    label: save ? "g, u, h" : "h",
    layout: "nn",
    a: [x],
    b: [block.gate, block.up],
    out: out.map(matrix),
    columns: 2,
    epilogue: save ? "gated-save" : "gated",
    likeRows,
    mostSliceBytes,
  });
  return out;
}

function backward(block: Block, dy: Tensor, chunkTokens: number): Gradients {
  const dx = block.emptyInputGradient();
  const sums = addsExactly(block) ? gradientsOf(block) : float32Sums(block);
  for (const { start, count } of chunksOf(block.problem.tokens, chunkTokens)) {
    const part = (view: View) => rowRange(view, start, count);
    chunkBackward(block, {
      x: part(block.x),
      dy: part({ ...matrix(dy), rows: block.problem.tokens, cols: block.problem.dim }),
      dx: part(dx),
      weights: sums.views,
      likeRows: chunkTokens,
      accumulate: start > 0,
    });
  }
  return sums.finish(dx.tensor);
}

/** Where the gradients of the weights add up over the chunks. */
interface Sums {
  readonly views: Readonly<Record<"dDown" | "dGate" | "dUp", View>>;
  /** All gradients, once the last chunk is added. */
  finish(dx: Tensor): Gradients;
}

/** Whether all gradients of weights that are asked for are float32, so that nothing is lost where chunks are added up. */
function addsExactly({ problem, form, asked }: Block): boolean {
  const { into = {} } = asked;
  const own = gradientNames(form).filter((name) => name !== "dx" && wants(asked, name));
  return own.every((name) => (into[name]?.dtype ?? weightDtypeOf(problem)) === "float32");
}

/** Sums that are the gradients themselves. */
function gradientsOf(block: Block): Sums {
  const dDown = block.emptyDownGradient();
  const { tensors, dGate, dUp } = block.emptyGateUpGradients();
  return { views: { dDown, dGate, dUp }, finish: (dx) => ({ dx, dDown: dDown.tensor, ...tensors }) };
}

/**
 * Sums in float32 workspaces, which are rounded once. Sums of 16 bits would be rounded at each chunk, and stop growing
 * after some hundred chunks.
 */
function float32Sums(block: Block): Sums {
  const { problem, recorder, form } = block;
  const sums = Object.entries(weightShapes(form, problem)).map(([name, shape]) =>
    recorder.empty(shape, "float32", { purpose: "workspace", label: `sum of the gradient of ${name}` })
  );
  const down = sums[sums.length - 1];
  const gateUp = sums.slice(0, -1);
  const round = (from: Tensor, to: Tensor) => {
    const outputs = [{ to: matrix(to), value: "sum" }];
    block.elementwise({ label: `${from.label} rounded`, inputs: { sum: matrix(from) }, outputs });
    release(from);
  };
  const { gate: dGate, up: dUp } = gateUpOf(form, gateUp);
  return {
    views: { dDown: weightMatrix(form, down), dGate, dUp },
    finish: (dx) => {
      const { tensor: dDown } = block.emptyDownGradient();
      round(down, dDown);
      const { tensors } = block.emptyGateUpGradients();
      Object.values(tensors).forEach((tensor, i) => round(gateUp[i], tensor));
      return { dx, dDown, ...tensors };
    },
  };
}

function chunkBackward(
  block: Block,
  { x, dy, dx, weights, likeRows, accumulate }: {
    x: View;
    dy: View;
    dx: View;
    weights: Record<"dDown" | "dGate" | "dUp", View>;
    likeRows: number;
    accumulate: boolean;
  },
): void {
  const weightGradient = (label: "dDown" | "dGate" | "dUp", [a, b]: [View, View]) =>
    product(block, label, { layout: "tn", a, b, out: weights[label], accumulate, likeRows });
  // No slices of K, because beside g, u and h they would raise the peak.
  const [h, g, u] = project(block, { x, likeRows, save: true, mostSliceBytes: 0 });
  weightGradient("dDown", [matrix(h), dy]);
  release(h);
  block.matmul({
    label: "dg, du",
    layout: "nt",
    a: [dy],
    b: [block.down],
    out: [g, u, g, u].map(matrix),
    epilogue: "gated-backward",
    likeRows,
    mostSliceBytes: h.byteLength / h.rows * likeRows, // as many bytes as h had
  });
  weightGradient("dGate", [x, matrix(g)]);
  weightGradient("dUp", [x, matrix(u)]);
  inputGradient(block, { dg: g, du: u }, { out: dx, likeRows });
  release(g, u);
}
