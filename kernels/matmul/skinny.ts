import type { Kernel } from "../gpu/kernel.ts";
import { type Storage, storageWgsl } from "../storage.ts";
import { columnsWgsl } from "./skinny_columns.ts";
import { rowsWgsl } from "./skinny_rows.ts";

/**
 * Rows of A up to which this kernel is the fastest stream of B: on an H200 it reads 3.0 TB/s for one row, 2.3 for 8 and
 * 1.8 for 16, where the tile `few` reads 2.4 whatever the rows.
 */
export const SKINNY_ROWS = 6;

/** How a skinny kernel shares its work out among threads. Powers of two. */
export interface SkinnyShape {
  readonly threads: 128 | 256;
  /** Layout nn: rows of B that a thread loads at once. */
  readonly batch: 4 | 8;
  /** Layout nt: threads that step along K together, each by a vector; the others of a group of 32 take other rows of B. */
  readonly lanes: 8 | 16 | 32;
  /** Whether the next vectors of B are loaded before the present ones are multiplied. */
  readonly ahead: boolean;
}

/** Everything that decides the WGSL text of a skinny kernel. */
export interface SkinnyConfig {
  /** B as stored: [K, N] (nn) or [N, K] (nt). */
  readonly layout: "nn" | "nt";
  /** Rows of A: 1 to 16. */
  readonly m: number;
  /** Column blocks that share the partial sums: [split][column block][m][stride_out]. */
  readonly columns: number;
  readonly a: Storage;
  readonly b: Storage;
  readonly shape: SkinnyShape;
}

/**
 * The shape for so many rows of A. Few leave registers for a thousand threads on a multiprocessor, which hide each other's
 * loads. Sixteen take 64 for their sums: then each thread has to have loads on their way while it multiplies, and small
 * workgroups waste the fewest registers.
 */
export function skinnyShape({ layout, m }: Pick<SkinnyConfig, "layout" | "m">): SkinnyShape {
  if (m > 4) return { threads: 128, batch: m > 8 ? 4 : 8, lanes: 8, ahead: true };
  return { threads: 256, batch: 8, lanes: 32, ahead: layout === "nt" };
}

/** Columns of the output that one workgroup computes. */
export function skinnyColumns({ layout, shape }: Pick<SkinnyConfig, "layout" | "shape">): number {
  return layout === "nn" ? LANES * 4 : shape.threads / shape.lanes * ROWS;
}

/** Indices of K that a workgroup multiplies in one round: slices of K are a multiple of it. */
export function skinnyRound({ layout, shape }: Pick<SkinnyConfig, "layout" | "shape">): number {
  return layout === "nn" ? shape.threads / LANES * shape.batch : shape.lanes * 4;
}

/** Indices of K that are staged in shared memory at once: 16 KiB of A at most, whatever its rows. */
export function skinnyChunk({ m }: Pick<SkinnyConfig, "m">): number {
  return m <= 4 ? 1024 : m <= 8 ? 512 : 256;
}

/** Threads that run in step, and share the columns of a block in layout nn. */
export const LANES = 32;

/** Rows of B^T that a thread multiplies at once, so that a row of A read from shared memory serves four. */
export const ROWS = 4;

/** Uniform fields of a skinny kernel, in order. */
export const SKINNY_FIELDS = ["n", "k", "slice", "stride_a", "stride_b", "a", "b", "out", "stride_out"];

/**
 * A few rows of A times a large B: every element of B is read once, by vectors, by threads that share nothing,
 * and A waits in shared memory. Workgroup z takes indices z * slice to (z + 1) * slice of K.
 * Sums are float32 partials [split][column block][m][stride_out], which the reduction adds in order.
 *
 * What a vector of B is multiplied by never lies beyond K, nor does it: no product with what lies there reaches a sum.
 */
export function skinnyKernel(config: SkinnyConfig, label: string): Kernel {
  const { layout, m, a, b, shape } = config;
  const { threads, batch, lanes, ahead } = shape;
  const along = layout === "nn" ? batch : lanes;
  return {
    key: ["skinny", layout, m, config.columns, threads, along, ahead, a.dtype, a.aligned, b.dtype, b.aligned]
      .join("|"),
    label,
    access: ["read", "read", "read_write"],
    wgsl: () =>
      `struct Params { ${SKINNY_FIELDS.map((field) => `${field}: u32`).join(", ")} }
${storageWgsl("a", 0, { ...a, access: "read" })}
${storageWgsl("b", 1, { ...b, access: "read" })}
${storageWgsl("partial", 2, { dtype: "float32", access: "read_write", aligned: layout === "nn" })}
@group(0) @binding(3) var<uniform> p: Params;
${layout === "nn" ? columnsWgsl(config) : rowsWgsl(config)}
`,
  };
}
