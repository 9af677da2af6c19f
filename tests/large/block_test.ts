/** Forward and backward of a block whose residuals are just below the limit of a binding, checked as bench.ts does. */
import { assertEquals } from "@std/assert";
import { randomInputs } from "../../bench/oracle/data.ts";
import { checkRun } from "../../bench/measure/check.ts";
import { DeviceInputs } from "../../bench/measure/inputs.ts";
import { referenceOf } from "../../bench/measure/reference.ts";
import { requestGpu, testNothingLeft } from "../gpu.ts";
import { variantOf } from "../variants/block.ts";
import { problemOf } from "../bench/measure/problems.ts";
import { testOf } from "./room.ts";

const gpu = await requestGpu();
const { software, maxStorageBufferBindingSize: binding } = gpu.capabilities;

// llvmpipe leaves a loop after 65,535 turns (Mesa's LP_MAX_TGSI_LOOP_ITERATIONS): fewer tokens than 8 times that.
const [dim, hiddenDim] = software ? [16, 96] : [128, 512];
const tokens = Math.floor((binding - 1) / (4 * hiddenDim));

const name = `a block of ${tokens} tokens, whose g and u are just below the limit of a binding`;
await testOf(gpu, { name, bytes: 4 * tokens * (8 * hiddenDim + 4 * dim) }, async () => {
  const problem = problemOf(tokens, dim, hiddenDim);
  const host = randomInputs(problem, 4);
  const reference = referenceOf(problem, host, { seed: 5 });
  using inputs = new DeviceInputs(gpu, problem, host);
  for (const variant of ["pytorch", "tuned"].map(variantOf)) {
    const run = { variant, problem, inputs: inputs.for(variant), dy: inputs.dy };
    const { fault } = await checkRun(gpu, run, { training: true, reference, compileTimes: new Map() });
    assertEquals(fault, null, variant.id);
    gpu.memory.trim();
  }
});

testNothingLeft(gpu);
