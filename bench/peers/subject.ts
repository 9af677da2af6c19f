import { encode } from "../../kernels/gpu/dtype.ts";
import { randomInputs } from "../oracle/data.ts";
import type { Errors, ProblemSpec } from "../measure/job.ts";
import { type Reference, referenceOf, type ReferenceOptions } from "../measure/reference.ts";
import { relativeFrobeniusError } from "../oracle/mod.ts";
import type { Mode } from "../measure/shapes.ts";
import { INPUTS, OUTPUTS } from "./peer.ts";

/** One problem as peers find it: inputs as files, the same bytes for all, and the reference for what they answer. */
export class Subject {
  readonly problem: ProblemSpec;
  /** Where the inputs lie and the outputs go. */
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
   * How far the outputs that a peer wrote are from the reference; backward is not asked for y.
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

  /** Removes what the last peer wrote, so that it cannot pass for what another did not write. */
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
