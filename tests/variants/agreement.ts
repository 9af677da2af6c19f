/** A variant agrees with the float64 oracle, and its results depend on nothing but its inputs. */
import { assert } from "@std/assert";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { Gpu } from "../../kernels/gpu/device.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import type { Variant } from "../../variants/variant.ts";
import { freshSeed } from "../gpu.ts";
import type { Fault } from "../planted.ts";
import { type Checked, type NamedProblem, tolerance, wellConditioned } from "./accuracy.ts";
import {
  type BlockOutputs,
  formsOf,
  OUTPUTS,
  releaseBlock,
  runBlock,
  uploadBlock,
  type WeightForm,
} from "./block.ts";

/** Drawn anew each run, so that no variant can live on one lucky seed. */
const seed = freshSeed();

/** A variant with what it computes. */
export interface Case {
  readonly variant: Variant;
  readonly problem: NamedProblem;
  /** All that the variant takes, if not given. */
  readonly forms?: readonly WeightForm[];
  /** What kernels are chosen by, in place of the device's own. */
  readonly capabilities?: Capabilities;
  /** What is wrong with the kernels. */
  readonly fault?: Fault;
}

const drawn = new Map<string, Checked>();

/** Inputs and what must come out: all variants share those of a problem. */
function checkedInputs(problem: NamedProblem): Checked {
  const key = JSON.stringify(problem);
  const known = drawn.get(key) ?? wellConditioned(problem, seed);
  drawn.set(key, known);
  return known;
}

/**
 * Runs a variant over two kinds of poison.
 *
 * @returns The launches of one run.
 * @throws {AssertionError} Naming the output, its error and the seed.
 */
export async function assertAgrees(gpu: Gpu, problemCase: Case): Promise<Dispatch[]> {
  const { variant, problem, forms = formsOf(variant), ...circumstances } = problemCase;
  const { host, expected, seed } = checkedInputs(problem);
  const launches: Dispatch[] = [];
  for (const form of forms) {
    const about = `${form} weights, seed ${seed}`;
    const tensors = uploadBlock(gpu, { problem, form, host });
    try {
      const init = { variant, problem, tensors, ...circumstances };
      const { outputs, dispatches } = await runBlock(gpu, { ...init, poison: "nan" });
      launches.push(...dispatches);
      assertAccurate(outputs, expected, { problem, about });
      assert(same(outputs.inference, outputs.y), `training changes y: ${about}`);
      const again = await runBlock(gpu, { ...init, poison: "huge" });
      for (const name of OUTPUTS) {
        assert(same(again.outputs[name], outputs[name]), `${name} depends on what memory held: ${about}`);
      }
    } finally {
      releaseBlock(tensors);
    }
  }
  return launches;
}

function assertAccurate(
  outputs: BlockOutputs,
  expected: Checked["expected"],
  { problem, about }: { problem: NamedProblem; about: string },
): void {
  for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
    const error = relativeFrobeniusError(outputs[name], expected[name]);
    const limit = tolerance(name, problem);
    assert(error <= limit, `${name} is off by ${error}, more than ${limit}: ${about}`);
  }
}

/** Bit for bit; outputs that were checked hold no NaN. */
function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
