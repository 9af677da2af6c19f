/** Faults that tests plant into kernels, to show that a check finds them. */
import type { Dispatch, Units } from "../kernels/gpu/dispatch.ts";

/** A change of a kernel's text that makes it wrong. */
export interface Fault {
  /** What is wrong then. */
  readonly what: string;
  /** The kernels that have it: those of launches with these units. */
  readonly units: Units;
  /** The text whose first occurrence is replaced. */
  readonly from: string | RegExp;
  readonly to: string;
}

/**
 * A launch with a fault in its kernel, or the launch itself if it has other units.
 *
 * @throws {Error} When the kernel is compiled, if its text has no place for the fault.
 */
export function planted(dispatch: Dispatch, { what, units, from, to }: Fault): Dispatch {
  if (dispatch.units !== units) return dispatch;
  const { kernel } = dispatch;
  const wgsl = () => {
    const text = kernel.wgsl();
    const spoiled = text.replace(from, to);
    if (spoiled === text) {
      throw new Error(`Cannot plant "${what}" as the kernel ${kernel.label} must hold ${from}`);
    }
    return spoiled;
  };
  return { ...dispatch, kernel: { ...kernel, key: `${kernel.key}|${what}`, wgsl } };
}
