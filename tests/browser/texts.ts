/** The text of kernels for a large GPU. They are too slow to run on SwiftShader, but its compiler can check them. */
import { ACTIVATIONS } from "../../kernels/activation.ts";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import type { Kernel } from "../../kernels/gpu/kernel.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { emptyInputs, runBackward, runForward } from "../../variants/form.ts";
import { variants } from "../../variants/mod.ts";
import type { Problem, Variant } from "../../variants/variant.ts";

/** One row, a few, few enough for a tile of their own, K in slices, many; what vectors fit and what they do not. */
const SIZES = [
  [1, 256, 768],
  [13, 255, 767],
  [32, 256, 768],
  [256, 1024, 2816],
  [511, 1023, 2815],
  [8192, 4096, 11008],
] as const;

function problems(): Problem[] {
  const base = { dtype: "float32", activation: "silu", precision: "strassen" } as const;
  const sized = SIZES.map(([tokens, dim, hiddenDim]) => ({ ...base, tokens, dim, hiddenDim }));
  const stored = sized.flatMap((problem) => DTYPES.map((dtype) => ({ ...problem, dtype })));
  const gated = ACTIVATIONS.map((activation) => ({ ...sized[sized.length - 1], activation }));
  return [...stored, ...gated];
}

/** The kernels of one problem, forward for inference and for training, and backward. */
function kernelsOf(variant: Variant, problem: Problem, capabilities: Capabilities): Kernel[] {
  return (["separate", "combined"] as const).flatMap((form) => {
    const recorder = new PlanRecorder(capabilities);
    const inputs = emptyInputs(recorder.memory, problem, form);
    const run = { recorder, variant, problem, inputs };
    runForward(run, false);
    runBackward(run, runForward(run, true).saved, inputs.dy);
    return recorder.dispatches.map(({ kernel }) => kernel);
  });
}

/** Every text once, by the name of the first variant and problem that need it. */
export function kernelTexts(capabilities: Capabilities): Map<string, string> {
  const named = new Map<string, string>();
  const keys = new Set<string>();
  for (const variant of variants) {
    for (const problem of problems()) {
      for (const { key, label, wgsl } of kernelsOf(variant, problem, capabilities)) {
        if (keys.has(key)) continue;
        keys.add(key);
        named.set(`${label} of ${variant.id}: ${key}`, wgsl());
      }
    }
  }
  return named;
}
