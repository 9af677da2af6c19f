import type { Gpu } from "../kernels/gpu/device.ts";
import { readOnce } from "../kernels/gpu/arguments.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matmul } from "../kernels/matmul/product_plan.ts";
import { halves, matrix } from "../kernels/view.ts";
import type { Options, Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkDtype, checkGpu, checkShape, checkTensor, checkWritten } from "./checks.ts";
import { checkOptions, type Settings } from "./validate.ts";

/**
 * h = act(x W_gate) * (x W_up), the gated linear unit (https://arxiv.org/abs/1612.08083), by one product whose epilogue is the
 * gate.
 *
 * Besides h it may take workspace until it has run: slices of K where there are few tokens, copies of rows that do not begin at
 * multiples of four elements, and sums of quarters with precision "strassen". `memoryBudget` does not bound it.
 *
 * @param x [..., D].
 * @param weight gate and up [D, H], or one combined [D, 2, H] tensor. Those of PyTorch are [out, in]: transpose them
 * first, as a square one passes all checks and gives wrong numbers.
 * @returns h [..., H], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 *
 * @example h alone, where the projection down is your own
 * ```ts
 * import { gatedLinearUnit, requestGpu, Tensor } from "../mod.ts";
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
  weight: Tensor | { readonly gate: Tensor; readonly up: Tensor },
  options: Pick<Options, "activation" | "precision"> & Recording = {},
): Tensor {
  const { activation, precision, encoder, ...foreign } = checkOptions(options);
  refuseForeign(foreign);
  const { gate, up, hiddenDim } = partsOf(gpu, x, weight);
  checkWritten(gpu, { x, "weight.gate": gate.tensor, "weight.up": up.tensor }, encoder);
  return recordedAndGuarded(gpu, encoder, (recorder) => {
    const shape = [...x.shape.slice(0, -1), hiddenDim];
    const h = recorder.empty(shape, x.dtype, { purpose: "output", label: "h" });
    matmul(recorder, {
      label: "h",
      layout: "nn",
      a: [matrix(x)],
      b: [gate, up],
      out: [matrix(h)],
      columns: 2,
      epilogue: "gated",
      activation,
      precision,
    });
    return h;
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

function partsOf(gpu: Gpu, x: Tensor, weight: Tensor | { readonly gate: Tensor; readonly up: Tensor }) {
  checkGpu(gpu);
  checkTensor(gpu, x, "x");
  if (weight instanceof Tensor || weight === null || typeof weight !== "object") {
    checkTensor(gpu, weight, "weight");
    checkShape(weight, "weight", [x.columns, 2, weight.columns]);
    checkDtype(weight, "weight", x.dtype);
    return { ...halves(weight), hiddenDim: weight.columns };
  }
  const { gate, up } = readOnce("weight", weight, ["gate", "up"]) as { gate: Tensor; up: Tensor };
  for (const [name, tensor] of [["weight.gate", gate], ["weight.up", up]] as const) {
    checkTensor(gpu, tensor, name);
    checkShape(tensor, name, [x.columns, gate.columns]);
    checkDtype(tensor, name, x.dtype);
  }
  return { gate: matrix(gate), up: matrix(up), hiddenDim: gate.columns };
}
