import type { AdapterChoice, Gpu } from "../../kernels/gpu/device.ts";
import { Instruments } from "../timing/instruments.ts";
import { tuneProduct } from "../timing/tune.ts";
import { parseProductKey, type TuningEntry } from "../../kernels/matmul/tuning.ts";
import type { Problem, Variant } from "../../variants/variant.ts";
import { gpuOn } from "./adapter.ts";
import type { WebGpu } from "./job.ts";
import { planRow } from "./row_plan.ts";

/** What to tune, and what to tell while it goes on. */
export interface TuneJob {
  readonly adapter: AdapterChoice;
  readonly webgpu: WebGpu;
  readonly problems: readonly Problem[];
  readonly variants: readonly Variant[];
  /** Called with the adapter's name before the search. */
  readonly onAdapter: (name: string, products: number) => void;
  /** Called with each finished product. */
  readonly onEntry: (entry: TuningEntry) => void;
}

/**
 * Searches the tiles of every matrix product that the variants would launch.
 *
 * @throws {NoAdapterError} If no adapter answers.
 * @throws {DawnError} If Dawn cannot be loaded.
 */
export async function tune(job: TuneJob): Promise<void> {
  const { name, products } = await productsOf(job);
  job.onAdapter(name, products.length);
  for (const product of products) {
    // Each product gets a device of its own, as a candidate that spills registers slows whatever runs after it.
    using gpu: Gpu = await gpuOn(job.webgpu, job.adapter);
    using instruments = await Instruments.create(gpu, { flush: false });
    job.onEntry(await tuneProduct(instruments, parseProductKey(product)));
  }
}

async function productsOf(job: TuneJob): Promise<{ name: string; products: string[] }> {
  using gpu: Gpu = await gpuOn(job.webgpu, job.adapter);
  const rows = job.problems.flatMap((problem) => job.variants.map((variant) => ({ problem, variant })));
  const keys = rows.flatMap((row) => {
    const plan = planRow({ ...row, mode: "full" }, gpu.capabilities);
    return "refusal" in plan ? [] : plan.dispatches.flatMap(({ product }) => product ?? []);
  });
  return { name: gpu.capabilities.name, products: [...new Set(keys)] };
}
