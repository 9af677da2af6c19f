import type { Gpu } from "../../kernels/gpu/device.ts";
import type { DeviceInputs } from "./inputs.ts";

/**
 * Does work that must leave the inputs as they are. If it changes them they are written again, however the work ends.
 *
 * @returns What the work gives.
 * @throws {Error} If it changed an input.
 */
export async function unchanged<T>(gpu: Gpu, inputs: DeviceInputs, work: () => Promise<T>): Promise<T> {
  const result = await work().catch(async (error) => {
    if (await lossOf(gpu) === null) await inputs.restore();
    throw error;
  });
  const changed = await inputs.restore();
  if (changed.length > 0) throw new Error(`It changed its inputs: ${changed.join(", ")}`);
  return result;
}

/** Why the device is lost, or null. It waits a turn of the event loop, as a loss is told later than the errors that it causes. */
export async function lossOf(gpu: Gpu): Promise<string | null> {
  await new Promise((done) => setTimeout(done, 0));
  return gpu.lost === null ? null : `the device is lost: ${gpu.lost}`;
}
