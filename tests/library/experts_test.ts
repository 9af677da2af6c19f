/** Blocks of experts: each expert's tokens and gradients are those of its own block, by the float64 oracle. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  explain,
  type SeparateWeights,
  swiglu,
  swigluExperts,
  swigluExpertsWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { type DType, DTYPES } from "../../kernels/gpu/dtype.ts";
import { formName, WEIGHT_FORMS } from "../../variants/weights.ts";
import {
  check,
  EVEN,
  expertsOf,
  ODD,
  release,
  SEPARATE,
  tokensOf,
  TOLERANCE,
  withExperts,
} from "./experts.ts";
import { assertNear, disposeAll } from "./fixture.ts";

for (const form of WEIGHT_FORMS) {
  for (const dtype of DTYPES) {
    Deno.test(`experts with ${formName(form)} weights of ${dtype} are blocks of their own, in planned bytes`, () =>
      withExperts(async (gpu) => {
        for (const mixture of [ODD, EVEN]) {
          const experts = expertsOf(gpu, { mixture, form, dtype });
          await check(experts);
          release(experts);
        }
      }));
  }
}

for (const narrow of ["float16", "bfloat16"] as const) {
  Deno.test(`experts take weights of ${narrow} with float32 tokens, and the reverse`, () =>
    withExperts(async (gpu) => {
      for (const [dtype, weightDtype] of [["float32", narrow], [narrow, "float32"]] as const) {
        const experts = expertsOf(gpu, { mixture: ODD, form: SEPARATE, dtype, weightDtype });
        await check(experts);
        release(experts);
      }
    }));
}

Deno.test("every implementation computes experts, and every precision", () =>
  withExperts(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    for (const { id: implementation } of variants) await check(experts, { implementation });
    for (const precision of ["highest", "strassen"] as const) await check(experts, { precision });
    release(experts);
  }));

Deno.test("no expert's rows depend on another's: they are those of its block alone, to the bit", () =>
  withExperts(async (gpu) => {
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
      withExperts(async (gpu) => {
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
  withExperts(async (gpu) => {
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
  withExperts((gpu) => {
    const experts = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    const result = swigluExpertsWithGrad(gpu, experts.x, experts.weights, EVEN.tokensPerExpert);
    assert(gpu.memory.ledger.live("saved") > 0);
    result.dispose();
    assertEquals(gpu.memory.ledger.live("saved"), 0);
    result.y.dispose();
    release(experts);
  }));

Deno.test("x may have leading dimensions, and there may be no tokens at all", () =>
  withExperts(async (gpu) => {
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

Deno.test("tensors that gradients are added to may be reshaped before backward", () =>
  withExperts(async (gpu) => {
    const experts = expertsOf(gpu, { mixture: ODD, form: SEPARATE });
    const { x, dy, weights, tensors, expected } = experts;
    for (const shape of [[2, 2, 63], [4 * 63]]) {
      const dGate = Tensor.from(gpu, new Float32Array(tensors.gate.length), tensors.gate.shape);
      const { y, backward } = swigluExpertsWithGrad(gpu, x, weights as SeparateWeights, ODD.tokensPerExpert, {
        ...{ wrt: ["gate"], into: { dGate } },
      });
      dGate.reshape(shape);
      backward(dy);
      await assertNear(dGate, expected.dGate);
      disposeAll({ y, dGate });
    }
    release(experts);
  }));
