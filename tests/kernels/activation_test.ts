/** Activations over every 16-bit number and the edges of float32, against float64. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Activation, activationKey, ACTIVATIONS } from "../../kernels/activation.ts";
import { activationWgsl } from "../../kernels/activation_wgsl.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import { decode, type DType } from "../../kernels/gpu/dtype.ts";
import { matrix } from "../../kernels/view.ts";
import { scalarActivation } from "../../bench/oracle/activation.ts";
import { readBytes, record, requestGpu, testNothingLeft, upload } from "../gpu.ts";
import { errorBounds } from "./activation_bounds.ts";

const gpu = await requestGpu();

/** act(x) and act'(x) on the device, in float32 whatever x is stored as. */
async function onDevice(activation: Activation, x: Float32Array, dtype: DType) {
  const tensors = [upload(gpu, x, { dtype }), upload(gpu, x.map(() => NaN)), upload(gpu, x.map(() => NaN))];
  const [input, value, derivative] = tensors.map(matrix);
  record(gpu, (recorder) =>
    elementwise(recorder, {
      label: "act, act'",
      inputs: { x: input },
      outputs: [{ to: value, value: "activate(x)" }, { to: derivative, value: "activate_derivative(x)" }],
      activation,
    }));
  const read = await readBytes(gpu, tensors.slice(1));
  const [values, derivatives] = read.map((bytes) => decode(bytes, "float32", x.length));
  for (const tensor of tensors) tensor.dispose();
  return { values, derivatives };
}

function everyPattern(dtype: DType): Float32Array {
  const patterns = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
  return decode(new Uint8Array(patterns.buffer), dtype, patterns.length);
}

const fromBits = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0];
const LARGEST = fromBits(0x7f7fffff);

/** Subnormals, the smallest normal, where exponentials of float32 end (87.3, 88.7, 103.97), and the largest. */
const MAGNITUDES = [
  0,
  fromBits(1),
  fromBits(0x7fffff),
  2 ** -126,
  1e-30,
  1e-8,
  0.5,
  1,
  1.2784645,
  4,
  9,
  14.15,
  15,
  20,
];
const FAR = [
  44,
  44.4,
  87.3,
  87.4,
  88.7,
  88.8,
  103.9,
  104,
  200,
  1e4,
  2 ** 19,
  1e19,
  1.9e19,
  1e30,
  1e37,
  LARGEST,
];
const EDGES = Float32Array.from([...MAGNITUDES, ...FAR].flatMap((x) => [x, -x]));

/** One pattern of each 32,768, with other low bits each time: 256 numbers of each power of two and sign. */
function dense(): Float32Array {
  const bits = Uint32Array.from({ length: 65536 * 2 }, (_, i) => (i * 32768 + i * 40503 % 32768) >>> 0);
  return new Float32Array(bits.buffer);
}

const INPUTS = [
  { name: "the edges of float32", dtype: "float32", x: EDGES },
  { name: "a dense grid of all float32 numbers", dtype: "float32", x: dense() },
  { name: "all float16 numbers", dtype: "float16", x: everyPattern("float16") },
  { name: "all bfloat16 numbers", dtype: "bfloat16", x: everyPattern("bfloat16") },
] as const;

for (const activation of ACTIVATIONS) {
  for (const { name, dtype, x } of INPUTS) {
    Deno.test(`${activation} and its derivative are finite and right for ${name}`, async () => {
      const { values, derivatives } = await onDevice(activation, x, dtype);
      const exact = scalarActivation(activation);
      let finite = 0;
      for (let i = 0; i < x.length; i++) {
        if (!Number.isFinite(x[i])) continue;
        finite++;
        const bounds = errorBounds(activation, x[i]);
        // A comparison with NaN is false, so that NaN fails too.
        const off = Math.abs(values[i] - exact.value(x[i]));
        assert(off <= bounds.value, `act(${x[i]}) is ${values[i]}, off by ${off}, more than ${bounds.value}`);
        const slope = Math.abs(derivatives[i] - exact.derivative(x[i]));
        const most = bounds.derivative;
        assert(slope <= most, `act'(${x[i]}) is ${derivatives[i]}, off by ${slope}, more than ${most}`);
      }
      assert(finite >= Math.min(x.length, 63488));
    });
  }

  Deno.test(`${activation} and its derivative give for NaN, infinities and zeros what float64 gives`, async () => {
    const x = Float32Array.of(NaN, -NaN, Infinity, -Infinity, 0, -0);
    const exact = scalarActivation(activation);
    for (const dtype of ["float32", "float16", "bfloat16"] as const) {
      const { values, derivatives } = await onDevice(activation, x, dtype);
      x.forEach((at, i) => {
        assertNear(values[i], exact.value(at), `act(${at}) of ${dtype}`);
        assertNear(derivatives[i], exact.derivative(at), `act'(${at}) of ${dtype}`);
      });
    }
  });
}

/** Equal, NaN to NaN and 0 to -0, or within float32's rounding of constants. */
function assertNear(actual: number, expected: number, name: string): void {
  const same = Number.isNaN(expected) ? Number.isNaN(actual) : actual === expected;
  assert(same || Math.abs(actual - expected) < 2 ** -20, `${name} is ${actual}, where ${expected} is right`);
}

Deno.test("sigmoid stays within [0, 1] for every bfloat16, and silu between -0.279 and x", async () => {
  const x = everyPattern("bfloat16").filter(Number.isFinite);
  const { values: sigmoid } = await onDevice("sigmoid", x, "bfloat16");
  assert(sigmoid.every((value) => value >= 0 && value <= 1));
  const { values: silu } = await onDevice("silu", x, "bfloat16");
  assert(silu.every((value, i) => value >= -0.279 && value <= Math.max(0, x[i])));
});

Deno.test("a custom activation is computed from its own text", async () => {
  const squaredRelu = {
    wgsl: "select(x * x, vec4f(0), x < vec4f(0))",
    derivative: "select(2 * x, vec4f(0), x < vec4f(0))",
  };
  const { values, derivatives } = await onDevice(
    squaredRelu,
    Float32Array.of(-3, -0.5, 0, 1.5, 4, NaN),
    "float32",
  );
  assertEquals([...values], [0, 0, 0, 2.25, 16, NaN]);
  assertEquals([...derivatives], [0, 0, 0, 3, 8, NaN]);
});

Deno.test("activations have keys of their own, custom ones by both their texts", () => {
  const custom = { wgsl: "x * x", derivative: "2 * x" };
  const keys = [...ACTIVATIONS, custom, { ...custom, derivative: "x" }, { ...custom, wgsl: "x" }].map(
    activationKey,
  );
  assertEquals(new Set(keys).size, keys.length);
  assertEquals(activationKey({ ...custom }), activationKey(custom));
  assertNotEquals(activationKey({ wgsl: "silu", derivative: "silu" }), "silu");
  const key = (parameters: Record<string, number>) => activationKey({ ...custom, parameters });
  assertEquals([key({ a: 1, b: 2 }), key({})], [key({ b: 3, a: 4 }), activationKey(custom)]);
  assertNotEquals(key({ a: 1 }), key({ b: 1 }));
  assertEquals(activationKey({ name: "clamped_swiglu", limit: 1 }), activationKey("clamped_swiglu"));
});

Deno.test("the text of every activation declares it and its derivative once", () => {
  const custom = { wgsl: "x", derivative: "vec4f(1)" };
  for (const activation of [...ACTIVATIONS, custom, { ...custom, parameters: { beta: 1 } }]) {
    const text = activationWgsl(activation);
    for (const name of ["activate", "activate_derivative"]) {
      assertEquals(text.split(`fn ${name}(x: vec4f) -> vec4f`).length, 2, activationKey(activation));
    }
    assertEquals(activationWgsl(activation), text);
  }
});

testNothingLeft(gpu);
