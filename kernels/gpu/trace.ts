import type { DType } from "./dtype.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Purpose } from "./ledger.ts";
import type { Memory } from "./memory.ts";
import { PlanRecorder } from "./recorder.ts";
import type { Step } from "./steps.ts";
import { Tensor, type TensorInit } from "./tensor.ts";

/** Plans work and notes each step, so that {@linkcode record} can repeat it on a device. */
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
