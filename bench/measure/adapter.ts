import { DawnError, requestDawnGpu } from "../../kernels/gpu/dawn.ts";
import { type AdapterChoice, Gpu, NoAdapterError } from "../../kernels/gpu/device.ts";
import type { Instruments } from "../timing/instruments.ts";
import type { AdapterFacts, Emit, Job, WebGpu } from "./job.ts";

/** The GPU that a job asks for; null where there is none, which is told by an event. */
export async function requestedGpu({ adapter, webgpu }: Job, emit: Emit): Promise<Gpu | null> {
  try {
    return await gpuOn(webgpu, adapter);
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DawnError)) throw error;
    emit({ type: "no-adapter", message: error.message });
    return null;
  }
}

/** A GPU of one WebGPU. A Dawn without subgroup matrices counts too: it is a second WebGPU, with a compiler of its own. */
export async function gpuOn(webgpu: WebGpu, adapter: AdapterChoice): Promise<Gpu> {
  if (webgpu !== "dawn") return await Gpu.request({ adapter });
  return await requestDawnGpu({ adapter, subgroupMatrices: "optional" });
}

/** What the report says of the adapter. */
export function factsOf({ device, capabilities }: Gpu, { tickNs, resolutionNs }: Instruments): AdapterFacts {
  const { vendor, architecture, description } = device.adapterInfo;
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(capabilities)) {
    if (typeof value === "number") limits[name] = value;
  }
  return {
    vendor,
    architecture,
    device: capabilities.name,
    description,
    software: capabilities.software,
    features: [...device.features].sort(),
    limits,
    timestampPeriodNs: tickNs,
    timestampStepNs: resolutionNs || null,
  };
}
