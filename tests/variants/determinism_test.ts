/** A hundred runs of each variant, forward and backward, give the same bits. */
import { assertEquals } from "@std/assert";
import { randomInputs } from "../../bench/oracle/data.ts";
import { variants } from "../../variants/mod.ts";
import { Block, type Problem, release } from "../../variants/variant.ts";
import { freshSeed, PoisonRecorder, readBytes, requestGpu, sha256, testNothingLeft } from "../gpu.ts";
import { formsOf, releaseBlock, uploadBlock } from "./block.ts";

const gpu = await requestGpu();
const RUNS = 100;

/** Runs recorded and read at a time, so that a hundred results are never alive together. */
const BATCH = 25;

const problem: Problem = {
  tokens: 17,
  dim: 64,
  hiddenDim: 128,
  dtype: "float32",
  activation: "silu",
  precision: "default",
};

for (const variant of variants) {
  Deno.test(`${RUNS} runs of ${variant.id} give the same bits`, async () => {
    const seed = freshSeed();
    const form = formsOf(variant)[0];
    const tensors = uploadBlock(gpu, { problem, form, host: randomInputs(problem, seed) });
    const hashes = new Set<string>();
    for (let done = 0; done < RUNS; done += BATCH) {
      const recorder = new PoisonRecorder(gpu, { poison: done % 2 === 0 ? "nan" : "huge" });
      const runs = Array.from({ length: BATCH }, () => {
        const block = new Block(recorder, problem, tensors);
        const { y, saved } = variant.forward(block, true);
        return [y, ...Object.values(variant.backward(block, saved, tensors.dy))];
      });
      recorder.submit();
      const bytes = await readBytes(gpu, runs.flat());
      const each = runs[0].length;
      for (let run = 0; run < BATCH; run++) {
        hashes.add(await sha256(bytes.slice(run * each, (run + 1) * each)));
      }
      release(...runs.flat());
    }
    assertEquals(hashes.size, 1, `different results of equal runs, seed ${seed}`);
    releaseBlock(tensors);
  });
}

testNothingLeft(gpu);
