/**
 * Makes devices of Dawn, Chromium's WebGPU, in Deno. Dawn gives access to tensor cores, which Deno's own WebGPU does
 * not offer yet. mod.ts does not import this entry point, so that nobody downloads Dawn unasked.
 *
 * @module
 */

import { type AdapterChoice, Gpu, NoAdapterError } from "./device.ts";

/** Dawn is missing, or lacks what its device is asked for. */
export class DawnError extends Error {
  /** Tells this error from others. */
  override name = "DawnError";
}

/** The part of the package that is used here. */
interface Dawn {
  create(options: string[]): GPU;
}

/**
 * What Deno calls the package, and what Node does. Not literals in `import()`, as Deno would download them (130 MB) for every
 * program that could reach them.
 */
const PACKAGES = ["npm:webgpu@0.6.2", "webgpu"];

/**
 * Allows experimental features, gives NVIDIA float16, and turns off the rounding of timestamps to 100 us.
 */
const OPTIONS = [
  "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
  "disable-dawn-features=timestamp_quantization",
];

/** Keeps Dawn's instances, because a device ends with the instance that it came from. */
const instances = new WeakMap<Gpu, GPU>();

/**
 * Asks Dawn for a device with the adapter's real limits and features. Deno downloads `npm:webgpu` on first use (MIT;
 * Linux, macOS, Windows); in Node, install `webgpu`.
 *
 * @param options `adapter` as {@linkcode requestGpu} takes it; `subgroupMatrices`: "optional" if a device without
 * them will do. Default: "required".
 * @throws {DawnError} If Dawn cannot be loaded here, or the adapter has no subgroup matrices.
 * @throws {NoAdapterError} If no adapter fits.
 *
 * @example Tensor cores, where there are any
 * ```ts ignore
 * import { requestDawnGpu } from "@swiglu/webgpu/dawn";
 *
 * using gpu = await requestDawnGpu();
 * console.log(gpu.capabilities.subgroupMatrices);
 * ```
 */
export async function requestDawnGpu(
  { adapter: choice = "high-performance", subgroupMatrices = "required" }: {
    adapter?: AdapterChoice;
    subgroupMatrices?: "required" | "optional";
  } = {},
): Promise<Gpu> {
  const instance = await dawn();
  const adapter = await instance.requestAdapter(
    choice === "software" ? { forceFallbackAdapter: true } : { powerPreference: choice },
  );
  if (!adapter) {
    throw new NoAdapterError(
      `Cannot find a WebGPU adapter as none answers Dawn's request: current value of adapter is "${choice}"`,
    );
  }
  const gpu = await Gpu.ofAdapter(adapter);
  instances.set(gpu, instance);
  if (subgroupMatrices === "required" && gpu.capabilities.subgroupMatrices.length === 0) {
    const { name } = gpu.capabilities;
    gpu.dispose();
    throw new DawnError(
      `Cannot use tensor cores as the adapter has no subgroup matrices: current value of adapter is "${name}"`,
    );
  }
  return gpu;
}

/**
 * Dawn's `navigator.gpu`. Its devices end with it.
 *
 * @throws {DawnError} If Dawn cannot be loaded here.
 *
 * @internal
 */
export async function dawn(): Promise<GPU> {
  return (await loadDawn()).create(OPTIONS);
}

async function loadDawn(): Promise<Dawn> {
  const errors: unknown[] = [];
  for (const name of PACKAGES) {
    try {
      return await import(name);
    } catch (error) {
      errors.push(error);
    }
  }
  const reasons = errors.map((error) =>
    String(error instanceof Error ? error.message : error).split("\n")[0]
  );
  throw new DawnError(`Cannot load Dawn (npm:webgpu) on this machine: ${reasons.join("; ")}`, {
    cause: errors[0],
  });
}
