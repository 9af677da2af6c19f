import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { emptyInputs } from "../../variants/form.ts";
import type { Mode } from "./shapes.ts";
import type { Problem, Variant } from "../../variants/variant.ts";
import { discard, recordRun } from "./execution.ts";
import { weightForm } from "./inputs.ts";

/** What a row will need and launch. It is known without a device. */
export interface RowPlan {
  /** The variant. In chunks of tokens if it may not use as much memory as it would need for all at once. */
  readonly variant: Variant;
  /** Most bytes at once beyond inputs, weights and dy. */
  readonly peakBytes: number;
  /** The launches of the mode, in order. */
  readonly dispatches: readonly Dispatch[];
  /** The tile of the launch that computes most; null where none has a tile. */
  readonly tile: string | null;
}

/** A row that cannot run. */
export interface Refusal {
  /** Why, as a clause. */
  readonly refusal: string;
  /** True if the variant itself is at fault; false if the problem, the device or a limit forbids the row. */
  readonly fault: boolean;
}

/** What else may forbid a row. */
export interface PlanLimits {
  /** Most bytes at once beyond inputs, weights and dy; null for no limit. */
  readonly memoryBudget: number | null;
}

/** Runs a row on paper: nothing is allocated. */
export function planRow(
  { variant, problem, mode }: { variant: Variant; problem: Problem; mode: Mode },
  capabilities: Capabilities,
  { memoryBudget }: PlanLimits = { memoryBudget: null },
): RowPlan | Refusal {
  const most = memoryBudget ?? Infinity;
  try {
    const refusal = variant.refuses(problem, capabilities);
    if (refusal !== null) return { refusal, fault: false };
    const plan = walk({ variant, problem, mode }, capabilities);
    if (plan.peakBytes <= most) return plan;
    for (const chunked of variant.inChunks?.(problem.tokens) ?? []) {
      const smaller = walk({ variant: chunked, problem, mode }, capabilities);
      if (smaller.peakBytes <= most) return smaller;
    }
    return {
      refusal: `needs ${plan.peakBytes} bytes beyond its inputs and --memory-budget allows ${memoryBudget}`,
      fault: false,
    };
  } catch (error) {
    const refusal = error instanceof Error ? error.message : String(error);
    return { refusal, fault: !(error instanceof LimitError || error instanceof OutOfMemoryError) };
  }
}

function walk(
  { variant, problem, mode }: { variant: Variant; problem: Problem; mode: Mode },
  capabilities: Capabilities,
): RowPlan {
  const plan = new PlanRecorder(capabilities);
  const { ledger } = plan.memory;
  const { dy, ...inputs } = emptyInputs(plan.memory, problem, weightForm(variant));
  let begin = 0;
  const between = () => {
    if (mode !== "backward") return;
    begin = plan.dispatches.length;
    ledger.resetPeak();
  };
  discard(
    recordRun(plan, { variant, problem, inputs, dy }, { training: mode !== "forward", hooks: { between } }),
  );
  const dispatches = plan.dispatches.slice(begin);
  return { variant, peakBytes: ledger.peakBytes, dispatches, tile: mainTile(dispatches) };
}

function mainTile(dispatches: readonly Dispatch[]): string | null {
  const tiled = dispatches.filter(({ tile }) => tile !== undefined);
  return tiled.toSorted((a, b) => b.flops - a.flops).at(0)?.tile ?? null;
}
