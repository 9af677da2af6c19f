import type { Tensor } from "./tensor.ts";

/** How a kernel uses a storage buffer. */
export type Access = "read" | "read_write";

/** A compute kernel before compilation. Two kernels with one key are the same kernel. */
export interface Kernel {
  /** Names the kernel and its whole configuration. */
  readonly key: string;
  /** Short name for reports: what it computes. */
  readonly label: string;
  /** Access of the storage buffers, in binding order; uniforms follow as the last binding. */
  readonly access: readonly Access[];
  /** The WGSL text, entry point `main`. */
  wgsl(): string;
}

/** Part of a tensor's buffer, bound to one binding of a kernel. */
export interface Binding {
  /** The tensor that is bound. */
  readonly tensor: Tensor;
  /** Bytes from the tensor's first element; a multiple of the device's offset alignment. */
  readonly byteOffset?: number;
  /** Bytes that are bound; without it, the whole tensor. */
  readonly byteLength?: number;
}

/** One launch of a kernel. */
export interface Dispatch {
  /** What is launched. */
  readonly kernel: Kernel;
  /** One for each of the kernel's storage buffers. */
  readonly bindings: readonly Binding[];
  /** 32-bit words of the uniform block, in the order of the kernel's struct. */
  readonly uniforms: readonly number[];
  /** Workgroups along x, y, z. */
  readonly workgroups: readonly [number, number, number];
  /** Floating-point operations that it does, counted as the mathematics asks. */
  readonly flops: number;
  /** Device bytes that it must move at least: each input read once, each output written once. */
  readonly bytes: number;
  /** The tile or path that was chosen, for reports. */
  readonly tile?: string;
  /** The matrix product that it is, as a tuning table names it. */
  readonly product?: string;
}
