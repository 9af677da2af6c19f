/** Gradients of chosen inputs alone, and added to tensors: every variant, by its launches, its bytes and the oracle. */
import { assert, assertEquals } from "@std/assert";
import { DTYPES, roundTo } from "../../kernels/gpu/dtype.ts";
import { GpuRecorder, PlanRecorder, type Recorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { combineGateUp, randomInputs } from "../../bench/oracle/data.ts";
import { oracle, relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { chunked } from "../../variants/chunked.ts";
import { inAnyForm, runBackward, runForward } from "../../variants/form.ts";
import { type Asked, type GradientName, gradientNames, inputOf } from "../../variants/gradients.ts";
import { variants } from "../../variants/mod.ts";
import { traced } from "../../variants/traced.ts";
import { tuned } from "../../variants/tuned.ts";
import { type Problem, release, type Variant } from "../../variants/variant.ts";
import { formName, WEIGHT_FORMS, type WeightForm, weightShapes } from "../../variants/weights.ts";
import { emptyInputs } from "../../variants/form.ts";
import { freshSeed, PoisonRecorder, requestGpu, testNothingLeft } from "../gpu.ts";
import { tolerance } from "./accuracy.ts";
import { releaseBlock, uploadBlock } from "./block.ts";

const gpu = await requestGpu();
const seed = freshSeed();
const inChunks = traced(inAnyForm(chunked(tuned, 4)));
const ALL_VARIANTS = [...variants, inChunks];
const nameOf = ({ id, chunkTokens }: Variant) => `${id}${chunkTokens ? " in chunks" : ""}`;

const SEPARATE = WEIGHT_FORMS.find(({ parts, layout }) => parts === "separate" && layout === "in,out")!;
const COMBINED = WEIGHT_FORMS.find(({ parts, interleaved }) => parts === "combined" && !interleaved)!;

const problemOf = (init: Partial<Problem> = {}): Problem => ({
  ...{ tokens: 7, dim: 12, hiddenDim: 20, dtype: "float32", activation: "silu", precision: "default" },
  ...init,
});

/** Every choice of some of the gradients, but not of all or none. */
function subsets(form: WeightForm): Set<GradientName>[] {
  const names = gradientNames(form);
  return Array.from(
    { length: 2 ** names.length - 2 },
    (_, bits) => new Set(names.filter((_, i) => ((bits + 1) >> i & 1) === 1)),
  );
}

interface Run {
  readonly variant: Variant;
  readonly problem: Problem;
  readonly form: WeightForm;
  readonly asked: Asked;
}

/** Launches, bytes and gradients of one step as a recorder takes them. */
function walk(recorder: Recorder, { variant, problem, form, asked }: Run) {
  const { ledger } = recorder.memory;
  const { dy, ...inputs } = emptyInputs(recorder.memory, problem, form);
  const targets = Object.entries(asked.into ?? {}).map(([name, { shape, dtype }]) =>
    [name, new Tensor(recorder.memory, { shape, dtype, purpose: "input", label: name })] as const
  );
  const run = { recorder, variant, problem, inputs, asked: { ...asked, into: Object.fromEntries(targets) } };
  ledger.resetPeak();
  const { y, saved } = runForward(run, true);
  const savedBytes = ledger.live("saved");
  const gradients = runBackward(run, saved, dy);
  const { peakBytes, chargedBytes } = ledger;
  const names = Object.keys(gradients).sort();
  const leftBytes = () => {
    release(y, dy, inputs.x, ...Object.values(gradients), ...targets.map(([_, tensor]) => tensor));
    for (const tensor of Object.values(inputs.weights)) if (tensor instanceof Tensor) tensor.dispose();
    return ledger.chargedBytes;
  };
  return { savedBytes, peakBytes, chargedBytes, names, leftBytes: leftBytes() };
}

/** TDH FLOP of backward: of dh, of each gradient, and of g and u where they are computed again. */
function flopsOf(variant: Variant, wanted: ReadonlySet<GradientName>): number {
  // The kernel of Unsloth that computes h again takes dh, also for dDown alone.
  const takesDh = variant.id === "unsloth" || [...wanted].some((name) => name !== "dDown");
  // A variant that takes gate and up as one matrix computes their gradients as one.
  const joined = variant.weightForm === "combined" && (wanted.has("dGate") || wanted.has("dUp"));
  const cost = { dx: 4, dGate: 2, dUp: 2, dGateUp: 4, dDown: 2 };
  const each = [...wanted].filter((name) => !joined || name === "dx" || name === "dDown");
  const again = variant.saves.length === 0 ? 4 : 0;
  return each.reduce((sum, name) => sum + cost[name], 0) + (joined ? 4 : 0) + (takesDh ? 2 : 0) + again;
}

for (const variant of ALL_VARIANTS) {
  Deno.test(`${nameOf(variant)} plans what is asked for: FLOP, launches, and bytes as they are taken`, () => {
    for (const form of WEIGHT_FORMS) {
      for (const wanted of subsets(form)) {
        for (const into of [false, true]) {
          const problem = problemOf();
          const { tokens, dim, hiddenDim } = problem;
          const shapes: Record<string, readonly number[]> = {
            x: [tokens, dim],
            ...weightShapes(form, problem),
          };
          const targets = into ? [...wanted] : [];
          const asked = {
            wanted,
            into: Object.fromEntries(
              targets.map((name) => [name, { shape: shapes[inputOf(name)], dtype: "float32" }]),
            ) as unknown as Asked["into"],
          };
          const about = `${formName(form)}: ${[...wanted]}, into ${targets}`;
          const plan = new PlanRecorder({ ...gpu.capabilities });
          const planned = walk(plan, { variant, problem, form, asked });
          assertEquals(planned.names, [...wanted].sort(), about);
          const flops = plan.dispatches.reduce((sum, { flops }) => sum + flops, 0) /
            (tokens * dim * hiddenDim);
          assertEquals(flops, 6 + flopsOf(variant, wanted), about);
          const real = new GpuRecorder(gpu, { encoder: gpu.device.createCommandEncoder() });
          assertEquals(walk(real, { variant, problem, form, asked }), planned, about);
          real.split();
          assertEquals(planned.leftBytes, 0, about);
          const kept = tokens * dim +
            (into
              ? 0
              : [...wanted].reduce((sum, name) => sum + shapes[inputOf(name)].reduce((a, b) => a * b), 0));
          assertEquals(planned.chargedBytes, 4 * kept, about);
        }
      }
    }
  });

  Deno.test(`${nameOf(variant)} keeps for backward only what the gradients that are asked for need`, () => {
    const problem = problemOf();
    const saved = (...wanted: GradientName[]) => {
      const run = { variant, problem, form: SEPARATE, asked: { wanted: new Set(wanted) } };
      const unit = 4 * problem.tokens * problem.hiddenDim;
      return walk(new PlanRecorder(gpu.capabilities), run).savedBytes / unit;
    };
    const { saves } = variant;
    const all = saves.reduce((sum, name) => sum + (name === "gu" ? 2 : 1), 0);
    assertEquals(saved("dx"), saves.includes("h") ? all - 1 : all);
    assertEquals(saved("dDown"), saves.includes("h") ? 1 : all);
  });

  Deno.test(`${nameOf(variant)} gives the gradients that are asked for, also added to tensors, as the oracle does`, async () => {
    for (const form of [SEPARATE, COMBINED]) await check({ variant, form, problem: problemOf() });
  });
}

for (const dtype of DTYPES.filter((dtype) => dtype !== "float32")) {
  for (const variant of ALL_VARIANTS) {
    Deno.test(`${nameOf(variant)} adds gradients of ${dtype} in ${dtype} and in float32`, async () => {
      await check({ variant, form: SEPARATE, problem: problemOf({ dtype }), few: true });
    });
  }
}

for (const [dtype, weightDtype] of [["bfloat16", "float32"], ["float32", "bfloat16"]] as const) {
  Deno.test(`gradients of ${dtype} with weights of ${weightDtype} are added in both types`, async () => {
    for (const id of ["tuned", "unsloth"]) {
      const problem = problemOf({ dtype, weightDtype });
      await check({
        variant: ALL_VARIANTS.find((variant) => variant.id === id)!,
        form: SEPARATE,
        problem,
        few: true,
      });
    }
  });
}

interface Check {
  readonly variant: Variant;
  readonly form: WeightForm;
  readonly problem: Problem;
  /** Only a few choices of gradients. */
  readonly few?: boolean;
}

/** Runs with each choice of gradients: new ones, added to float32, and added to the problem's own type. */
async function check({ variant, form, problem, few = false }: Check): Promise<void> {
  const narrow = [problem.dtype, problem.weightDtype].find((dtype) => dtype && dtype !== "float32") ??
    "float32";
  const narrowed = { ...problem, dtype: narrow };
  const host = randomInputs(narrowed, seed);
  const { y: _, ...exact } = oracle({ ...problem, activation: "silu" }, host);
  const { hiddenDim } = problem;
  const expected: Record<string, Float32Array> = {
    ...Object.fromEntries(Object.entries(exact).map(([name, values]) => [name, Float32Array.from(values)])),
    dGateUp: combineGateUp(Float32Array.from(exact.dGate), Float32Array.from(exact.dUp), hiddenDim),
  };
  const { dy, ...inputs } = uploadBlock(gpu, { problem, form: form.parts, host });
  const shapes: Record<string, readonly number[]> = { x: inputs.x.shape, ...weightShapes(form, problem) };
  const choices = [
    ...few ? [new Set<GradientName>(["dx"]), new Set<GradientName>(["dGate", "dDown"])] : subsets(form),
  ];
  for (const wanted of [...choices, new Set(gradientNames(form))]) {
    for (const dtype of new Set([null, "float32", problem.weightDtype ?? problem.dtype] as const)) {
      const before: Record<string, Float32Array> = {};
      const targets = [...dtype ? wanted : []].map((name) => {
        const shape = shapes[inputOf(name)];
        before[name] = roundTo(expected[name].map((_, i) => (i % 5 - 2) / 4), dtype!);
        return [name, Tensor.from(gpu, before[name], shape, { dtype: dtype!, label: name })] as const;
      });
      const asked = {
        wanted: wanted.size === gradientNames(form).length ? undefined : wanted,
        into: Object.fromEntries(targets),
      };
      const recorder = new PoisonRecorder(gpu);
      const run = { recorder, variant, problem, inputs, asked };
      const { y, saved } = runForward(run, true);
      const gradients = Object.entries(runBackward(run, saved, dy)) as [GradientName, Tensor][];
      recorder.submit();
      const about = `${[...wanted]} into ${dtype}, ${form.parts}, seed ${seed}`;
      assertEquals(gradients.map(([name]) => name).sort(), [...wanted].sort(), about);
      const read = await Promise.all(gradients.map(([_, tensor]) => tensor.read()));
      gradients.forEach(([name, tensor], i) => {
        assert(!dtype || tensor === asked.into[name], `${name} is a new tensor: ${about}`);
        const rounded = roundTo(read[i], narrow);
        assertEquals(
          read[i].some((value, j) => value !== rounded[j]),
          tensor.dtype === "float32" && narrow !== "float32",
          `${name} has the digits of its type: ${about}`,
        );
        const sum = expected[name].map((value, j) => value + (before[name]?.[j] ?? 0));
        const error = relativeFrobeniusError(read[i], sum);
        const limit = 2 * tolerance(name === "dGateUp" ? "dGate" : name as "dGate", narrowed);
        assert(error <= limit, `${name} is off by ${error}, more than ${limit}: ${about}`);
      });
      release(y, ...gradients.map(([_, tensor]) => tensor));
    }
  }
  releaseBlock({ ...inputs, dy });
}

testNothingLeft(gpu);
