/** Recomputation in chunks of tokens. With any chunk it is as right as `tuned`, and as small as it promises. */
import { assert, assertEquals } from "@std/assert";
import { bytesPerElement, type DType } from "../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { chunked, inChunks } from "../../variants/chunked.ts";
import { emptyInputs } from "../../variants/form.ts";
import { tuned } from "../../variants/tuned.ts";
import { randomInputs } from "../../bench/oracle/data.ts";
import { oracle, relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { Block, release } from "../../variants/variant.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../gpu.ts";
import { type NamedProblem, tolerance, wellConditioned } from "./accuracy.ts";
import { CAPABILITIES } from "../bench/measure/capabilities.ts";
import { releaseBlock, runBlock, uploadBlock, type WeightForm } from "./block.ts";

const gpu = await requestGpu();

function problemOf(tokens: number, dim: number, hiddenDim: number, dtype: DType): NamedProblem {
  return { tokens, dim, hiddenDim, dtype, activation: "silu", precision: "default" };
}

/** Chunks that divide the tokens, that leave a few, that are larger; rows that vectors fit, and that share words. */
const CASES: readonly { problem: NamedProblem; chunks: readonly number[]; form: WeightForm }[] = [
  { problem: problemOf(36, 64, 32, "float32"), chunks: [18, 36, 100], form: "separate" },
  { problem: problemOf(40, 9, 31, "float32"), chunks: [20], form: "combined" },
  { problem: problemOf(36, 64, 32, "float16"), chunks: [18], form: "separate" },
  { problem: problemOf(36, 64, 32, "bfloat16"), chunks: [18], form: "combined" },
];

for (const { problem, chunks, form } of CASES) {
  for (const chunk of chunks) {
    const { tokens, dim, hiddenDim, dtype } = problem;
    Deno.test(`chunks of ${chunk} of ${tokens} tokens agree with the oracle: ${dtype}, ${dim} x ${hiddenDim}`, async () => {
      const { host, expected, seed } = wellConditioned(problem, freshSeed());
      const tensors = uploadBlock(gpu, { problem, form, host });
      const { outputs } = await runBlock(gpu, { variant: chunked(tuned, chunk), problem, tensors });
      for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
        const error = relativeFrobeniusError(outputs[name], expected[name]);
        const limit = tolerance(name, problem);
        assert(error <= limit, `${name} is off by ${error}, more than ${limit}: seed ${seed}`);
      }
      assertEquals(outputs.inference, outputs.y);
      releaseBlock(tensors);
    });
  }
}

for (const dtype of ["float16", "bfloat16"] as const) {
  Deno.test(`sums over many chunks lose nothing to ${dtype}'s rounding where all that is added has one sign`, async () => {
    const problem = problemOf(16384, 8, 16, dtype);
    const random = randomInputs(problem, 1);
    const host = { ...random, x: random.x.map(Math.abs), dy: random.dy.map(Math.abs) };
    const expected = oracle(problem, host);
    const tensors = uploadBlock(gpu, { problem, form: "separate", host });
    const { outputs } = await runBlock(gpu, { variant: chunked(tuned, 128), problem, tensors });
    for (const name of ["dGate", "dUp", "dDown"] as const) {
      const error = relativeFrobeniusError(outputs[name], expected[name]);
      assert(error <= tolerance(name, problem), `${name} is off by ${error}`);
    }
    releaseBlock(tensors);
  });
}

Deno.test("chunks save nothing and hold no more than y, the gradients and three buffers of a chunk", () => {
  const problem = problemOf(256, 48, 128, "float32");
  const { tokens, dim, hiddenDim, dtype } = problem;
  for (const chunk of [32, 64, 100]) {
    const plan = new PlanRecorder({ ...gpu.capabilities, software: true });
    const { ledger } = plan.memory;
    const tensors = emptyInputs(plan.memory, problem, "separate");
    const block = new Block(plan, problem, tensors);
    const variant = chunked(tuned, chunk);
    const { y, saved } = variant.forward(block, true);
    assertEquals(ledger.live("saved"), 0);
    const gradients = variant.backward(block, saved, tensors.dy);
    const kept = 2 * tokens * dim + 3 * dim * hiddenDim;
    assertEquals(ledger.peakBytes, (kept + 3 * chunk * hiddenDim) * bytesPerElement(dtype));
    assertEquals(ledger.chargedBytes, kept * bytesPerElement(dtype));
    release(y, ...Object.values(gradients));
    assertEquals(ledger.chargedBytes, 0);
  }
});

for (const chunk of [512, 384]) {
  Deno.test(`on a large GPU slices of K take no room beside three buffers of a chunk of ${chunk} either`, () => {
    const problem = problemOf(4096, 4096, 11008, "float32");
    const { tokens, dim, hiddenDim } = problem;
    const plan = new PlanRecorder(CAPABILITIES);
    const tensors = emptyInputs(plan.memory, problem, "separate");
    const block = new Block(plan, problem, tensors);
    const variant = chunked(tuned, chunk);
    const { saved } = variant.forward(block, true);
    variant.backward(block, saved, tensors.dy);
    assert(plan.dispatches.some(({ kernel }) => kernel.label.endsWith("sum of slices")));
    assertEquals(
      plan.memory.ledger.peakBytes,
      4 * (2 * tokens * dim + 3 * dim * hiddenDim + 3 * chunk * hiddenDim),
    );
  });
}

Deno.test("y of training is computed as y of inference, slice by slice", () => {
  for (const [tokens, dim, hiddenDim] of [[192, 512, 64], [256, 1024, 64], [4096, 4096, 11008]]) {
    const problem = problemOf(tokens, dim, hiddenDim, "float32");
    const tiles = (training: boolean) => {
      const plan = new PlanRecorder(CAPABILITIES);
      const block = new Block(plan, problem, emptyInputs(plan.memory, problem, "separate"));
      chunked(tuned, 128).forward(block, training);
      return plan.dispatches.map(({ tile, workgroups }) => [tile, workgroups]);
    };
    assertEquals(tiles(true), tiles(false));
  }
});

Deno.test("chunks are of ever fewer tokens, each three quarters or two thirds of the one before, and 128 at least", () => {
  const sizes = (tokens: number) => inChunks(tuned, tokens).map(({ chunkTokens }) => chunkTokens);
  assertEquals(sizes(4096), [2048, 1536, 1024, 768, 512, 384, 256, 192, 128]);
  assertEquals(sizes(300), [256, 192, 128]);
  assertEquals([sizes(129), sizes(128)], [[128], []]);
});

Deno.test("chunks of few tokens copy no weight into aligned rows: two copies of a chunk at most", () => {
  const problem = problemOf(1000, 515, 517, "float32");
  const peakOf = (chunk: number) => {
    const plan = new PlanRecorder({ ...gpu.capabilities, software: true });
    const tensors = emptyInputs(plan.memory, problem, "separate");
    const block = new Block(plan, problem, tensors);
    const variant = chunked(tuned, chunk);
    const { y, saved } = variant.forward(block, true);
    release(y, ...Object.values(variant.backward(block, saved, tensors.dy)));
    return plan.memory.ledger.peakWorkspaceBytes / 4;
  };
  const weight = 515 * 520;
  for (const chunk of [128, 500]) assertEquals(peakOf(chunk), chunk * (3 * 517 + 520 + 516));
  assertEquals(peakOf(512), 512 * (3 * 517 + 516) + 2 * weight);
});

testNothingLeft(gpu);
