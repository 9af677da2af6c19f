/** Written by `bench.ts tune` on an NVIDIA H200. */
export const NVIDIA_H200 = { "schema": "swiglu-tuning/1", "adapter": "NVIDIA H200", "entries": [] };
