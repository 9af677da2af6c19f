import type { DType } from "./dtype.ts";
import type { Dispatch } from "./dispatch.ts";
import { PlannedMemory } from "./memory.ts";
import type { Recorder } from "./recorder.ts";
import { Tensor } from "./tensor.ts";

/**
 * One entry of a plan, which is work as data. A tensor in `make` stands for the one that recording makes in its place.
 * Launches of the plan bind it like any tensor.
 */
export type Step =
  /** From here on the tensor exists. */
  | { readonly make: Tensor }
  /** Nothing after this uses the tensor. */
  | { readonly release: Tensor }
  /** A kernel runs. */
  | { readonly dispatch: Dispatch }
  /** The launches from here on run together, as far as they write nothing that they share. */
  | "group";

/** For each tensor that stands for another, the one that takes its place. */
export type Places = Map<Tensor, Tensor>;

/** Makes a tensor that stands in a plan for memory which is only needed on the way. */
export function workspace(label: string, shape: readonly number[], dtype: DType): Tensor {
  return new Tensor(new PlannedMemory(), { shape, dtype, purpose: "workspace", label });
}

/**
 * Records a plan. This is the one place where steps become work. If a tensor cannot be made or a launch is refused, all
 * tensors made so far are disposed.
 *
 * @param places The real tensors for those that the steps do not make, or must not: a tensor to make that has a place is not
 * made. The tensors that are made are added.
 * @param parameters Values for those of the activation's parameters that the launches were planned with. Default: those.
 */
export function record(
  recorder: Recorder,
  steps: readonly Step[],
  places: Places = new Map(),
  parameters?: readonly number[],
): void {
  const made: Tensor[] = [];
  try {
    for (const step of steps) {
      if (step === "group") recorder.beginGroup();
      else if ("dispatch" in step) recorder.dispatch(placed(step.dispatch, places, parameters));
      else if ("release" in step) places.get(step.release)!.dispose();
      else if (!places.has(step.make)) {
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

function placed(dispatch: Dispatch, places: Places, parameters = dispatch.parameters): Dispatch {
  const bindings = dispatch.bindings.map((binding) => ({
    ...binding,
    tensor: places.get(binding.tensor) ?? binding.tensor,
  }));
  return { ...dispatch, bindings, ...dispatch.parameters && { parameters } };
}

/** A plan in words, a line for each step: for tests, and for whoever wants to see what a product becomes. */
export function describe(steps: readonly Step[]): string[] {
  return steps.map((step) => {
    if (step === "group") return "together:";
    if ("make" in step) {
      const { label, shape, dtype, byteLength } = step.make;
      return `make ${label} [${shape}] ${dtype}, ${byteLength} bytes`;
    }
    if ("release" in step) return `release ${step.release.label}`;
    const { kernel, tile, workgroups } = step.dispatch;
    return `launch ${kernel.label}${tile ? `, ${tile}` : ""}, ${workgroups.join(" x ")} workgroups`;
  });
}
