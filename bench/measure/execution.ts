import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import type { Mode } from "./shapes.ts";
import { cleanly } from "./allocation.ts";
import {
  Block,
  type Forward,
  type Gradients,
  type Inputs,
  type Problem,
  release,
  type Variant,
} from "../../variants/variant.ts";

/** What it takes to run a variant on a problem. */
export interface Case {
  readonly variant: Variant;
  readonly problem: Problem;
  readonly inputs: Inputs;
  readonly dy: Tensor;
}

/** What a run leaves. */
export interface Outputs {
  readonly y: Tensor;
  readonly gradients: Gradients | null;
}

/** What {@linkcode record} tells while it records. */
export interface Steps {
  /** Between forward and backward. */
  between?(forward: Forward): void;
}

/**
 * Records a whole run: forward alone, which then keeps nothing for backward, or forward and backward.
 * The caller disposes what it leaves.
 */
export function record(recorder: Recorder, { variant, problem, inputs, dy }: Case, options: {
  training: boolean;
  steps?: Steps;
}): Outputs {
  const block = new Block(recorder, problem, inputs);
  const forward = variant.forward(block, options.training);
  if (!options.training) return { y: forward.y, gradients: null };
  options.steps?.between?.(forward);
  return { y: forward.y, gradients: variant.backward(block, forward.saved, dy) };
}

/** Frees what a run left. */
export function discard({ y, gradients }: Outputs): void {
  release(y, ...Object.values(gradients ?? {}) as Tensor[]);
}

/**
 * A mode in two parts: what is timed, and what must come before it. Backward consumes what forward saved, in place
 * where its origin does, so each timed backward has a fresh forward before it.
 *
 * @param repeats How often the timed part does its work.
 */
export function timedParts(
  run: Case,
  mode: Mode,
  repeats: number,
): { prepare?(recorder: Recorder): void; timed(recorder: Recorder): void } {
  const times = Array.from({ length: repeats });
  if (mode !== "backward") {
    const work = (to: Recorder) =>
      times.forEach(() => discard(record(to, run, { training: mode === "full" })));
    return { timed: (to) => cleanly(to, work) };
  }
  const { variant, problem, inputs, dy } = run;
  let forwards: Forward[] = [];
  return {
    prepare: (to) => {
      forwards = cleanly(to, (to) => times.map(() => variant.forward(new Block(to, problem, inputs), true)));
    },
    timed: (to) => {
      try {
        cleanly(
          to,
          (to) =>
            forwards.forEach(({ y, saved }) =>
              discard({ y, gradients: variant.backward(new Block(to, problem, inputs), saved, dy) })
            ),
        );
      } finally {
        for (const { y, saved } of forwards) release(y, ...Object.values(saved));
        forwards = [];
      }
    },
  };
}
