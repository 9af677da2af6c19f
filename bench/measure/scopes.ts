import type { Gpu } from "../../kernels/gpu/device.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";

/**
 * Calls with the device's error scopes around the call. Without them an error would be told later, and not to the caller.
 *
 * @throws {OutOfMemoryError} If the device had no room.
 * @throws {Error} If the device found a fault in what was asked of it.
 */
export async function withErrorScopes<T>(gpu: Gpu, use: () => T | Promise<T>): Promise<T> {
  const { device, memory: { ledger } } = gpu;
  device.pushErrorScope("validation");
  device.pushErrorScope("out-of-memory");
  const used = await Promise.resolve().then(use).then((result) => ({ result }), (error) => ({ error }));
  const outOfMemory = await device.popErrorScope();
  const invalid = await device.popErrorScope();
  if ("error" in used || outOfMemory || invalid) gpu.distrust();
  if ("error" in used) throw used.error;
  if (outOfMemory) {
    throw new OutOfMemoryError(
      `The device is out of memory: ${ledger.liveBytes} bytes are live (${outOfMemory.message})`,
    );
  }
  if (invalid) throw new Error(`The GPU reported: ${invalid.message}`);
  return used.result;
}
