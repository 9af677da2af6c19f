import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { ACTIVATIONS } from "../../../kernels/activation.ts";
import { columnRange, matrix } from "../../../kernels/view.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { deviceNorms } from "../../../bench/measure/device_norms.ts";
import { DeviceReference } from "../../../bench/measure/device_reference.ts";
import { DeviceInputs } from "../../../bench/measure/inputs.ts";
import { normsOf } from "../../../bench/measure/norms.ts";
import { compared, completed, errorsOf, referenceOf } from "../../../bench/measure/reference.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { problemOf, variantOf } from "./problems.ts";

const gpu = await requestGpu();

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  Deno.test(`the reference on the device agrees with the oracle, whole, in ${dtype}`, async () => {
    for (
      const [tokens, dim, hiddenDim, id] of [[1, 1, 1, "pytorch"], [
        35,
        17,
        300,
        "alphafold3-combined",
      ]] as const
    ) {
      for (const activation of tokens === 1 ? ["silu" as const] : ACTIVATIONS) {
        const problem = { ...problemOf(tokens, dim, hiddenDim, dtype), activation };
        const host = randomInputs(problem, 7);
        using inputs = new DeviceInputs(gpu, problem, host);
        const of = { inputs: inputs.for(variantOf(id)), dy: inputs.dy, training: true };
        const device = await DeviceReference.create(gpu, { problem, ...of });
        const errors = errorsOf(await compared(device.outputs, referenceOf(problem, host, { seed: 7 })));
        device.dispose();
        for (const [name, error] of Object.entries(errors)) {
          assert(error! < 3e-6, `${activation} ${name}: ${error}`);
        }
      }
    }
  });

  Deno.test(`the device's norms of rows and columns are those of the CPU, in ${dtype}`, async () => {
    for (const [rows, cols] of [[1, 1], [3, 1100], [2100, 5], [65, 67]]) {
      const random = (seed: number) => randomInputs({ tokens: rows, dim: cols, hiddenDim: 1, dtype }, seed).x;
      const [a, e] = [random(1), random(2)];
      const make = (label: string, dtype: "float32" | "float16" | "bfloat16") =>
        new Tensor(gpu.memory, { shape: [rows, cols], dtype, purpose: "internal", label });
      using actual = make("actual", dtype);
      using expected = make("expected", "float32");
      actual.write(a);
      expected.write(e);
      const norms = await deviceNorms(gpu, matrix(actual), matrix(expected));
      const own = normsOf(a, e, cols);
      for (const by of ["rows", "columns"] as const) {
        for (const sum of ["error", "own"] as const) {
          norms[by][sum].forEach((value, i) => assertAlmostEquals(value / own[by][sum][i], 1, 1e-4));
        }
      }
      const part = columnRange(matrix(actual), 0, 1);
      const first = await deviceNorms(gpu, part, columnRange(matrix(expected), 0, 1));
      assertAlmostEquals(first.columns.error[0] / own.columns.error[0], 1, 1e-4);
      a[a.length - 1] = NaN;
      actual.write(a);
      const broken = await deviceNorms(gpu, matrix(actual), matrix(expected));
      assertEquals([broken.rows.error.at(-1), broken.columns.error.at(-1)], [Infinity, Infinity]);
    }
  });
}

Deno.test("where a reference on the device has no room, the samples stay alone and say so", async () => {
  const problem = problemOf(16, 16, 16);
  const host = randomInputs(problem, 7);
  using inputs = new DeviceInputs(gpu, problem, host);
  const reference = referenceOf(problem, host, { seed: 7, wholeUpTo: 0 });
  const of = { inputs: inputs.for(variantOf("pytorch")), dy: inputs.dy, training: true };
  const capabilities = { ...gpu.capabilities, maxStorageBufferBindingSize: 512 };
  const small = new Proxy(gpu, {
    get: (_, name) => {
      if (name === "capabilities") return capabilities;
      const value = Reflect.get(gpu, name);
      return typeof value === "function" ? value.bind(gpu) : value;
    },
  });
  const { device, gap } = await completed(small, reference, of);
  assertEquals(device, null);
  assertStringIncludes(gap!, "only 6 tokens and 8 hidden units are compared: Cannot bind");
});

testNothingLeft(gpu);
