/** Honest variants on many small problems: no check may refuse one. HONEST_SECONDS=600 tries more. */
import { assert, assertEquals } from "@std/assert";
import { ACTIVATIONS } from "../../../kernels/activation.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import { checkRun } from "../../../bench/measure/check.ts";
import { DeviceInputs } from "../../../bench/measure/inputs.ts";
import { completed, referenceOf } from "../../../bench/measure/reference.ts";
import { AWKWARD_SIZES } from "../../../bench/measure/shapes.ts";
import { variants } from "../../../variants/mod.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../../gpu.ts";
import { problemOf } from "./problems.ts";

const gpu = await requestGpu();
const seconds = Number(Deno.env.get("HONEST_SECONDS") ?? 20);

Deno.test("no honest variant is refused, whatever the seed, shape, dtype and activation", async () => {
  const first = freshSeed();
  let checks = 0;
  const end = performance.now() + 1000 * seconds;
  for (let seed = first; performance.now() < end; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const pick = <T>(list: readonly T[]) => list[below(list.length)];
    const { tokens, dim, hiddenDim } = random() < 0.5
      ? pick(AWKWARD_SIZES)
      : { tokens: 1 + below(90), dim: 1 + below(90), hiddenDim: 1 + below(120) };
    const dtype = pick(["float32", "float16", "bfloat16"] as const);
    const problem = { ...problemOf(tokens, dim, hiddenDim, dtype), activation: pick(ACTIVATIONS) };
    const host = randomInputs(problem, seed);
    using inputs = new DeviceInputs(gpu, problem, host);
    const of = { inputs: inputs.for(variants[0]), dy: inputs.dy, training: true };
    const wholeUpTo = random() < 0.5 ? 0 : undefined;
    const reference = await completed(gpu, referenceOf(problem, host, { seed, wholeUpTo }), of);
    for (const variant of [pick(variants), pick(variants)]) {
      if (variant.refuses(problem, gpu.capabilities) !== null) continue;
      const run = { variant, problem, inputs: inputs.for(variant), dy: inputs.dy };
      const { fault } = await checkRun(gpu, run, { training: true, reference, compileTimes: new Map() });
      assertEquals(fault, null, `${variant.id}, seed ${seed}: ${JSON.stringify(problem)}`);
      checks++;
    }
    reference.device?.dispose();
  }
  assert(checks > 0);
});

testNothingLeft(gpu);
