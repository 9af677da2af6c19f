/** Shared by tests of subgroup matrices: a device that has them, or the reason why this machine has none. */
import { requestDawnGpu } from "../kernels/gpu/dawn.ts";
import type { Gpu } from "../kernels/gpu/device.ts";

/** A device with subgroup matrices from f16 to f32, or the reason why tests that need it are skipped. */
export async function subgroupGpu(): Promise<Gpu | string> {
  try {
    return await requestDawnGpu();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Declares a test that needs subgroup matrices; where there are none, its name says why it is ignored. */
export function testOn(gpu: Gpu | string, name: string, test: (gpu: Gpu) => Promise<void>): void {
  if (typeof gpu !== "string") return Deno.test(name, () => test(gpu));
  Deno.test({ name: `${name} (skipped: ${gpu})`, ignore: true, fn: () => {} });
}
