import type { Capabilities } from "./capabilities.ts";
import type { Dispatch } from "./dispatch.ts";

/**
 * A size exceeds a limit of the device. The message names the limit.
 *
 * @example A binding holds less than a buffer
 * ```ts
 * import { countNonFinite, LimitError, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using tensor = Tensor.empty(gpu, [4, 4]);
 * const count = await countNonFinite(gpu, tensor).catch((error) => {
 *   if (error instanceof LimitError) return null; // too large for one launch on this device
 *   throw error;
 * });
 * console.log(count !== null);
 * ```
 */
export class LimitError extends RangeError {
  /** Tells this error from others. */
  override name = "LimitError";
}

/**
 * Checks a launch against the device's limits. Otherwise it could be refused later, or wrap around silently.
 *
 * @throws {LimitError} If it binds or launches more than the device can.
 */
export function checkLaunch({ kernel, bindings, workgroups }: Dispatch, capabilities: Capabilities): void {
  const most = (name: keyof Capabilities, what: string, value: number) => {
    const limit = capabilities[name] as number;
    if (value <= limit) return;
    throw new LimitError(
      `Cannot launch ${kernel.label} as ${what} must be at most ${limit} (${name}): current value is ${value}`,
    );
  };
  most("maxStorageBuffersPerShaderStage", "its storage buffers", bindings.length);
  for (const { tensor, byteLength = tensor.byteLength } of bindings) {
    most("maxStorageBufferBindingSize", `the bytes bound of ${tensor.label}`, byteLength);
  }
  for (const count of workgroups) {
    most("maxComputeWorkgroupsPerDimension", "its workgroups along one dimension", count);
  }
}
