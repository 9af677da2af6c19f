import type { Kernel } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** Part of a tensor's buffer, bound to one binding of a kernel. */
export interface Binding {
  /** The tensor that is bound. */
  readonly tensor: Tensor;
  /** Bytes from the tensor's first element; a multiple of the device's offset alignment. */
  readonly byteOffset?: number;
  /** Bytes that are bound. Default: the whole tensor. */
  readonly byteLength?: number;
}

/** What a GPU computes with: the float units of its threads, or tensor cores, which WGSL knows as subgroup matrices. */
export type Units = "multiply-adds" | "subgroup matrices";

/** One launch of a kernel. */
export interface Dispatch {
  /** What is launched. */
  readonly kernel: Kernel;
  /** One for each of the kernel's storage buffers. */
  readonly bindings: readonly Binding[];
  /** 32-bit words of the uniform block, in the order of the kernel's struct. */
  readonly uniforms: readonly number[];
  /**
   * Values of an activation's parameters, which follow the uniforms as float32. A plan that is repeated may take others.
   * Default: none.
   */
  readonly parameters?: readonly number[];
  /** Workgroups along x, y, z. */
  readonly workgroups: readonly [number, number, number];
  /** Floating-point operations that the formula needs, however the kernel computes it. */
  readonly flops: number;
  /** The fewest device bytes that it must move: each input is read once, each output written once. */
  readonly bytes: number;
  /** The tile or path that was chosen, for reports. */
  readonly tile?: string;
  /** What computes it. Default: multiply-adds. */
  readonly units?: Units;
  /** Why a matrix product takes this tile, for reports. */
  readonly why?: string;
  /** The name of its matrix product in a tuning table. */
  readonly product?: string;
}

/** All words of a launch's uniform block. */
export function uniformWords({ uniforms, parameters = [] }: Dispatch): number[] {
  return [...uniforms, ...parameters.map(floatBits)];
}

/** The bits of a number as float32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
