/** Blocks of experts: each expert's tokens and gradients are those of its own block, by the float64 oracle. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type ExpertsOptions,
  explain,
  type Gpu,
  plan,
  swiglu,
  swigluExperts,
  swigluExpertsWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { bytesPerElement, type DType, DTYPES } from "../../kernels/gpu/dtype.ts";
import {
  formName,
  WEIGHT_FORMS,
  type WeightForm,
  type Weights,
  weightShapes,
  weightsOf,
} from "../../variants/weights.ts";
import { freshSeed } from "../gpu.ts";
import { assertNear, disposeAll, withGpu } from "./fixture.ts";
import { stored } from "./weight_forms.ts";

/** Rounding of what is stored, and of g, u and h on the way. */
const TOLERANCE = { float32: 1e-5, float16: 4e-3, bfloat16: 3e-2 } as const;

/** Sizes with the tokens of each expert. */
interface Mixture {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly tokensPerExpert: readonly number[];
}

/** No part begins where a binding may, but for the first; in 16 bits, parts end within a word. */
const ODD: Mixture = { dim: 7, hiddenDim: 9, tokensPerExpert: [3, 0, 5, 1] };

/** Weights can be bound where they are. Tokens can or cannot: 64 elements are 256 bytes, or 128 in 16 bits. */
const EVEN: Mixture = { dim: 64, hiddenDim: 32, tokensPerExpert: [0, 2, 3, 4] };

const tokensOf = ({ tokensPerExpert }: Mixture) => tokensPerExpert.reduce((sum, count) => sum + count, 0);

/** Tensors of all experts, and what comes out: numbers of one expert after those of another. */
interface Experts {
  readonly gpu: Gpu;
  readonly mixture: Mixture;
  readonly form: WeightForm;
  readonly hosts: readonly HostInputs[];
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly weights: Weights;
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** By "y", "dx" and the gradients of the weights' tensors. */
  readonly expected: Readonly<Record<string, Float64Array>>;
}

const joined = (parts: readonly ArrayLike<number>[]) =>
  Float64Array.from(parts.flatMap((part) => Array.from(part)));

function expertsOf(
  gpu: Gpu,
  { mixture, form, dtype = "float32", weightDtype = dtype }: {
    mixture: Mixture;
    form: WeightForm;
    dtype?: DType;
    weightDtype?: DType;
  },
): Experts {
  const { dim, hiddenDim, tokensPerExpert } = mixture;
  const seed = freshSeed();
  // Numbers that both types hold.
  const narrow = dtype === "float32" ? weightDtype : dtype;
  const hosts = tokensPerExpert.map((tokens, i) =>
    randomInputs({ tokens, dim, hiddenDim, dtype: narrow }, seed + i)
  );
  const results = hosts.map((host, i) =>
    oracle({ tokens: tokensPerExpert[i], dim, hiddenDim, activation: "silu" }, host)
  );
  const tokens = tokensOf(mixture);
  const make = (values: Float64Array, shape: readonly number[], label: string, own: DType) =>
    Tensor.from(gpu, values, shape, { dtype: own, label });
  const weightsOfAll = hosts.map((host) => stored(form, host, mixture));
  const gradients = results.map(({ dGate, dUp, dDown }) =>
    stored(form, { gate: dGate, up: dUp, down: dDown }, mixture)
  );
  const shapes = Object.entries(weightShapes(form, mixture));
  const tensors = Object.fromEntries(shapes.map(([name, shape]) => [
    name,
    make(joined(weightsOfAll.map((own) => own[name])), [hosts.length, ...shape], name, weightDtype),
  ]));
  const ofWeights = shapes.map(([name]) => [
    `d${name[0].toUpperCase()}${name.slice(1)}`,
    joined(gradients.map((own) => own[name])),
  ]);
  return {
    ...{ gpu, mixture, form, hosts, tensors },
    x: make(joined(hosts.map(({ x }) => x)), [tokens, dim], "x", dtype),
    dy: make(joined(hosts.map(({ dy }) => dy)), [tokens, dim], "dy", dtype),
    weights: weightsOf(form, tensors),
    expected: {
      y: joined(results.map(({ y }) => y)),
      dx: joined(results.map(({ dx }) => dx)),
      ...Object.fromEntries(ofWeights),
    },
  };
}

function release({ x, dy, tensors }: Experts): void {
  disposeAll({ x, dy });
  disposeAll(tensors);
}

/** Runs the experts, and compares all that they give with the oracle, and their bytes with the plan. */
async function check(experts: Experts, options: ExpertsOptions = {}): Promise<void> {
  const { gpu, mixture, form, x, dy, weights, tensors, expected } = experts;
  const { tokensPerExpert, ...sizes } = mixture;
  const weightDtype = Object.values(tensors)[0].dtype;
  const tolerance = TOLERANCE[x.dtype === "float32" ? weightDtype : x.dtype];
  const problem = { ...sizes, tokens: tokensOf(mixture), dtype: x.dtype, weightDtype };
  const { parts: weightForm, layout, interleaved } = form;
  const how = { ...options, weightForm, layout, interleaved, tokensPerExpert };
  const about = `${formName(form)}, ${JSON.stringify(options)}`;
  const { ledger } = gpu.memory;
  ledger.resetPeak();
  const { y, backward } = swigluExpertsWithGrad(gpu, x, weights, tokensPerExpert, options);
  const savedBytes = ledger.live("saved");
  const gradients = backward(dy) as unknown as Record<string, Tensor>;
  const planned = explain(gpu, problem, how);
  assertEquals([savedBytes, ledger.peakBytes], [planned.savedBytes, planned.peakBytes], about);
  const others = ledger.chargedBytes;
  ledger.resetPeak();
  const inference = swigluExperts(gpu, x, weights, Uint32Array.from(tokensPerExpert), options);
  const { peakBytes } = plan(gpu, problem, { ...how, training: false });
  assertEquals(ledger.peakBytes - others, peakBytes, about);
  try {
    const { y: expectedY, ...slopes } = expected;
    assertEquals(Object.keys(gradients).sort(), Object.keys(slopes).sort());
    for (const tensor of [y, inference]) await assertNear(tensor, expectedY, tolerance);
    for (const [name, values] of Object.entries(slopes)) {
      const of = name === "dx" ? x : tensors[name[1].toLowerCase() + name.slice(2)];
      assertEquals([gradients[name].shape, gradients[name].dtype], [of.shape, of.dtype]);
      await assertNear(gradients[name], values, tolerance);
    }
  } finally {
    disposeAll({ y, inference, ...gradients });
  }
}

for (const form of WEIGHT_FORMS) {
  for (const dtype of DTYPES) {
    Deno.test(`experts with ${formName(form)} weights of ${dtype} are blocks of their own, in planned bytes`, () =>
      withGpu(async (gpu) => {
        for (const mixture of [ODD, EVEN]) {
          const experts = expertsOf(gpu, { mixture, form, dtype });
          await check(experts);
          release(experts);
        }
      }));
  }
}

const [SEPARATE] = WEIGHT_FORMS;

for (const narrow of ["float16", "bfloat16"] as const) {
  Deno.test(`experts take weights of ${narrow} with float32 tokens, and the reverse`, () =>
    withGpu(async (gpu) => {
      for (const [dtype, weightDtype] of [["float32", narrow], [narrow, "float32"]] as const) {
        const experts = expertsOf(gpu, { mixture: ODD, form: SEPARATE, dtype, weightDtype });
        await check(experts);
        release(experts);
      }
    }));
}

Deno.test("every implementation computes experts, and every precision", () =>
  withGpu(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    for (const { id: implementation } of variants) await check(experts, { implementation });
    for (const precision of ["highest", "strassen"] as const) await check(experts, { precision });
    release(experts);
  }));

Deno.test("no expert's rows depend on another's: they are those of its block alone, to the bit", () =>
  withGpu(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    const { mixture: { dim, hiddenDim, tokensPerExpert }, hosts, x, weights } = experts;
    using y = swigluExperts(gpu, x, weights, tokensPerExpert);
    const rows = [...await y.read()];
    for (const [i, tokens] of tokensPerExpert.entries()) {
      const make = (values: Float32Array, ...shape: number[]) => Tensor.from(gpu, values, shape);
      const own = {
        gate: make(hosts[i].gate, dim, hiddenDim),
        up: make(hosts[i].up, dim, hiddenDim),
        down: make(hosts[i].down, hiddenDim, dim),
      };
      const rowsOfX = make(hosts[i].x, tokens, dim);
      const alone = swiglu(gpu, rowsOfX, own);
      assertEquals(rows.splice(0, tokens * dim), [...await alone.read()]);
      disposeAll({ ...own, rowsOfX, alone });
    }
    assertEquals(rows, []);
    release(experts);
  }));

for (const dtype of DTYPES) {
  for (const mixture of [ODD, EVEN]) {
    Deno.test(`gradients of ${dtype} experts by chosen inputs are new, or added to tensors: D is ${mixture.dim}`, () =>
      withGpu(async (gpu) => {
        for (const form of [SEPARATE, WEIGHT_FORMS.find(({ interleaved }) => interleaved)!]) {
          const experts = expertsOf(gpu, { mixture, form, dtype });
          const { x, dy, weights, tensors, expected } = experts;
          const { dim, hiddenDim, tokensPerExpert } = mixture;
          for (const name of ["x", ...Object.keys(tensors)]) {
            const gradient = `d${name[0].toUpperCase()}${name.slice(1)}`.replace("dX", "dx");
            for (const own of new Set<DType | null>([null, dtype, "float32"])) {
              const { shape } = name === "x" ? x : tensors[name];
              const start = (i: number) => own === null ? 0 : (i % 7 - 3) / 4;
              const values = expected[gradient].map((_, i) => start(i));
              const into: Record<string, Tensor> = own === null
                ? {}
                : { [gradient]: Tensor.from(gpu, values, shape, { dtype: own, label: gradient }) };
              const options = { wrt: [name] as never[], into };
              const { ledger } = gpu.memory;
              const others = ledger.chargedBytes;
              ledger.resetPeak();
              const { y, backward } = swigluExpertsWithGrad(gpu, x, weights, tokensPerExpert, options);
              const given = backward(dy) as unknown as Record<string, Tensor>;
              const { parts: weightForm, ...said } = form;
              const planned = explain(gpu, { dim, hiddenDim, tokens: tokensOf(mixture), dtype }, {
                ...{ ...said, weightForm, wrt: [name], into: own === null ? {} : { [gradient]: own } },
                tokensPerExpert,
              });
              assertEquals(ledger.peakBytes - others, planned.peakBytes, `${formName(form)}, ${name}`);
              assertEquals(Object.keys(given), [gradient]);
              if (own !== null) assertStrictEquals(given[gradient], into[gradient]);
              await assertNear(
                given[gradient],
                expected[gradient].map((slope, i) => slope + start(i)),
                TOLERANCE[dtype],
              );
              disposeAll({ y, ...given });
            }
          }
          release(experts);
        }
      }));
  }
}

Deno.test("experts record into a caller's encoder, and share its pass over the tensors", () =>
  withGpu(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: ODD, form: SEPARATE });
    const { x, dy, weights, expected } = experts;
    const encoder = gpu.device.createCommandEncoder();
    const { y, backward } = swigluExpertsWithGrad(gpu, x, weights, ODD.tokensPerExpert, { encoder });
    const gradients = backward(dy, { encoder }) as unknown as Record<string, Tensor>;
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    await assertNear(y, expected.y);
    for (const [name, tensor] of Object.entries(gradients)) await assertNear(tensor, expected[name]);
    disposeAll({ y, ...gradients });
    release(experts);
  }));

Deno.test("experts whose backward is not called leave nothing", () =>
  withGpu((gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    const result = swigluExpertsWithGrad(gpu, experts.x, experts.weights, EVEN.tokensPerExpert);
    assert(gpu.memory.ledger.live("saved") > 0);
    result.dispose();
    assertEquals(gpu.memory.ledger.live("saved"), 0);
    result.y.dispose();
    release(experts);
  }));

Deno.test("x may have leading dimensions, and there may be no tokens at all", () =>
  withGpu(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: { ...ODD, tokensPerExpert: [1, 5] }, form: SEPARATE });
    experts.x.reshape([2, 3, 7]);
    experts.dy.reshape([2, 3, 7]);
    const { y, backward } = swigluExpertsWithGrad(gpu, experts.x, experts.weights, [1, 5]);
    const gradients = backward(experts.dy) as unknown as Record<string, Tensor>;
    assertEquals([y.shape, gradients.dx.shape], [[2, 3, 7], [2, 3, 7]]);
    await assertNear(gradients.dx, experts.expected.dx);
    disposeAll({ y, ...gradients });

    using none = Tensor.empty(gpu, [0, 7]);
    const empty = swigluExpertsWithGrad(gpu, none, experts.weights, [0, 0]);
    const zeros = empty.backward(none) as unknown as Record<string, Tensor>;
    assertEquals([empty.y.shape, zeros.dx.shape], [[0, 7], [0, 7]]);
    assertEquals(
      new Set([...await zeros.dGate.read(), ...await zeros.dUp.read(), ...await zeros.dDown.read()]),
      new Set([0]),
    );
    disposeAll({ y: empty.y, ...zeros });
    release(experts);
  }));

Deno.test("bad calls of experts are refused by the name of the argument, and take nothing", () =>
  withGpu((gpu) => {
    const experts = expertsOf(gpu, { mixture: ODD, form: SEPARATE });
    const { x, weights } = experts;
    const counts = ODD.tokensPerExpert;
    const sizes = { tokens: 9, dim: 7, hiddenDim: 9 };
    const { chargedBytes } = gpu.memory.ledger;
    const rule =
      "Cannot use tokensPerExpert as it must be an array of whole numbers, one for each expert: current value is";
    const ofCounts: [unknown, typeof TypeError | typeof RangeError, string][] = [
      [undefined, TypeError, `${rule} undefined`],
      [x, TypeError, `${rule} Tensor`],
      [new DataView(new ArrayBuffer(8)), TypeError, `${rule} DataView`],
      [[], RangeError, `${rule} none`],
      [[3, 0, 5, 1.5], RangeError, `${rule} 1.5`],
      [[3, -1, 5, 2], RangeError, `${rule} -1`],
      [[3, , 5, 1], RangeError, `${rule} undefined`],
      [["3", 0, 5, 1], RangeError, `${rule} 3`],
      [
        [3, 0, 5, 2],
        RangeError,
        "tokensPerExpert as its numbers must add up to all 9 tokens: current value is 10",
      ],
    ];
    for (const [given, kind, message] of ofCounts) {
      assertThrows(() => swigluExperts(gpu, x, weights, given as number[]), kind, message);
      assertThrows(() => swigluExpertsWithGrad(gpu, x, weights, given as number[]), kind, message);
      if (given === undefined) continue;
      assertThrows(() => explain(gpu, sizes, { tokensPerExpert: given as number[] }), kind, message);
    }
    assertThrows(
      () => swigluExperts(gpu, x, weights, [3, 6]),
      RangeError,
      "Cannot use weights.gate as its shape must be [2,7,9], as tokensPerExpert has 2: current value is [4,7,9]",
    );
    const turned = { ...weights, layout: "out,in" } as Weights;
    assertThrows(() => swigluExperts(gpu, x, turned, counts), RangeError, 'which would fit layout "in,out"');
    const budget = { memoryBudget: 1e9 };
    const message =
      "Cannot use memoryBudget here as the blocks of experts have none: current value is 1000000000";
    assertThrows(() => swigluExperts(gpu, x, weights, counts, budget as ExpertsOptions), RangeError, message);
    assertThrows(() => explain(gpu, sizes, { ...budget, tokensPerExpert: counts }), RangeError, message);
    assertThrows(
      () => explain(gpu, sizes, { output: "h", tokensPerExpert: counts }),
      RangeError,
      "Cannot use output here as the blocks of experts must end at y: current value is h",
    );
    const target = Tensor.empty(gpu, [7, 9]);
    assertThrows(
      () => swigluExpertsWithGrad(gpu, x, weights, counts, { into: { dGate: target } }),
      RangeError,
      "Cannot use into.dGate as its shape must be [4,7,9]: current value is [7,9]",
    );
    target.dispose();
    assertEquals(gpu.memory.ledger.chargedBytes, chargedBytes);
    release(experts);
  }));

Deno.test("experts whose parts can be bound take no copies", () =>
  withGpu((gpu) => {
    const sizes = { tokens: 9, dim: 64, hiddenDim: 32 };
    const labels = (tokensPerExpert: number[], dtype: DType) =>
      explain(gpu, { ...sizes, dtype }, { tokensPerExpert }).launches.map(({ label }) => label);
    const alignment = gpu.capabilities.minStorageBufferOffsetAlignment;
    for (const dtype of DTYPES) {
      const copies = labels([0, 3, 6], dtype).filter((label) => label.startsWith("copy of")).length;
      const begins = 3 * 64 * bytesPerElement(dtype); // of the third expert's tokens
      assertEquals(copies > 0, begins % alignment !== 0, dtype);
    }
  }));

Deno.test("weights of all experts may exceed one binding if those of one do not", () =>
  withGpu(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    const maxStorageBufferBindingSize = 64 * 32 * 4; // one expert's
    Object.assign(gpu, { capabilities: { ...gpu.capabilities, maxStorageBufferBindingSize } });
    await check(experts);
    release(experts);
  }));
