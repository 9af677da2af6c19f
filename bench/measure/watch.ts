import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { PlannedMemory } from "../../kernels/gpu/memory.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import type { Inputs } from "../../variants/variant.ts";
import { ObservedRecorder } from "../timing/observed.ts";

/** The tensors that a run is given and must leave as they are, by name. */
export function given({ inputs, dy }: { inputs: Inputs; dy: Tensor }): Record<string, Tensor> {
  return { x: inputs.x, ...inputs.weights, dy };
}

/**
 * A recorder that refuses a launch that binds an input for writing: the rows after it would compute from other inputs.
 * A tensor of the variant's own over an input's buffer is the input all the same.
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

/** What tells whether two tensors share memory; a planned tensor has only itself. */
function storeOf(tensor: Tensor): unknown {
  return tensor.memory instanceof PlannedMemory ? tensor : tensor.buffer;
}

/**
 * Records work and compares its launches with planned ones, in order: kernels, sizes and workgroups. Work that is left
 * out, as of a result that is kept from an earlier run, is no time of the variant's.
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
