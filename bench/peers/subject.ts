import { encode } from "../../kernels/gpu/dtype.ts";
import { randomInputs } from "../oracle/data.ts";
import type { Errors, ProblemSpec } from "../measure/job.ts";
import { type Reference, referenceOf, type ReferenceOptions } from "../measure/reference.ts";
import { relativeFrobeniusError } from "../oracle/mod.ts";
import type { Mode } from "../measure/shapes.ts";
import { INPUTS, OUTPUTS } from "./peer.ts";

/** One problem as peers get it: inputs as files, which are the same for all, and the reference for their outputs. */
export class Subject {
  readonly problem: ProblemSpec;
  /** The folder of the inputs and outputs. */
  readonly folder: string;
  readonly reference: Reference;

  /** Makes the inputs of a seed, writes them into a new folder, and computes the reference. */
  constructor(problem: ProblemSpec, options: ReferenceOptions) {
    const inputs = randomInputs(problem, options.seed);
    this.problem = problem;
    this.folder = Deno.makeTempDirSync({ prefix: "swiglu-peers-" });
    try {
      for (const name of INPUTS) {
        Deno.writeFileSync(`${this.folder}/${name}.bin`, encode(inputs[name], problem.dtype));
      }
      this.reference = referenceOf(problem, inputs, options);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * How far the outputs that a peer wrote are from the reference. Backward need not write y.
   *
   * @throws {RangeError} If an output has another number of elements.
   * @throws {Deno.errors.NotFound} If an output is missing.
   */
  errorsOf(mode: Mode): Errors {
    const errors: Record<keyof Errors, number | null> = {
      y: null,
      dx: null,
      dGate: null,
      dUp: null,
      dDown: null,
    };
    for (const name of OUTPUTS) {
      if (name === "y" ? mode === "backward" : mode === "forward") continue;
      const { buffer } = Deno.readFileSync(`${this.folder}/${mode}-${name}.bin`);
      errors[name] = relativeFrobeniusError(new Float32Array(buffer), this.reference.expected[name]);
    }
    return errors;
  }

  /** Removes the outputs of the last peer, so that they cannot pass for those of the next one. */
  clearOutputs(): void {
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      if (!INPUTS.some((input) => name === `${input}.bin`)) {
        Deno.removeSync(`${this.folder}/${name}`, { recursive: true });
      }
    }
  }

  /** Removes all files. */
  dispose(): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
