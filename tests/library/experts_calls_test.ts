/** Experts' bad calls, limits of the device, budgets and plans. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  explain,
  NoImplementationError,
  type Plan,
  swigluExperts,
  swigluExpertsWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { bytesPerElement, DTYPES } from "../../kernels/gpu/dtype.ts";
import type { Weights } from "../../variants/weights.ts";
import { check, EVEN, expertsOf, limit, ODD, release, SEPARATE, withExperts } from "./experts.ts";

Deno.test("bad calls of experts are refused by the name of the argument, and take nothing", () =>
  withExperts((gpu) => {
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
      [{ length: 1, 0: 9 }, TypeError, `${rule} Object`],
      [BigInt64Array.of(9n), TypeError, `${rule} BigInt64Array`],
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

const copiesIn = ({ launches }: Plan) => launches.filter(({ label }) => label.startsWith("copy of")).length;

Deno.test("parts that can be bound are not copied, nor are those of an expert without tokens", () =>
  withExperts((gpu) => {
    const sizes = { tokens: 9, dim: 64, hiddenDim: 32 };
    for (const dtype of DTYPES) {
      const begins = 3 * 64 * bytesPerElement(dtype); // of the third expert's tokens
      const copies = copiesIn(explain(gpu, { ...sizes, dtype }, { tokensPerExpert: [0, 3, 6] }));
      assertEquals(copies > 0, begins % 256 !== 0, dtype);
    }
    const odd = { tokens: 5, dim: 7, hiddenDim: 9 };
    assertEquals(copiesIn(explain(gpu, odd, { tokensPerExpert: [5, 0, 0], training: false })), 0);
    assertEquals(copiesIn(explain(gpu, odd, { tokensPerExpert: [0, 0, 5], training: false })), 3); // the weights
  }));

Deno.test("one expert's block saves and launches what the block alone does, for any gradients", () =>
  withExperts((gpu) => {
    const sizes = { tokens: 8, dim: 64, hiddenDim: 32 };
    for (const { id: implementation } of variants) {
      for (const wrt of [["x"], ["gate"], ["up"], ["down"], ["x", "down"]]) {
        const alone = explain(gpu, sizes, { wrt, implementation });
        const expert = explain(gpu, sizes, { wrt, implementation, tokensPerExpert: [8] });
        assertEquals(
          [expert.savedBytes, expert.launches],
          [alone.savedBytes, alone.launches],
          `${implementation}, ${wrt}`,
        );
      }
    }
  }));

Deno.test("weights and tokens of all experts may exceed one binding, copied or not", () =>
  withExperts(async (gpu) => {
    const even = expertsOf(gpu, { mixture: EVEN, form: SEPARATE });
    limit(gpu, { maxStorageBufferBindingSize: 64 * 32 * 4 }); // one expert's weight
    await check(even);
    release(even);
    // Copies of tokens exceed a binding too: they are made in pieces, and computed in chunks.
    limit(gpu, { maxStorageBufferBindingSize: 16384 });
    const odd = expertsOf(gpu, {
      mixture: { dim: 17, hiddenDim: 24, tokensPerExpert: [3, 300] },
      form: SEPARATE,
    });
    const { chunkTokens } = explain(gpu, { dim: 17, hiddenDim: 24, tokens: 303 }, {
      tokensPerExpert: [3, 300],
    });
    assertEquals(chunkTokens, 128);
    await check(odd);
    release(odd);
  }));

Deno.test("a budget makes experts compute in chunks of tokens, and one that is too small is refused", () =>
  withExperts(async (gpu) => {
    const mixture = { dim: 32, hiddenDim: 128, tokensPerExpert: [40, 300] };
    const experts = expertsOf(gpu, { mixture, form: SEPARATE });
    const { tokensPerExpert, ...sizes } = mixture;
    const problem = { ...sizes, tokens: 340 };
    const { peakBytes } = explain(gpu, problem, { tokensPerExpert });
    const memoryBudget = 0.8 * peakBytes;
    const smaller = explain(gpu, problem, { tokensPerExpert, memoryBudget });
    assert(smaller.chunkTokens !== null && smaller.peakBytes <= memoryBudget);
    await check(experts, { memoryBudget });
    const run = () => swigluExperts(gpu, experts.x, experts.weights, tokensPerExpert, { memoryBudget: 100 });
    assertThrows(run, NoImplementationError, "the least that would do is");
    release(experts);
    const huge = { tokens: 8, dim: 4096, hiddenDim: 2 ** 18 };
    assertThrows(
      () => explain(gpu, huge, { tokensPerExpert: [8] }),
      NoImplementationError,
      "Cannot allocate gate",
    );
  }));
