/** Saved bytes, launches and peak bytes of each variant equal the design's table and its own header, to the byte. */
import { assert, assertEquals } from "@std/assert";
import { bytesPerElement, DTYPES } from "../../kernels/gpu/dtype.ts";
import { GpuRecorder, PlanRecorder, type Recorder } from "../../kernels/gpu/recorder.ts";
import { emptyInputs } from "../../variants/form.ts";
import { variants } from "../../variants/mod.ts";
import { Block, type Gradients, type Problem, release, type Variant } from "../../variants/variant.ts";
import { requestGpu, testNothingLeft } from "../gpu.ts";
import { formsOf, releaseBlock, variantOf, type WeightForm } from "./block.ts";

const gpu = await requestGpu();

/**
 * What the design says that each variant saves beyond x and the weights, in multiples of TH elements. Of a variant that
 * is not in it, its header says so.
 */
const SAVED: Readonly<Record<string, number>> = {
  "pytorch": 4,
  "alphafold3": 3,
  "alphafold3-combined": 3,
  "alphafold3-checkpointed": 0,
  "alphafold3-fused": 3,
  "liger": 3,
  "unsloth": 2,
  "tuned": 2,
};

/** Enough rows for one launch a product, on a software adapter. */
const LONG = { tokens: 64, dim: 36, hiddenDim: 52 };

/** Shapes of every kind, one whose products copy their operands, and one at which a large GPU splits K. */
const RUNS = [
  ...[[1, 1, 1], [7, 3, 41], [33, 129, 65], [17, 64, 128], [513, 5, 515], [3, 1283, 5], [1024, 128, 8]]
    .flatMap((
      [tokens, dim, hiddenDim],
    ) => DTYPES.map((dtype) => ({ sizes: { tokens, dim, hiddenDim }, dtype, software: true }))),
  { sizes: { tokens: 33, dim: 260, hiddenDim: 264 }, dtype: "float32" as const, software: false },
];

function problemOf(init: Pick<Problem, "tokens" | "dim" | "hiddenDim" | "dtype">): Problem {
  return { ...init, activation: "silu", precision: "default" };
}

/** What a run took, as the ledger saw it. */
interface Taken {
  readonly savedBytes: number;
  readonly forwardPeakBytes: number;
  readonly peakBytes: number;
  readonly peakWorkspaceBytes: number;
  /** Charged bytes that stay: y and the gradients. */
  readonly keptBytes: number;
  /** Charged bytes after the caller has disposed them. */
  readonly leftBytes: number;
}

/** Records forward and backward, and takes notes on the way. */
function walk(
  recorder: Recorder,
  { variant, problem, form, training = true }: {
    variant: Variant;
    problem: Problem;
    form: WeightForm;
    training?: boolean;
  },
): Taken {
  const { ledger } = recorder.memory;
  const tensors = emptyInputs(recorder.memory, problem, form);
  const block = new Block(recorder, problem, tensors);
  ledger.resetPeak();
  const { y, saved } = variant.forward(block, training);
  const savedBytes = ledger.live("saved");
  const forwardPeakBytes = ledger.peakBytes;
  const gradients = training ? Object.values(variant.backward(block, saved, tensors.dy) as Gradients) : [];
  const { peakBytes, peakWorkspaceBytes, chargedBytes: keptBytes } = ledger;
  release(y, ...gradients);
  releaseBlock(tensors);
  return {
    savedBytes,
    forwardPeakBytes,
    peakBytes,
    peakWorkspaceBytes,
    keptBytes,
    leftBytes: ledger.chargedBytes,
  };
}

/** The text above a variant's declaration. */
async function headerOf({ id }: Variant): Promise<string> {
  const file = new URL(`../../variants/${id.replaceAll("-", "_")}.ts`, import.meta.url);
  const text = await Deno.readTextFile(file);
  return text.slice(text.indexOf("/**"), text.indexOf("export const")).replaceAll(/\n \* ?/g, " ");
}

for (const variant of variants) {
  Deno.test(`${variant.id} saves what the design says, to the byte`, async () => {
    const header = await headerOf(variant);
    const multiple = SAVED[variant.id] ?? Number(header.match(/(\d+) TH elements/)?.[1] ?? 0);
    for (const dtype of DTYPES) {
      for (const form of formsOf(variant)) {
        const plan = new PlanRecorder(gpu.capabilities);
        const { savedBytes } = walk(plan, { variant, problem: problemOf({ ...LONG, dtype }), form });
        const elements = multiple * LONG.tokens * LONG.hiddenDim;
        assertEquals(savedBytes, elements * bytesPerElement(dtype), `${dtype}, ${form} weights`);
      }
    }
  });

  Deno.test(`${variant.id} keeps as many tensors for backward as it says, and none for inference`, async () => {
    const plan = new PlanRecorder(gpu.capabilities);
    const problem = problemOf({ ...LONG, dtype: "float32" });
    const block = new Block(plan, problem, emptyInputs(plan.memory, problem, formsOf(variant)[0]));
    const training = variant.forward(block, true);
    assertEquals(Object.values(training.saved).map(({ label }) => label).sort(), [...variant.saves].sort());
    const { savedBytes } = walk(new PlanRecorder(gpu.capabilities), {
      variant,
      problem,
      form: formsOf(variant)[0],
      training: false,
    });
    assertEquals(savedBytes, 0);
    const header = await headerOf(variant);
    if (variant.saves.length === 0) assert(/Saves nothing\./.test(header), header);
    else assert(header.includes(`Saves ${variant.saves[0]}`), header);
  });

  Deno.test(`${variant.id} launches what its header says`, async () => {
    const header = await headerOf(variant);
    const plan = new PlanRecorder({ ...gpu.capabilities, software: true });
    const problem = problemOf({ ...LONG, dtype: "float32" });
    const tensors = emptyInputs(plan.memory, problem, formsOf(variant)[0]);
    const block = new Block(plan, problem, tensors);
    const { saved } = variant.forward(block, true);
    const forward = plan.dispatches.splice(0);
    variant.backward(block, saved, tensors.dy);
    for (const [way, launches] of [["Forward", forward], ["Backward", plan.dispatches]] as const) {
      const stated = header.match(new RegExp(`${way}, (\\d+) (launches|products)`));
      if (!stated) throw new Error(`the header of ${variant.id} must say "${way}, N launches": ${header}`);
      const labels = launches.map(({ kernel }) => kernel.label);
      // A product may take more than one launch; they have its label.
      const counted = stated[2] === "products" ? new Set(labels).size : labels.length;
      assertEquals(counted, Number(stated[1]), `${way}: ${labels.join(", ")}`);
    }
  });

  Deno.test(`${variant.id} takes exactly the bytes that a plan predicts, and gives them back`, () => {
    for (const { sizes, dtype, software } of RUNS) {
      for (const form of formsOf(variant)) {
        for (const training of [true, false]) {
          const init = { variant, problem: problemOf({ ...sizes, dtype }), form, training };
          const planned = walk(new PlanRecorder({ ...gpu.capabilities, software }), init);
          const real = new DryRecorder(software);
          const about = JSON.stringify({ ...init.problem, form, software, training });
          assertEquals(walk(real, init), planned, about);
          real.split();
          assertEquals(planned.leftBytes, 0, about);
        }
      }
    }
    assertEquals(gpu.memory.ledger.chargedBytes, 0);
  });
}

/** Records into the device's memory and an encoder that is never submitted: the bytes are real, the work is not done. */
class DryRecorder extends GpuRecorder {
  constructor(readonly software: boolean) {
    super(gpu, { encoder: gpu.device.createCommandEncoder() });
  }

  override get capabilities() {
    return { ...gpu.capabilities, software: this.software };
  }
}

Deno.test("peaks are ordered as the ideas promise: tuned, Unsloth, Liger, PyTorch", () => {
  const problem = problemOf({ tokens: 512, dim: 64, hiddenDim: 172, dtype: "float32" });
  const peaks = ["tuned", "unsloth", "liger", "pytorch"].map((id) =>
    walk(new PlanRecorder(gpu.capabilities), { variant: variantOf(id), problem, form: "separate" }).peakBytes
  );
  assertEquals(peaks, [...peaks].sort((a, b) => a - b));
  assert(peaks[0] < peaks[3], `${peaks}`);
});

Deno.test("tuned holds y, gradients, g and u at its peak, and nothing else", () => {
  const problem = problemOf({ ...LONG, dtype: "float32" });
  const { peakBytes, keptBytes, savedBytes } = walk(new PlanRecorder(gpu.capabilities), {
    variant: variantOf("tuned"),
    problem,
    form: "separate",
  });
  assertEquals(peakBytes, keptBytes + savedBytes);
});

Deno.test("from 1,024 tokens on, dg makes room for dUp: tuned never holds all gradients with g and u", () => {
  const sizes = { tokens: 1024, dim: 512, hiddenDim: 344 };
  const peak = (form: WeightForm) => {
    const problem = problemOf({ ...sizes, dtype: "float32" });
    const plan = new PlanRecorder({ ...gpu.capabilities, software: true });
    const { peakBytes, keptBytes, savedBytes } = walk(plan, { variant: variantOf("tuned"), problem, form });
    return { peakBytes, all: keptBytes + savedBytes };
  };
  const separate = peak("separate");
  assertEquals(separate.peakBytes, separate.all - 4 * sizes.dim * sizes.hiddenDim);
  const combined = peak("combined"); // dGateUp is one tensor
  assertEquals(combined.peakBytes, combined.all);
});

testNothingLeft(gpu);
