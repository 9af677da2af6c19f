import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { checkApart } from "./check_gradients.ts";
import { checkDtype, checkShape, checkTensor, checkWritten } from "./checks.ts";
import { recordBackward, recordForward, type Run } from "./experts.ts";
import type { Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkOptions } from "./validate.ts";
import { type Gradients, release } from "./variant.ts";

/** A call that was checked: what forward and backward are recorded from. */
export interface Training {
  readonly run: Omit<Run, "recorder">;
  readonly encoder: GPUCommandEncoder | undefined;
  /** What errors call the gradient that backward takes. */
  readonly slope: "dy" | "dh";
  /** The shape of what forward gives, and so of that gradient. */
  readonly shape: readonly number[];
  /** What is read, by the names of arguments. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Checks the inputs again: they may be disposed by the time that backward is called. */
  check(): void;
}

/** Records forward, and gives what it computes with a backward that may be called once. */
export function recordTraining(
  gpu: Gpu,
  { run, encoder, slope, shape, inputs, check }: Training,
): { output: Tensor; backward(slope: Tensor, recording?: Recording): Gradients; dispose(): void } {
  const { inputs: { x }, asked: { into = {} } = {} } = run;
  const targets = Object.fromEntries(Object.entries(into).map(([name, tensor]) => [`into.${name}`, tensor]));
  const shapeOfX = [...x.shape];
  checkWritten(gpu, inputs, encoder);
  const { output, saved: kept } = recordedAndGuarded(gpu, encoder, (recorder) => {
    const { y, saved } = recordForward({ ...run, recorder }, true);
    return { output: y.reshape(shape), saved };
  });
  let saved: Record<string, Tensor> | null = kept;
  const dispose = () => {
    release(...Object.values(saved ?? {}));
    saved = null;
  };
  const backward = (given: Tensor, recording: Recording = {}) => {
    if (saved === null) {
      throw new TypeError(
        "Cannot go backward as what forward saved must be there: current value is used or disposed",
      );
    }
    checkTensor(gpu, given, slope);
    checkShape(given, slope, shape);
    checkDtype(given, slope, x.dtype);
    check();
    for (const [name, tensor] of Object.entries(targets)) checkTensor(gpu, tensor, name);
    const read = { [slope]: given, ...inputs };
    checkApart(into, read);
    const { encoder } = checkOptions(recording);
    checkWritten(gpu, { ...saved, ...read, ...targets }, encoder);
    try {
      return recordedAndGuarded(gpu, encoder, (recorder) => {
        const gradients = recordBackward({ ...run, recorder }, saved!, given);
        if ("dx" in gradients) gradients.dx.reshape(shapeOfX);
        return gradients;
      });
    } finally {
      dispose();
    }
  };
  return { output, backward, dispose };
}
