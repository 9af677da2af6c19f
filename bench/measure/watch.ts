import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { PlannedMemory } from "../../kernels/gpu/memory.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import type { Inputs } from "../../variants/variant.ts";
import { namedWeights } from "../../variants/weights.ts";
import { ObservedRecorder } from "../timing/observed.ts";

/** The tensors that a run is given, by name. It must not change them. */
export function given({ inputs, dy }: { inputs: Inputs; dy: Tensor }): Record<string, Tensor> {
  return { x: inputs.x, ...namedWeights(inputs.weights), dy };
}

/**
 * A recorder that refuses a launch that binds an input for writing. Otherwise the rows after it might compute from other
 * inputs. What counts is the buffer: a variant cannot hide an input in a tensor of its own.
 */
export function protecting(recorder: Recorder, inputs: Readonly<Record<string, Tensor>>): ObservedRecorder {
  const named = Object.entries(inputs);
  const names = new Map<unknown, string>(named.map(([name, tensor]) => [storeOf(tensor), name]));
  const launch = ({ kernel, bindings }: Dispatch, dispatch: () => void) => {
    for (const [i, { tensor }] of bindings.entries()) {
      const name = kernel.access[i] === "read_write" ? names.get(storeOf(tensor)) : undefined;
      if (name === undefined) continue;
      throw new Error(
        `It may change its input ${name}, which the launch of ${kernel.label} binds for writing`,
      );
    }
    dispatch();
  };
  return new ObservedRecorder(recorder, { launch });
}

/** Two tensors share memory if they have the same of this. A planned tensor has no buffer, and shares memory with none. */
function storeOf(tensor: Tensor): unknown {
  return tensor.memory instanceof PlannedMemory ? tensor : tensor.buffer;
}

/**
 * Records work whose launches must be the planned ones, in order: the same kernels, uniforms and workgroups. A variant that
 * kept a result from an earlier run, and so leaves out work, would have a time that is not its own.
 *
 * @throws {Error} If a launch differs, or there are fewer or more than planned.
 */
export function asPlanned<T>(
  recorder: Recorder,
  planned: readonly Dispatch[],
  work: (recorder: Recorder) => T,
): T {
  let seen = 0;
  const launch = (dispatch: Dispatch, record: () => void) => {
    const expected = planned.at(seen++);
    if (expected === undefined || !isSame(dispatch, expected)) {
      throw differs(
        `launch ${seen} is ${nameOf(dispatch)}, planned is ${expected ? nameOf(expected) : "none"}`,
      );
    }
    record();
  };
  const result = work(new ObservedRecorder(recorder, { launch }));
  if (seen !== planned.length) throw differs(`it has ${seen} launches, planned are ${planned.length}`);
  return result;
}

function differs(how: string): Error {
  return new Error(`Its timed run differs from its plan: ${how}`);
}

function isSame(a: Dispatch, b: Dispatch): boolean {
  return a.kernel.key === b.kernel.key && equal(a.workgroups, b.workgroups) && equal(a.uniforms, b.uniforms);
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function nameOf({ kernel, workgroups }: Dispatch): string {
  return `${kernel.label} of ${workgroups.join(" x ")} workgroups`;
}
