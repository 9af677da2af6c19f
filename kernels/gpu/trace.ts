import type { DType } from "./dtype.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Purpose } from "./ledger.ts";
import type { Memory } from "./memory.ts";
import { PlanRecorder, type Recorder } from "./recorder.ts";
import { Tensor, type TensorInit } from "./tensor.ts";

/** One thing that was asked of a recorder, or of a tensor that it made. Its tensors are those of the trace. */
export type Step =
  | { readonly make: Tensor }
  | { readonly release: Tensor }
  | { readonly dispatch: Dispatch }
  | "group";

/** Tensors of a trace, and those that take their places. */
export type Places = Map<Tensor, Tensor>;

/** Plans work and notes each step, so that {@linkcode replay} can take it again on a device. */
export class TraceRecorder extends PlanRecorder {
  #steps: Step[] = [];

  /** The steps since the last call. */
  take(): Step[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  override empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor {
    const released = () => this.#steps.push({ release: tensor });
    const tensor = new TracedTensor(this.memory, { shape, dtype, ...as }, released);
    this.#steps.push({ make: tensor });
    return tensor;
  }

  override dispatch(dispatch: Dispatch): void {
    super.dispatch(dispatch);
    this.#steps.push({ dispatch });
  }

  override beginGroup(): void {
    this.#steps.push("group");
  }
}

class TracedTensor extends Tensor {
  readonly #released: () => void;

  constructor(memory: Memory, init: TensorInit, released: () => void) {
    super(memory, init);
    this.#released = released;
  }

  override dispose(): void {
    if (!this.disposed) this.#released();
    super.dispose();
  }
}

/**
 * Takes steps again, without the code that thought them out.
 *
 * @param places A tensor for each of the trace that the steps use and do not make. Those that they make are added; if one
 * cannot be made, or a launch is refused, all of them are disposed.
 */
export function replay(recorder: Recorder, steps: readonly Step[], places: Places): void {
  const made: Tensor[] = [];
  try {
    for (const step of steps) {
      if (step === "group") recorder.beginGroup();
      else if ("dispatch" in step) recorder.dispatch(placed(step.dispatch, places));
      else if ("release" in step) places.get(step.release)!.dispose();
      else {
        const { shape, dtype, purpose, label } = step.make;
        const tensor = recorder.empty(shape, dtype, { purpose, label });
        made.push(tensor);
        places.set(step.make, tensor);
      }
    }
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}

function placed(dispatch: Dispatch, places: Places): Dispatch {
  const bindings = dispatch.bindings.map((part) => ({ ...part, tensor: places.get(part.tensor)! }));
  return { ...dispatch, bindings };
}
