import type { Gpu } from "../kernels/gpu/device.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { checkWeights, readWeights } from "./check_weights.ts";
import { withForm } from "./form.ts";
import type { Options, Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkGpu, checkTensor, checkWritten } from "./checks.ts";
import { checkOptions, type Settings } from "./validate.ts";
import { Block } from "./variant.ts";
import { type CombinedWeights, formOf, namedWeights, type SeparateWeights, type Weights } from "./weights.ts";

/**
 * h = act(x W_gate) * (x W_up), the gated linear unit (https://arxiv.org/abs/1612.08083), by one product whose epilogue is the
 * gate.
 *
 * Besides h it may take workspace until it has run: slices of K where there are few tokens, copies of rows that do not begin at
 * multiples of four elements, of interleaved weights [D, H, 2] and, from 2,048 tokens on, of weights [out, in], and sums of
 * quarters with precision "strassen". `memoryBudget` does not bound it.
 *
 * @param x [..., D].
 * @param weight gate and up [D, H], or one combined [D, 2, H] tensor. Those of PyTorch are [out, in]: say `layout: "out,in"`
 * in `{ gate, up }` or `{ gateUp }`, as square ones pass all checks otherwise and give wrong numbers.
 * @returns h [..., H], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 *
 * @example h alone, where the projection down is your own
 * ```ts
 * import { gatedLinearUnit, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0), [2, 2, 2]); // [D, 2, H], gate first
 * using h = gatedLinearUnit(gpu, x, weight, { activation: "gelu" });
 * console.log(h.shape, await h.read()); // [2, 2]
 * ```
 */
export function gatedLinearUnit(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor | Omit<SeparateWeights, "down"> | Omit<CombinedWeights, "down">,
  options: Pick<Options, "activation" | "precision"> & Recording = {},
): Tensor {
  const { activation, precision, encoder, ...foreign } = checkOptions(options);
  refuseForeign(foreign);
  const weights = readWeight(gpu, x, weight);
  const called = weight instanceof Tensor ? () => "weight" : (name: string) => `weight.${name}`;
  const { down: _, ...tensors } = namedWeights(weights);
  const checked = checkWeights(gpu, { called, form: formOf(weights), tensors, x });
  const named = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [called(name), tensor]));
  checkWritten(gpu, { x, ...named }, encoder);
  const sizes = { tokens: x.rows, dim: x.columns, dtype: x.dtype, ...checked };
  const problem = { ...sizes, activation, precision };
  return recordedAndGuarded(gpu, encoder, (recorder) => {
    const whole = new Block(recorder, problem, { x, weights });
    return withForm({ weightForm: "either" }, whole, (block) => {
      const h = block.tokensByHidden("output", "h");
      if (sizes.tokens > 0) recordUnit(block, h);
      return h.reshape([...x.shape.slice(0, -1), checked.hiddenDim]);
    });
  });
}

function recordUnit(block: Block, h: Tensor): void {
  block.matmul({
    label: "h",
    layout: "nn",
    a: [block.x],
    b: [block.gate, block.up],
    out: [matrix(h)],
    columns: 2,
    epilogue: "gated",
  });
}

/** Refuses options of the whole block. Unlike that, this is one kernel, without implementations or memory to choose. */
function refuseForeign(options: Pick<Settings, "implementation" | "memoryBudget">): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === null) continue;
    throw new RangeError(
      `Cannot use ${name} here as gatedLinearUnit is one product that no variant changes, whose workspace no budget bounds: current value is ${value}`,
    );
  }
}

/** The weights of a unit, whose down is missing. */
function readWeight(gpu: Gpu, x: Tensor, weight: unknown): Weights {
  checkGpu(gpu);
  checkTensor(gpu, x, "x");
  if (!(weight instanceof Tensor) && weight !== null && typeof weight === "object") {
    return readWeights("weight", weight);
  }
  checkTensor(gpu, weight, "weight");
  return { gateUp: weight } as Weights;
}
