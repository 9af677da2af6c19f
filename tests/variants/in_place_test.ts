/** Which gradient overwrites which buffer. Variants that overwrite do it where their originals do. */
import { assert } from "@std/assert";
import { decode } from "../../kernels/gpu/dtype.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { scalarActivation } from "../../bench/oracle/activation.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { Block, type Problem, release } from "../../variants/variant.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../gpu.ts";
import { LANDS } from "./overwriting.ts";
import { releaseBlock, uploadBlock, variantOf } from "./block.ts";

const gpu = await requestGpu();

/** No other tensor of a run has T x H elements, so that no buffer of g or u is reused. */
const problem: Problem = {
  tokens: 7,
  dim: 3,
  hiddenDim: 41,
  dtype: "float32",
  activation: "silu",
  precision: "default",
};

/** dg = dh u act'(g) and du = dh act(g), in float64. */
function hiddenGradients({ x, gate, up, down, dy }: HostInputs): { dg: Float64Array; du: Float64Array } {
  const { tokens, dim, hiddenDim } = problem;
  const { value, derivative } = scalarActivation("silu");
  const dg = new Float64Array(tokens * hiddenDim), du = new Float64Array(tokens * hiddenDim);
  for (let i = 0; i < dg.length; i++) {
    const token = Math.floor(i / hiddenDim), unit = i % hiddenDim;
    let g = 0, u = 0, dh = 0;
    for (let d = 0; d < dim; d++) {
      g += x[token * dim + d] * gate[d * hiddenDim + unit];
      u += x[token * dim + d] * up[d * hiddenDim + unit];
      dh += dy[token * dim + d] * down[unit * dim + d];
    }
    dg[i] = dh * u * derivative(g);
    du[i] = dh * value(g);
  }
  return { dg, du };
}

for (const { id, inG, inU } of LANDS) {
  Deno.test(`${id} writes ${inG} over g and ${inU} over u`, async () => {
    const variant = variantOf(id);
    const seed = freshSeed();
    const host = randomInputs(problem, seed);
    const tensors = uploadBlock(gpu, { problem, form: "separate", host });
    const recorder = new GpuRecorder(gpu);
    const block = new Block(recorder, problem, tensors);
    const { y, saved } = variant.forward(block, true);
    const { buffer: g } = saved.g, { buffer: u } = saved.u;
    const gradients = variant.backward(block, saved, tensors.dy);
    recorder.submit();
    const expected = hiddenGradients(host);
    for (const [name, buffer, gradient] of [["g", g, inG], ["u", u, inU]] as const) {
      const bytes = await gpu.memory.download(buffer, 0, buffer.size);
      const actual = decode(bytes, "float32", problem.tokens * problem.hiddenDim);
      const error = relativeFrobeniusError(actual, expected[gradient]);
      assert(error < 1e-5, `${name}'s buffer is off ${gradient} by ${error}, seed ${seed}`);
    }
    release(y, ...Object.values(gradients));
    releaseBlock(tensors);
    gpu.check();
  });
}

testNothingLeft(gpu);
