/**
 * Sizes at the limits of what a device can address. A GPU always runs them. A software adapter takes longer, so it runs
 * them only on request: `LARGE=1 deno test -A tests/large/`.
 */
import type { Gpu } from "../../kernels/gpu/device.ts";

export const GIBI = 2 ** 30;

/** Bytes of one buffer: as many as can be, and no more than it takes to lie beyond 2^32. */
export function largestBuffer({ capabilities: { maxBufferSize } }: Gpu): number {
  return Math.floor(Math.min(maxBufferSize, 5 * GIBI) / 4096) * 4096;
}

/** Whether the device, or the machine where it is software, gives so many bytes at once. */
async function hasRoom(gpu: Gpu, bytes: number): Promise<boolean> {
  if (gpu.capabilities.software) {
    return Deno.env.get("LARGE") !== undefined && Deno.systemMemoryInfo().available > 1.5 * bytes;
  }
  const size = largestBuffer(gpu);
  gpu.device.pushErrorScope("out-of-memory");
  const make = () => gpu.device.createBuffer({ size, usage: 0x80 });
  const buffers = Array.from({ length: Math.ceil(bytes / size) }, make);
  const refused = await gpu.device.popErrorScope();
  for (const buffer of buffers) buffer.destroy();
  return refused === null;
}

/** A test that takes so many bytes, ignored where they are not there. */
export async function testOf(gpu: Gpu, about: { name: string; bytes: number }, run: () => Promise<void>) {
  Deno.test({
    name: `${about.name} (${(about.bytes / GIBI).toFixed(1)} GiB)`,
    ignore: !await hasRoom(gpu, about.bytes),
    fn: async () => {
      await run();
      gpu.memory.trim();
    },
  });
}
