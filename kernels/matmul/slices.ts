import type { Recorder } from "../gpu/recorder.ts";
import { storagesOf } from "../storage.ts";
import { bind, type View, viewBytes } from "../view.ts";
import type { Epilogue } from "./config.ts";
import { reduceKernel, reduceWorkgroups } from "./reduce.ts";
import type { Sized } from "./request.ts";

/** The kernel's epilogue, and the uniform that tells it whether to add to what is there. */
export function kernelEpilogue<E extends Epilogue>(epilogue: E) {
  return epilogue === "accumulate"
    ? { epilogue: "store" as const, accumulate: 1 }
    : { epilogue: epilogue as Exclude<E, "accumulate">, accumulate: 0 };
}

/** Records the sum of slices, in their order, with the epilogue of the product. */
export function sumSlices(
  recorder: Recorder,
  sized: Sized,
  { partial, splits, stride }: { partial: View; splits: number; stride: number },
): void {
  const { m, n, out, columns, activation } = sized;
  const { epilogue, accumulate } = kernelEpilogue(sized.epilogue);
  const bound = bind([...out, partial], recorder.capabilities);
  const slots = bound.slots.slice(0, out.length);
  const storage = storagesOf(out, { slots, inputs: 0 });
  recorder.dispatch({
    kernel: reduceKernel({ epilogue, columns, activation, storage, slots }, `${sized.label}: sum of slices`),
    bindings: bound.bindings,
    uniforms: [
      m,
      n,
      splits,
      stride,
      accumulate,
      ...out.flatMap((view, i) => [bound.offsets[i], view.stride]),
    ],
    workgroups: reduceWorkgroups(m, n),
    flops: 0,
    bytes: [...out, partial].reduce((sum, view) => sum + viewBytes(view), 0),
  });
}
