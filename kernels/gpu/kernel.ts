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
