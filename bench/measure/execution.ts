import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
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
import { asPlanned, given, protecting } from "./watch.ts";

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

/** Called by {@linkcode recordRun} while it records. */
export interface Hooks {
  /** Called between forward and backward. */
  between?(forward: Forward): void;
}

/**
 * Records a whole run. In training that is forward and backward, else forward alone, which keeps nothing for backward. The
 * caller frees what it leaves.
 */
export function recordRun(recorder: Recorder, run: Case, options: {
  training: boolean;
  hooks?: Hooks;
}): Outputs {
  const { variant, dy } = run;
  const block = blockOf(recorder, run);
  const forward = variant.forward(block, options.training);
  if (!options.training) return asAsked({ y: forward.y, gradients: null }, run.problem);
  options.hooks?.between?.(forward);
  return asAsked({ y: forward.y, gradients: variant.backward(block, forward.saved, dy) }, run.problem);
}

/** Frees what a run left. */
export function discard({ y, gradients }: Outputs): void {
  release(y, ...Object.values(gradients ?? {}) as Tensor[]);
}

/**
 * What a variant's code works on. Variants may come from anywhere, and none may change what the others measure. So a launch
 * that writes to an input is refused, and problem, inputs and weights are frozen copies.
 */
function blockOf(recorder: Recorder, run: Case): Block {
  const { problem, inputs: { x, weights } } = run;
  const inputs = Object.freeze({ x, weights: Object.freeze({ ...weights }) });
  return new Block(protecting(recorder, given(run)), Object.freeze({ ...problem }), inputs);
}

/**
 * The outputs, once their shapes and dtype are known to be those that the problem asks for. Others would be timed as
 * something that they are not.
 *
 * @throws {Error} If one differs; the message names it.
 */
function asAsked(outputs: Outputs, { tokens, dim, hiddenDim, dtype }: Problem): Outputs {
  const shapes: ReadonlyMap<string, readonly number[]> = new Map([
    ["y", [tokens, dim]],
    ["dx", [tokens, dim]],
    ["dDown", [hiddenDim, dim]],
    ["dGate", [dim, hiddenDim]],
    ["dUp", [dim, hiddenDim]],
    ["dGateUp", [dim, 2, hiddenDim]],
  ]);
  for (const [name, tensor] of Object.entries({ y: outputs.y, ...outputs.gradients }) as [string, Tensor][]) {
    const shape = shapes.get(name);
    if (`${shape}` === `${tensor.shape}` && tensor.dtype === dtype) continue;
    throw new Error(
      `its ${name} must be ${dtype} of [${shape}]: current value is ${tensor.dtype} of [${tensor.shape}]`,
    );
  }
  return outputs;
}

/** How a timed part is recorded. */
export interface TimedOptions {
  /** How often it does its work. Default: 1. */
  readonly repeats?: number;
  /** The launches of the mode, which every repeat must record. */
  readonly planned?: readonly Dispatch[];
  /** Takes what each repeat leaves. Default: frees it. */
  keep?(outputs: Outputs): void;
}

/**
 * A run in two parts: what is timed, and what must come before it. Only backward has something before it: a forward for each
 * repeat, because backward consumes what forward saved, and some variants overwrite it.
 *
 * Recording the timed part throws if its launches are not the planned ones.
 */
export function timedParts(
  run: Case,
  mode: Mode,
  { repeats = 1, planned, keep = discard }: TimedOptions = {},
): { prepare?(recorder: Recorder): void; timed(recorder: Recorder): void } {
  const times = Array.from({ length: repeats });
  const watched = <T>(to: Recorder, work: (to: Recorder) => T) =>
    planned ? asPlanned(to, planned, work) : work(to);
  if (mode !== "backward") {
    const work = (to: Recorder) => keep(recordRun(to, run, { training: mode === "full" }));
    return { timed: (to) => cleanly(to, (to) => times.forEach(() => watched(to, work))) };
  }
  const { variant, dy } = run;
  let forwards: Forward[] = [];
  return {
    prepare: (to) => {
      forwards = cleanly(to, (to) => times.map(() => variant.forward(blockOf(to, run), true)));
    },
    timed: (to) => {
      const backward = (to: Recorder, { y, saved }: Forward) => {
        watched(
          to,
          (to) => keep(asAsked({ y, gradients: variant.backward(blockOf(to, run), saved, dy) }, run.problem)),
        );
        release(...Object.values(saved));
      };
      try {
        cleanly(to, (to) => {
          for (; forwards.length > 0; forwards.shift()) backward(to, forwards[0]);
        });
      } finally {
        for (const { y, saved } of forwards) release(y, ...Object.values(saved));
        forwards = [];
      }
    },
  };
}
