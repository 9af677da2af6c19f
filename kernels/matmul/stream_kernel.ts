import type { Kernel } from "../gpu/kernel.ts";
import { type Storage, storageWgsl } from "../storage.ts";
import { indented } from "../text.ts";
import { COLUMNS, columnStream } from "./stream_columns.ts";
import { rowsOfWorkgroup, rowStream } from "./stream_rows.ts";
import { streamWgsl } from "./stream.ts";

/**
 * Up to so many rows of A this kernel is the fastest. On an H200, with B of 11,008 x 4,096: as [K, N], 8 rows take
 * 53 us (the tile `few`: 59) and 16 rows take 61, as `few` does. As [N, K], 16 rows take 80 us (`few`: 90).
 */
export const STREAM_ROWS = { nn: 8, nt: 16 } as const;

/** Everything that decides the WGSL text of a stream kernel. */
export interface StreamConfig {
  /** B as stored: [K, N] (nn) or [N, K] (nt). */
  readonly layout: "nn" | "nt";
  /** Rows of A that it has room for, as {@linkcode streamRoom} says. */
  readonly room: number;
  readonly a: Storage;
  readonly b: Storage;
}

/** Rows that the kernel for `m` rows has room for. It is the next power of two, so that few kernels serve all. */
export function streamRoom(m: number): number {
  return 2 ** Math.ceil(Math.log2(m));
}

/** How many columns of the output one workgroup computes, and how many workgroups a multiprocessor runs together. */
export function streamDealing({ layout, room }: Pick<StreamConfig, "layout" | "room">) {
  // Registers decide how many run together.
  return layout === "nn"
    ? { columns: COLUMNS, together: 2 }
    : { columns: rowsOfWorkgroup(room), together: room > 8 ? 2 : room > 4 ? 4 : 8 };
}

/** Uniform fields of a stream kernel, in order. */
export const STREAM_FIELDS = ["m", "n", "k", "splits", "stride_a", "stride_b", "a", "b", "out", "stride_out"];

/**
 * The kernel of a few rows of A times a large B. Each element of B goes from memory to the registers of one thread, and A
 * waits in shared memory. The sums are float32 slices [split][m][stride_out], which the reduction adds in order.
 */
export function streamKernel(config: StreamConfig, label: string): Kernel {
  const { layout, room, a, b } = config;
  return {
    key: `stream|${layout}|${room}|${a.dtype}${a.aligned}|${b.dtype}${b.aligned}`,
    label,
    access: ["read", "read", "read_write"],
    wgsl: () =>
      indented(`struct Params { ${STREAM_FIELDS.map((field) => `${field}: u32`).join(", ")} }
${storageWgsl("a", 0, { ...a, access: "read" })}
${storageWgsl("b", 1, { ...b, access: "read" })}
${storageWgsl("partial", 2, { dtype: "float32", access: "read_write", aligned: layout === "nn" })}
@group(0) @binding(3) var<uniform> p: Params;
${streamWgsl((layout === "nn" ? columnStream : rowStream)(room))}
`),
  };
}
