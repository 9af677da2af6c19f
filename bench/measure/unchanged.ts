import type { Gpu } from "../../kernels/gpu/device.ts";
import type { DeviceInputs } from "./inputs.ts";

/**
 * What work gives. However it ends, the inputs are then what they were.
 *
 * @throws {Error} If it changed them.
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

/** Why the device is lost, null while it is not. It tells a turn of the event loop later than by its errors. */
export async function lossOf(gpu: Gpu): Promise<string | null> {
  await new Promise((done) => setTimeout(done, 0));
  return gpu.lost === null ? null : `the device is lost: ${gpu.lost}`;
}
