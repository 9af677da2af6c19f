/** Every argument of every public call is replaced by values of every kind. If there is an error, it names the argument. */
// deno-lint-ignore-file no-explicit-any no-sparse-arrays -- hostile values are those that the types forbid
import { assert, assertEquals } from "@std/assert";
import {
  checkActivation,
  countNonFinite,
  explain,
  gatedLinearUnit,
  Gpu,
  NoImplementationError,
  plan,
  requestGpu,
  swiglu,
  swigluExperts,
  swigluExpertsWithGrad,
  swigluWithGrad,
  Tensor,
} from "../../mod.ts";
import { blockOf, disposeAll, withGpu } from "./fixture.ts";

const circular: Record<string, unknown> = {};
circular.self = circular;
const unprintable = {
  [Symbol.toPrimitive]() {
    throw new Error("not to be printed");
  },
  get constructor() {
    throw new Error("not to be asked");
  },
};

const HOSTILE: readonly unknown[] = [
  ...[null, 0, -1, NaN, 1.5, "", "x", true, 10n, Symbol("s"), () => 1, new Map(), new Date(NaN)],
  ...[[], [2, , 3], [2, Symbol("s")], [null], [[2]], { length: 2 }, {}, Object.create(null)],
  ...[circular, [circular], unprintable, [unprintable], new Float32Array(3), new Uint8Array(8)],
];

/** A call with good arguments by name. A name with a dot is a property of an argument. */
interface Entry {
  readonly given: Readonly<Record<string, unknown>>;
  readonly call: (given: any) => unknown;
}

const sizes = { tokens: 2, dim: 4, hiddenDim: 6 };

/** The weights of two experts, and three tokens. */
function twoExperts(gpu: Gpu) {
  const tensor = (...shape: number[]) => Tensor.empty(gpu, shape);
  const weights = { gate: tensor(2, 4, 6), up: tensor(2, 4, 6), down: tensor(2, 6, 4) };
  return { x: tensor(3, 4), weights };
}

function entriesOf(
  gpu: Gpu,
  { x, dy, forms: [weights, combined], gate, up, gateUp }: ReturnType<typeof blockOf>,
  experts: ReturnType<typeof twoExperts>,
) {
  const options = {
    "activation": "silu",
    "precision": "default",
    "implementation": null,
    "memoryBudget": null,
  };
  const storage = { "dtype": "float32", "label": "t" };
  const buffer = x.buffer;
  return {
    "swiglu": {
      given: { gpu, x, weights, options: {} },
      call: ({ gpu, x, weights, options }) => swiglu(gpu, x, weights, options),
    },
    "swiglu, its weights": {
      given: { ...weights },
      call: (weights) => swiglu(gpu, x, weights),
    },
    "swiglu, its combined weights": {
      given: { ...combined },
      call: (weights) => swiglu(gpu, x, weights),
    },
    "swiglu, its options": {
      given: { ...options, encoder: undefined },
      call: (options) => swiglu(gpu, x, weights, options),
    },
    "swigluWithGrad": {
      given: { gpu, x, weights, options: {} },
      call: ({ gpu, x, weights, options }) => swigluWithGrad(gpu, x, weights, options),
    },
    "swigluExperts": {
      given: { gpu, x: experts.x, weights: experts.weights, tokensPerExpert: [2, 1], options: {} },
      call: ({ gpu, x, weights, tokensPerExpert, options }) =>
        swigluExperts(gpu, x, weights, tokensPerExpert, options),
    },
    "swigluExpertsWithGrad, its options": {
      given: { ...options, wrt: ["x"], into: {} },
      call: (options) => swigluExpertsWithGrad(gpu, experts.x, experts.weights, [2, 1], options),
    },
    "backward": {
      given: { dy, options: {} },
      call({ dy, options }) {
        using result = swigluWithGrad(gpu, x, weights);
        using _ = result.y;
        return result.backward(dy, options);
      },
    },
    "gatedLinearUnit": {
      given: { gpu, x, weight: gateUp, options: {} },
      call: ({ gpu, x, weight, options }) => gatedLinearUnit(gpu, x, weight, options),
    },
    "gatedLinearUnit, its weight": {
      given: { gate, up },
      call: (weight) => gatedLinearUnit(gpu, x, weight),
    },
    "gatedLinearUnit, its options": {
      given: { ...options, encoder: undefined },
      call: (options) => gatedLinearUnit(gpu, x, gateUp, options),
    },
    "explain": {
      given: { gpu, problem: sizes, options: {} },
      call: ({ gpu, problem, options }) => explain(gpu, problem, options),
    },
    "explain, its problem": {
      given: { ...sizes, dtype: "float32", activation: "silu", precision: "default" },
      call: (problem) => explain(gpu, problem),
    },
    "plan, its options": {
      given: { ...options, training: true, weightForm: "separate", tokensPerExpert: undefined },
      call: (options) => plan(gpu, sizes, options),
    },
    "Tensor.from": {
      given: { gpu, values: new Float32Array(2), shape: [2], options: {} },
      call: ({ gpu, values, shape, options }) => Tensor.from(gpu, values, shape, options),
    },
    "Tensor.empty": {
      given: { gpu, shape: [2], ...storage },
      call: ({ gpu, shape, ...options }) => Tensor.empty(gpu, shape, options),
    },
    "Tensor.wrap": {
      given: { gpu, buffer, shape: [2], ...storage, byteOffset: 0 },
      call: ({ gpu, buffer, shape, ...options }) => Tensor.wrap(gpu, buffer, shape, options),
    },
    "Tensor.wrap and Tensor.empty, their options": {
      given: { options: {} },
      call: ({ options }) => [Tensor.wrap(gpu, buffer, [2], options), Tensor.empty(gpu, [2], options)],
    },
    "write": { given: { values: new Float32Array(8) }, call: ({ values }) => dy.write(values) },
    "reshape": { given: { shape: [2, 4] }, call: ({ shape }) => void dy.reshape(shape) },
    "submitted": { given: { encoder: null }, call: ({ encoder }) => gpu.submitted(encoder) },
    "Gpu.from": { given: { device: gpu.device }, call: ({ device }) => Gpu.from(device) },
    "requestGpu": { given: { options: {} }, call: ({ options }) => requestGpu(options) },
    "requestGpu, its options": {
      given: { adapter: "high-performance" },
      call: (options) => requestGpu(options),
    },
    "countNonFinite": { given: { gpu, tensor: x }, call: ({ gpu, tensor }) => countNonFinite(gpu, tensor) },
    "checkActivation": { given: { gpu }, call: ({ gpu }) => checkActivation(gpu, "silu") },
  } satisfies Record<string, Entry>;
}

/** The error of a call, or null; what it made is disposed. */
async function errorOf(call: () => unknown): Promise<Error | null> {
  try {
    const made = await call();
    if (made instanceof Tensor || made instanceof Gpu) made.dispose();
    else if (typeof made === "object" && made !== null) {
      disposeAll(made);
      if (Symbol.dispose in made) (made as Disposable)[Symbol.dispose]();
    }
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

Deno.test("whatever an argument is, the error is the library's own and names it", () =>
  withGpu(async (gpu) => {
    const block = blockOf(gpu, sizes);
    const experts = twoExperts(gpu);
    const live = gpu.ledger.liveBytes;
    let refused = 0;
    for (const [entry, { given, call }] of Object.entries<Entry>(entriesOf(gpu, block, experts))) {
      if (entry !== "submitted") assertEquals(await errorOf(() => call(given)), null, entry);
      for (const name of Object.keys(given)) {
        for (const [i, value] of HOSTILE.entries()) {
          const error = await errorOf(() => call({ ...given, [name]: value }));
          if (error === null) continue;
          refused++;
          const about = `${entry}, ${name}, value ${i}: ${error}`;
          assert(error.message.startsWith("Cannot ") && error.message.includes(name), about);
          assert(error.message.length < 500 || error instanceof NoImplementationError, about);
        }
      }
    }
    assert(refused > 1000, `${refused}`);
    assertEquals(gpu.ledger.liveBytes, live);
    disposeAll(block);
    disposeAll({ x: experts.x, ...experts.weights });
  }));

/** An object whose properties are getters, and how often each was asked. */
function watched<T extends object>(of: T): { object: T; reads: Record<string, number> } {
  const reads: Record<string, number> = {};
  class Watched {}
  for (const [name, value] of Object.entries(of)) {
    Object.defineProperty(Watched.prototype, name, {
      get: () => (reads[name] = (reads[name] ?? 0) + 1, value),
    });
  }
  return { object: new Watched() as T, reads };
}

Deno.test("what a caller's object holds is read once, getters of a class too", () =>
  withGpu(async (gpu) => {
    const { forms: [separate, combined], ...block } = blockOf(gpu, sizes);
    const { x, dy, gate, up } = block;
    const square = { wgsl: "x * x", derivative: "2 * x" };
    for (const weights of [separate, combined]) {
      const expected = swigluWithGrad(gpu, x, weights as typeof separate, { activation: square });
      const expectedGradients = expected.backward(dy);
      const reads: Record<string, number>[] = [];
      const watch = <T extends object>(of: T): T => {
        const { object, reads: own } = watched(of);
        reads.push(own);
        return object;
      };
      const options = () =>
        watch(
          {
            activation: watch(square),
            precision: "default",
            implementation: "liger",
            memoryBudget: 1e9,
          } as const,
        );
      const y = swiglu(gpu, x, watch(weights), options());
      const { y: same, backward } = swigluWithGrad(gpu, x, watch(weights) as typeof separate, options());
      const gradients = backward(dy, watch({ encoder: undefined }));
      explain(gpu, watch({ ...sizes, activation: watch(square) }), options());
      for (const each of reads) {
        assert(Object.values(each).every((count) => count === 1), JSON.stringify(each));
      }

      const read = await Promise.all([y, same].map((tensor) => tensor.read()));
      const wanted = await expected.y.read();
      for (const values of read) values.forEach((value, i) => assert(Math.abs(value - wanted[i]) < 1e-4));
      disposeAll([y, same, expected.y, ...[gradients, expectedGradients].flatMap(Object.values)]);
    }
    const { object, reads } = watched({ gate, up });
    const { object: activation, reads: expressions } = watched(square);
    gatedLinearUnit(gpu, x, object, { activation }).dispose();
    assertEquals([reads, expressions], [{ gate: 1, up: 1 }, { wgsl: 1, derivative: 1 }]);
    const { object: storage, reads: asked } = watched({ dtype: "bfloat16", label: "t" } as const);
    using tensor = Tensor.empty(gpu, [2], storage);
    assertEquals([tensor.dtype, asked], ["bfloat16", { dtype: 1, label: 1 }]);
    disposeAll(block);
  }));
