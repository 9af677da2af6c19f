import type { ActivationName } from "../../kernels/activation.ts";
import { type Mode, parseDimension, parseSizes } from "./shapes.ts";
import { type Group, idOn, type Job, type NumberType, type ProblemSpec, type WebGpu } from "./job.ts";

/** A job as a command line asks for it: lists of sizes, variants and so on, of which every combination is measured. */
export interface Request
  extends Pick<Job, "adapter" | "seed" | "flush" | "minTimeMs" | "samples" | "memoryBudget" | "dryRun"> {
  /** Null for a random one. */
  readonly checkSeed: number | null;
  /** The list of sizes as written; null to pick sizes by what the adapter can do. */
  readonly sizes: string | null;
  /** T as written, for sizes that leave it open and for sizes that are picked; null if none was given. */
  readonly tokens: string | null;
  readonly variants: readonly string[];
  readonly webgpus: readonly WebGpu[];
  readonly modes: readonly Mode[];
  readonly dtypes: readonly ProblemSpec["dtype"][];
  readonly precisions: readonly ProblemSpec["precision"][];
  /** Name of a built-in activation. */
  readonly activation: string;
}

/**
 * The problems that a request asks for: every size in every dtype and precision. Null where it gives no sizes.
 *
 * @throws {ArgumentError} If a size or the number of tokens is malformed.
 */
export function problemsOf(request: Request): ProblemSpec[] | null {
  const activation = request.activation as ActivationName;
  if (request.sizes === null) return null;
  const sizes = parseSizes(request.sizes, { tokens: tokensOf(request) ?? undefined });
  return typesOf(request).flatMap((type) => sizes.map((size) => ({ ...size, ...type, activation })));
}

/** Every dtype in every precision. Of precisions that compute a dtype alike, the first is measured. */
function typesOf({ dtypes, precisions }: Request): NumberType[] {
  return dtypes.flatMap((dtype) => alikeFor(dtype, precisions).map(([precision]) => ({ dtype, precision })));
}

/** The precisions, each once, by how they compute a dtype's products: see `Precision`. */
function alikeFor(
  dtype: NumberType["dtype"],
  precisions: Request["precisions"],
): NumberType["precision"][][] {
  const asDefault = {
    float32: ["default"],
    float16: ["default", "tf32", "fastest", "strassen"],
    bfloat16: ["default", "tf32", "fastest", "strassen", "float16-sums"],
  }[dtype];
  const methodOf = (precision: string) => asDefault.includes(precision) ? "default" : precision;
  return [...Map.groupBy(new Set(precisions), methodOf).values()];
}

/** What a list of precisions repeats and is not measured again, as a line for people; null for nothing. */
export function repeatsLine(request: Request): string | null {
  const left = request.dtypes.flatMap((dtype) =>
    alikeFor(dtype, request.precisions)
      .filter((alike) => alike.length > 1)
      .map(([first, ...repeats]) => `${dtype} in ${repeats.join(" and ")} is computed as in ${first}`)
  );
  return left.length === 0 ? null : `${left.join(", ")}: not measured again`;
}

function tokensOf({ tokens }: Request): number | null {
  return tokens === null ? null : parseDimension("--tokens", tokens);
}

/**
 * The job that a request asks for: every problem is a group, with every variant in every mode.
 *
 * @throws {ArgumentError} If a size or the number of tokens is malformed.
 */
export function jobOf(request: Request): Job {
  const { adapter, seed, flush, minTimeMs, samples, memoryBudget, dryRun } = request;
  const ids = request.webgpus.flatMap((webgpu) => request.variants.map((id) => idOn(webgpu, id)));
  const rows = request.modes.flatMap((mode) => ids.map((variant) => ({ variant, mode })));
  const groups = problemsOf(request)?.map((problem): Group => ({ problem, rows })) ?? null;
  const problem = { activation: request.activation as ActivationName };
  const automatic = { problem, tokens: tokensOf(request), types: typesOf(request), rows };
  return {
    adapter,
    webgpu: request.webgpus[0],
    groups,
    automatic,
    tuning: null,
    ceilings: null,
    seed,
    checkSeed: request.checkSeed ?? crypto.getRandomValues(new Uint32Array(1))[0],
    flush,
    minTimeMs,
    samples,
    memoryBudget,
    dryRun,
  };
}
