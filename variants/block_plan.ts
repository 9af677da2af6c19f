import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import type { Dispatch } from "../kernels/gpu/dispatch.ts";
import { LimitError } from "../kernels/gpu/limits.ts";
import { OutOfMemoryError } from "../kernels/gpu/memory.ts";
import { PlanRecorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { recordBackward, recordForward } from "./experts.ts";
import { emptyInputs, emptyTargets } from "./form.ts";
import { type Asked, type GradientName, inputOf, type PlannedAsked } from "./gradients.ts";
import { DEFAULT_VARIANT, FALLBACKS, variants } from "./mod.ts";
import type { Options } from "./options.ts";
import { type Inputs, type Problem, type Variant, variantName } from "./variant.ts";
import { namedWeights, type WeightForm } from "./weights.ts";

/**
 * How a variant computes a problem, with the bytes that it takes.
 *
 * @example What a training step of a layer takes
 * ```ts
 * import { plan, type Plan, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const { implementation, savedBytes, peakBytes }: Plan = plan(gpu, { tokens: 64, dim: 32, hiddenDim: 96 });
 * console.log(implementation, savedBytes, peakBytes);
 * ```
 */
export interface Plan {
  /** The variant's id. */
  readonly implementation: string;
  /** Tokens that are computed at a time; null where all are. */
  readonly chunkTokens: number | null;
  /** Kept from forward for backward. */
  readonly savedBytes: number;
  /** The part of `savedBytes` that backward overwrites in place, such as g and u by dg and du. */
  readonly reusedBytes: number;
  /** The most bytes at once beyond x, weights and dy: y, saved, workspace and gradients. */
  readonly peakBytes: number;
  /**
   * The launches in order: what each computes, its tile and why it has that one, FLOP and bytes. The tile is null, and so is
   * why, where there is no choice.
   */
  readonly launches: readonly {
    label: string;
    tile: string | null;
    why: string | null;
    flops: number;
    bytes: number;
  }[];
}

/**
 * A variant that was passed over.
 *
 * @example Reasons
 * ```ts
 * import { explain, type Rejected, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const rejected: readonly Rejected[] = explain(gpu, { tokens: 300, dim: 8, hiddenDim: 24 }, { memoryBudget: 60_000 }).rejected;
 * for (const { implementation, reason } of rejected) console.log(`${implementation}: ${reason}`);
 * ```
 */
export interface Rejected {
  /** The variant's id. */
  readonly implementation: string;
  /** Tokens that it would compute at a time; null where all are. */
  readonly chunkTokens: number | null;
  /** Why it was passed over, as a clause. */
  readonly reason: string;
}

/**
 * The whole decision for a problem.
 *
 * @example The launches of a step
 * ```ts
 * import { explain, type Explanation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const explanation: Explanation = explain(gpu, { tokens: 64, dim: 32, hiddenDim: 96 });
 * console.log(explanation.launches.map(({ label, tile }) => `${label}: ${tile}`));
 * ```
 */
export interface Explanation extends Plan {
  /** What was passed over: first the variants that were tried and cannot run, in order. `explain` adds every other one. */
  readonly rejected: readonly Rejected[];
}

/**
 * No variant can compute a problem. The message lists why each cannot.
 *
 * @example A budget below the floor
 * ```ts
 * import { NoImplementationError, plan, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * try {
 *   plan(gpu, { tokens: 64, dim: 32, hiddenDim: 96 }, { memoryBudget: 1 });
 * } catch (error) {
 *   if (!(error instanceof NoImplementationError)) throw error;
 *   console.log(error.message); // every reason, and the least bytes that would do
 * }
 * ```
 */
export class NoImplementationError extends Error {
  /** Tells this error from others. */
  override name = "NoImplementationError";
}

/** The variant that was chosen, ready to record, and why it was. */
export interface ChosenVariant {
  readonly variant: Variant;
  readonly explanation: Explanation;
}

/** What a choice depends on. */
export interface Wanted {
  readonly capabilities: Capabilities;
  /** Whether backward follows. */
  readonly training: boolean;
  readonly form: WeightForm;
  /** What is asked of the gradients. */
  readonly asked: PlannedAsked;
  /** The tokens of each expert. Default: all tokens have the same weights. */
  readonly tokensPerExpert?: readonly number[];
  readonly options: Pick<Options, "implementation" | "memoryBudget">;
  /** What is tried, in order. Default: the named variant, or else the default and its fallbacks, then these in chunks. */
  readonly candidates?: readonly Variant[];
}

/**
 * Chooses how a problem is computed. Candidates are the named variant, or else the default and its fallbacks. The first
 * that can run and fits the budget is taken. If none does, they are tried again in ever smaller chunks of tokens.
 *
 * @throws {NoImplementationError} If none can. The message has every reason, and the least bytes that would do.
 */
export function choose(problem: Problem, wanted: Wanted): ChosenVariant {
  const { implementation = null, memoryBudget = null } = wanted.options;
  const rejected: Rejected[] = [];
  let floor = Infinity;
  const mostTokens = Math.max(...wanted.tokensPerExpert ?? [problem.tokens]);
  for (const variant of wanted.candidates ?? candidates(mostTokens, implementation)) {
    const { chunkTokens = null } = variant;
    const plan = variant.refuses(problem, wanted.capabilities) ?? planned(problem, variant, wanted);
    if (typeof plan !== "string") {
      if (memoryBudget === null || plan.peakBytes <= memoryBudget) {
        return { variant, explanation: { ...plan, rejected } };
      }
      floor = Math.min(floor, plan.peakBytes);
    }
    const reason = typeof plan === "string"
      ? plan
      : `it needs ${plan.peakBytes} bytes and memoryBudget allows ${memoryBudget}`;
    rejected.push({ implementation: variant.id, chunkTokens, reason });
  }
  const reasons = rejected.map(({ implementation, chunkTokens, reason }) =>
    `${variantName(implementation, chunkTokens)}: ${reason}`
  );
  const least = floor < Infinity ? `; the least that would do is ${floor} bytes` : "";
  throw new NoImplementationError(
    `Cannot compute the block as no implementation can run: ${reasons.join("; ")}${least}`,
  );
}

/**
 * The named variant, or the default and its fallbacks. Then the same in chunks of tokens, if they can be computed so.
 */
function* candidates(tokens: number, implementation: string | null): Generator<Variant> {
  const allowed = implementation === null
    ? [DEFAULT_VARIANT, ...FALLBACKS]
    : variants.filter(({ id }) => id === implementation);
  yield* allowed;
  for (const variant of allowed) yield* variant.inChunks?.(tokens) ?? [];
}

/** The plan of a candidate, or the limit of the device that it exceeds. */
function planned(problem: Problem, variant: Variant, wanted: Wanted): Plan | string {
  try {
    return walked(problem, variant, wanted);
  } catch (error) {
    if (error instanceof LimitError || error instanceof OutOfMemoryError) return error.message;
    throw error;
  }
}

/** Runs the variant's own code with a recorder that only counts. So the plan is exactly what the run will do. */
function walked(problem: Problem, variant: Variant, wanted: Wanted): Plan {
  const { capabilities, training, form, tokensPerExpert } = wanted;
  const recorder = new PlanRecorder(capabilities);
  const kind = { givesHidden: variant.givesHidden, experts: tokensPerExpert?.length };
  const { dy, ...inputs } = emptyInputs(recorder.memory, problem, form, kind);
  const asked = plannedAsked(recorder, inputs, wanted.asked);
  const run = { recorder, variant, problem, inputs, asked, tokensPerExpert };
  const { ledger } = recorder.memory;
  ledger.resetPeak();
  const { saved } = recordForward(run, training);
  const savedBytes = ledger.live("saved");
  const launched = recorder.dispatches.length;
  if (training) recordBackward(run, saved, dy);
  const reused = overwritten(Object.values(saved), recorder.dispatches.slice(launched));
  return {
    implementation: variant.id,
    chunkTokens: variant.chunkTokens ?? null,
    savedBytes,
    reusedBytes: reused.reduce((sum, { byteLength }) => sum + byteLength, 0),
    peakBytes: ledger.peakBytes,
    launches: recorder.dispatches.map(launchOf),
  };
}

/** What is asked, with stand-ins for the tensors that gradients are added to. */
function plannedAsked(recorder: PlanRecorder, { x, weights }: Inputs, { wanted, into }: PlannedAsked): Asked {
  const inputs: Record<string, Tensor> = { x, ...namedWeights(weights) };
  const targets = Object.entries(into).map(([name, dtype]) =>
    [name, { shape: inputs[inputOf(name as GradientName)].shape, dtype }] as const
  );
  return { wanted, into: emptyTargets(recorder.memory, Object.fromEntries(targets)) };
}

/** Those of the tensors that a launch writes. */
function overwritten(tensors: readonly Tensor[], dispatches: readonly Dispatch[]): Tensor[] {
  const written = new Set(
    dispatches.flatMap(({ kernel, bindings }) =>
      bindings.filter((_, i) => kernel.access[i] === "read_write").map(({ tensor }) => tensor)
    ),
  );
  return tensors.filter((tensor) => written.has(tensor));
}

function launchOf({ kernel, tile, why, flops, bytes }: Dispatch) {
  return { label: kernel.label, tile: tile ?? null, why: why ?? null, flops, bytes };
}
