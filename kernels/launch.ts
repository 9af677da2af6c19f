import { type Activation, parametersOf } from "./activation.ts";
import type { Capabilities } from "./gpu/capabilities.ts";
import type { Dispatch } from "./gpu/dispatch.ts";
import type { Kernel } from "./gpu/kernel.ts";
import type { Step } from "./gpu/steps.ts";
import { LimitError } from "./gpu/limits.ts";
import { bind, bindApart, type View } from "./view.ts";

/** A word of a launch's uniforms: a number, or where the first element of a view is, counted from its binding's start. */
export type Uniform = number | { readonly offsetOf: number };

/**
 * One launch as it is planned: which matrices a kernel reads and writes, its uniforms, and how many workgroups. Which
 * buffers these matrices are bound to is not decided yet. {@linkcode boundLaunch} does that, for all kinds of launches.
 */
export interface Launch extends Omit<Dispatch, "kernel" | "bindings" | "uniforms" | "workgroups"> {
  /** The matrices, in the kernel's order. */
  readonly views: readonly View[];
  /**
   * Whether each view has a binding of its own. Views of one tensor share a binding otherwise, as a binding that is written
   * must not overlap another. Default: false.
   */
  readonly apart?: boolean;
  /** The kernel, given which binding each view is in: its WGSL names bindings, not views. */
  kernel(slots: readonly number[]): Kernel;
  readonly uniforms: readonly Uniform[];
  /** Workgroups along x, y, z. Without y, those along x are spread over both: one dimension has at most 65,535. */
  readonly workgroups: readonly [x: number, y: number | null, z: number];
}

/**
 * Binds the views of a launch to buffers, and gives it the kernel that fits them.
 *
 * @throws {LimitError} If one binding, or the number of workgroups, would exceed the device's limit.
 */
export function boundLaunch(launch: Launch, capabilities: Capabilities): Dispatch {
  const { views, apart = false, kernel, uniforms, workgroups: [x, y, z], ...work } = launch;
  const { bindings, slots, offsets } = (apart ? bindApart : bind)(views, capabilities);
  const across = y === null ? fold(x, capabilities.maxComputeWorkgroupsPerDimension) : [x, y] as const;
  return {
    kernel: kernel(slots),
    bindings,
    uniforms: uniforms.map((word) => typeof word === "number" ? word : offsets[word.offsetOf]),
    workgroups: [...across, z],
    ...work,
  };
}

/** The part of a launch whose kernel has an activation: the values that this computes with. */
export function withParameters(activation: Activation | null): Pick<Launch, "parameters"> {
  const parameters = activation === null ? [] : parametersOf(activation).map(([_, value]) => value);
  return parameters.length === 0 ? {} : { parameters };
}

/** A step of a plan whose launches are not bound yet. */
export type PlannedStep = Exclude<Step, { readonly dispatch: Dispatch }> | { readonly launch: Launch };

/** The same steps, each launch bound. */
export function boundSteps(steps: readonly PlannedStep[], capabilities: Capabilities): Step[] {
  return steps.map((step) =>
    step !== "group" && "launch" in step ? { dispatch: boundLaunch(step.launch, capabilities) } : step
  );
}

/** The uniforms that tell a kernel where views lie: offset and stride of each. The first of them is view `first` of the launch. */
export function offsetsAndStrides(views: readonly View[], first = 0): Uniform[] {
  return views.flatMap(({ stride }, i) => [{ offsetOf: first + i }, stride]);
}

/** As {@linkcode offsetsAndStrides}, of views whose strides the kernel knows: the offset of each. */
export function offsetsOf(views: readonly unknown[], first = 0): Uniform[] {
  return views.map((_, i) => ({ offsetOf: first + i }));
}

/**
 * Spreads `count` workgroups over x and y, neither above `most`, because one dimension holds only 65,535. Together they
 * are at least `count`, which may be 0.
 *
 * @throws {LimitError} If two dimensions do not hold them.
 */
export function fold(count: number, most: number): [number, number] {
  const y = Math.max(1, Math.ceil(count / most));
  if (y > most) {
    throw new LimitError(
      `Cannot launch as two dimensions hold at most ${
        most ** 2
      } workgroups (maxComputeWorkgroupsPerDimension): ` +
        `current value is ${count}`,
    );
  }
  return [Math.ceil(count / y), y];
}
