import type { Gpu } from "../../kernels/gpu/device.ts";
import { variantName } from "../../variants/variant.ts";
import { type CheckedRun, checkRun, checkTimed, type CompileTimes } from "./check.ts";
import type { DeviceInputs } from "./inputs.ts";
import type { ProblemSpec } from "./job.ts";
import { completed, type Reference, referenceOf } from "./reference.ts";
import type { CheckedRow, ProfiledRow, RunnableRow } from "./row.ts";
import { unchanged } from "./unchanged.ts";

/** What the rows of a problem are checked with. */
export interface CheckOptions {
  readonly gpu: Gpu;
  readonly problem: ProblemSpec;
  readonly inputs: DeviceInputs;
  /** Decides which tokens and units of a large problem the oracle computes. */
  readonly seed: number;
  /** Multiply-adds up to which the oracle computes all outputs; its own limit if not given. */
  readonly wholeUpTo?: number;
  readonly compileTimes: CompileTimes;
}

/** Checks rows against the reference of the numbers that the inputs hold now. */
export class RowChecks {
  readonly #options: CheckOptions;
  readonly #reference: Reference;
  /** By variant and whether it trains: backward and full share one run. */
  readonly #runs = new Map<string, Promise<CheckedRun>>();

  private constructor(options: CheckOptions, reference: Reference) {
    this.#options = options;
    this.#reference = reference;
  }

  /** Computes what these rows will be compared with. A large problem's reference is on the device too. */
  static async create(options: CheckOptions, rows: readonly RunnableRow[]): Promise<RowChecks> {
    const { gpu, problem, inputs } = options;
    const training = rows.some(({ spec }) => spec.mode !== "forward");
    const init = { inputs: inputs.for(rows[0].plan.variant), dy: inputs.dy, training };
    return new RowChecks(options, await completed(gpu, referenceOf(problem, inputs.host, options), init));
  }

  /** Runs a row once and compares its outputs. @throws {Error} If they are wrong. */
  async check({ spec, plan }: RunnableRow): Promise<CheckedRow> {
    const { gpu, problem, inputs, compileTimes } = this.#options;
    const { variant } = plan;
    const run = { variant, problem, inputs: inputs.for(variant), dy: inputs.dy };
    const training = spec.mode !== "forward";
    const key = `${variantName(variant.id, variant.chunkTokens)} ${training}`;
    const checking = this.#runs.get(key) ??
      unchanged(
        gpu,
        inputs,
        () => checkRun(gpu, run, { training, reference: this.#reference, compileTimes }),
      );
    this.#runs.set(key, checking);
    const checked = await checking;
    if (checked.fault !== null) throw new Error(checked.fault);
    return { spec, plan, problem, run, checked };
  }

  /** Runs a row once more exactly as it was timed, and compares its outputs. @throws {Error} If they are wrong. */
  async checkAgain({ run, spec: { mode }, plan: { dispatches: planned } }: ProfiledRow): Promise<void> {
    const { gpu, inputs } = this.#options;
    const fault = await unchanged(
      gpu,
      inputs,
      () => checkTimed(gpu, { run, mode, planned }, this.#reference),
    );
    if (fault !== null) throw new Error(`After it was timed, on other inputs, ${fault}`);
  }

  /** Frees what is on the device to compare with. */
  dispose(): void {
    this.#reference.device?.dispose();
  }
}
