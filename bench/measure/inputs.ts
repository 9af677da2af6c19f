import type { Gpu } from "../../kernels/gpu/device.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { AllocationWatch } from "./allocation.ts";
import type { ProblemSpec } from "./job.ts";
import { isWhole } from "./reference.ts";
import { withErrorScopes } from "./scopes.ts";
import { fingerprints } from "./fingerprint.ts";
import { combineGateUp, type HostInputs, randomInputs } from "../oracle/data.ts";
import { type Inputs, type Problem, release, type Variant } from "../../variants/variant.ts";
import type { Weights } from "../../variants/weights.ts";

/** The form in which a variant takes gate and up without a copy. If it takes either, separate. */
export function weightForm(variant: Variant): "separate" | "combined" {
  return variant.weightForm === "combined" ? "combined" : "separate";
}

/** How a problem's inputs are made. */
export interface InputsOptions {
  readonly problem: ProblemSpec;
  readonly seed: number;
  /** The variants that will compute from them. */
  readonly variants: readonly Variant[];
}

/** The inputs of a problem on a device. Weights are made in a form, separate or combined, when the first variant asks for it. */
export class DeviceInputs {
  readonly dy: Tensor;
  readonly #gpu: Gpu;
  readonly #problem: Problem;
  #host: HostInputs;
  readonly #x: Tensor;
  readonly #down: Tensor;
  readonly #weights = new Map<string, Weights>();
  readonly #watch: AllocationWatch;
  readonly #made: { readonly tensor: Tensor; values(host: HostInputs): Float32Array }[] = [];
  /** Fingerprints of the tensors of `#made`, taken when they were written. */
  #written: readonly string[] = [];

  /** @throws {OutOfMemoryError} If the device has no room for them; nothing is left then. */
  constructor(gpu: Gpu, problem: Problem, host: HostInputs) {
    const { tokens, dim, hiddenDim } = problem;
    this.#gpu = gpu;
    this.#watch = new AllocationWatch(gpu);
    this.#problem = problem;
    this.#host = host;
    try {
      this.#x = this.#upload("x", [tokens, dim], ({ x }) => x);
      this.#down = this.#upload("down", [hiddenDim, dim], ({ down }) => down);
      this.dy = this.#upload("dy", [tokens, dim], ({ dy }) => dy);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Random inputs for these variants, written and sealed.
   *
   * @throws {OutOfMemoryError} If the device, or this process, has no room for them; nothing is left then.
   */
  static async create(gpu: Gpu, { problem, seed, variants }: InputsOptions): Promise<DeviceInputs> {
    const host = hostInputs(problem, seed);
    const made: DeviceInputs[] = [];
    try {
      return await withErrorScopes(gpu, async () => {
        const inputs = new DeviceInputs(gpu, problem, host);
        made.push(inputs);
        for (const variant of variants) inputs.for(variant);
        await inputs.check();
        await inputs.seal();
        await gpu.idle();
        return inputs;
      });
    } catch (error) {
      for (const inputs of made) inputs.dispose();
      throw error;
    }
  }

  /** The same numbers on the CPU. */
  get host(): HostInputs {
    return this.#host;
  }

  /** What a variant computes from. */
  for(variant: Variant): Inputs {
    const form = weightForm(variant);
    const weights = this.#weights.get(form) ?? this.#makeWeights(form);
    this.#weights.set(form, weights);
    return { x: this.#x, weights };
  }

  /** @throws {OutOfMemoryError} If one of the tensors made so far has no memory. */
  check(): Promise<void> {
    return this.#watch.check();
  }

  /** Writes other numbers into the same tensors. */
  async write(host: HostInputs): Promise<void> {
    this.#host = host;
    for (const { tensor, values } of this.#made) tensor.write(values(host));
    await this.seal();
  }

  /** Takes fingerprints of the tensors, so that {@linkcode restore} can tell whether they were changed. */
  async seal(): Promise<void> {
    this.#written = await this.#fingerprints();
  }

  /** Writes the tensors again that were changed since they were written. @returns Their names. */
  async restore(): Promise<string[]> {
    const now = await this.#fingerprints();
    const changed = this.#made.filter((_, i) => now[i] !== this.#written[i]);
    for (const { tensor, values } of changed) tensor.write(values(this.#host));
    return changed.map(({ tensor }) => tensor.label);
  }

  #fingerprints(): Promise<string[]> {
    return fingerprints(this.#gpu, this.#made.map(({ tensor }) => tensor));
  }

  /** Frees all of them. */
  dispose(): void {
    release(...this.#made.map(({ tensor }) => tensor));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #makeWeights(form: "separate" | "combined"): Weights {
    const { dim, hiddenDim } = this.#problem;
    const down = this.#down;
    if (form === "combined") {
      return {
        gateUp: this.#upload(
          "gateUp",
          [dim, 2, hiddenDim],
          ({ gate, up }) => combineGateUp(gate, up, hiddenDim),
        ),
        down,
      };
    }
    const shape = [dim, hiddenDim];
    return {
      gate: this.#upload("gate", shape, ({ gate }) => gate),
      up: this.#upload("up", shape, ({ up }) => up),
      down,
    };
  }

  #upload(label: string, shape: number[], values: (host: HostInputs) => Float32Array): Tensor {
    const { dtype } = this.#problem;
    const create = () => new Tensor(this.#gpu.memory, { shape, dtype, purpose: "input", label });
    const tensor = this.#watch.make(create);
    this.#made.push({ tensor, values });
    tensor.write(values(this.#host));
    return tensor;
  }
}

/** JavaScript's own memory holds 4 GiB, whatever the machine has. */
const MOST_ORACLE_BYTES = 2 * 2 ** 30;

/** Bytes that JavaScript needs for a view of a row. The oracle keeps one for each row of its matrices. */
const VIEW_BYTES = 140;

/**
 * The inputs of a problem that the oracle can check.
 *
 * @throws {OutOfMemoryError} If this process has no room for them, or for the oracle.
 */
export function hostInputs(problem: ProblemSpec, seed: number): HostInputs {
  const { tokens, dim, hiddenDim } = problem;
  // Rows of the weights. A reference that is not sampled also has y, dx and the gradients of the weights.
  const rows = (2 * dim + hiddenDim) + (isWhole(problem) ? 2 * tokens + 2 * dim + hiddenDim : 0);
  if (rows * VIEW_BYTES > MOST_ORACLE_BYTES) {
    throw new OutOfMemoryError(
      `Cannot check the outputs as the float64 oracle would need ${
        rows * VIEW_BYTES
      } bytes for the rows of its ` +
        `matrices, and may have ${MOST_ORACLE_BYTES}`,
    );
  }
  try {
    return randomInputs(problem, seed);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new OutOfMemoryError(`Cannot make the inputs as memory must hold them: ${error.message}`);
  }
}
