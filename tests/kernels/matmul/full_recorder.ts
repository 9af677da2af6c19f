import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../../kernels/gpu/tensor.ts";

/** Plans, and has no room from some allocation of workspace on. */
export class FullRecorder extends PlanRecorder {
  /** Allocations so far. */
  asked = 0;

  constructor(capabilities: Capabilities, readonly failing: number) {
    super(capabilities);
  }

  override empty(...[shape, dtype, as]: Parameters<PlanRecorder["empty"]>): Tensor {
    if (++this.asked < this.failing) return super.empty(shape, dtype, as);
    throw new OutOfMemoryError(`Cannot allocate ${as.label}`);
  }
}
