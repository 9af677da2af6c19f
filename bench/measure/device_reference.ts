import { gateFormulas } from "../../kernels/activation_wgsl.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import type { Gpu } from "../../kernels/gpu/device.ts";
import { GpuRecorder, type Recorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { halves, matrix, type View } from "../../kernels/view.ts";
import type { Scales } from "../oracle/mod.ts";
import { Block, type Gradients, type Inputs, release } from "../../variants/variant.ts";
import { AllocationWatch } from "./allocation.ts";
import { deviceNorms } from "./device_norms.ts";
import type { Outputs } from "./execution.ts";
import type { ProblemSpec } from "./job.ts";
import { plainMatmul, type PlainOperand } from "./plain_matmul.ts";
import type { ComparedMatrix, OutputName } from "./tolerance.ts";
import { withErrorScopes } from "./scopes.ts";

/** What a reference is computed from: any variant's inputs will do. */
export interface DeviceProblem {
  readonly problem: ProblemSpec;
  readonly inputs: Inputs;
  readonly dy: Tensor;
  /** Whether gradients are computed too. */
  readonly training: boolean;
}

/**
 * All outputs of a block in float32 on the device, computed once (6TDH FLOP, 18TDH with gradients). Its products are
 * {@linkcode plainMatmul}, which no variant uses.
 */
export class DeviceReference {
  readonly #gpu: Gpu;
  readonly outputs: Outputs;

  private constructor(gpu: Gpu, outputs: Outputs) {
    this.#gpu = gpu;
    this.outputs = outputs;
  }

  /**
   * @throws {OutOfMemoryError} If the device has no room for it; nothing is left then.
   * @throws {LimitError} If a matrix is larger than one binding.
   */
  static async create(gpu: Gpu, of: DeviceProblem): Promise<DeviceReference> {
    const watch = new AllocationWatch(gpu);
    const made: Tensor[] = [];
    const make = (label: string, rows: number, cols: number) => {
      const init = { shape: [rows, cols], dtype: "float32", purpose: "internal", label } as const;
      const tensor = watch.make(() => new Tensor(gpu.memory, init));
      made.push(tensor);
      return tensor;
    };
    try {
      return await withErrorScopes(gpu, async () => {
        const recorder = new GpuRecorder(gpu);
        const outputs = computed(recorder, of, make);
        await watch.check();
        recorder.submit();
        await gpu.idle();
        return new DeviceReference(gpu, outputs);
      });
    } catch (error) {
      release(...made);
      throw error;
    }
  }

  /** Compares every row and every column of what a run left. */
  async compare({ y, gradients }: Outputs, scales: Scales): Promise<ComparedMatrix[]> {
    const own = viewsOf(this.outputs);
    const all: ComparedMatrix[] = [];
    for (const [name, view] of Object.entries(viewsOf({ y, gradients })) as [OutputName, View][]) {
      const norms = await deviceNorms(this.#gpu, view, own[name]!);
      all.push({ name, norms, scale: scales[name], against: "float32 reference" });
    }
    return all;
  }

  /** Frees it. */
  dispose(): void {
    const { y, gradients } = this.outputs;
    release(y, ...Object.values(gradients ?? {}) as Tensor[]);
  }
}

function viewsOf({ y, gradients }: Outputs): Partial<Record<OutputName, View>> {
  if (gradients === null) return { y: matrix(y) };
  const { gate, up } = "dGateUp" in gradients
    ? halves(gradients.dGateUp)
    : { gate: matrix(gradients.dGate), up: matrix(gradients.dUp) };
  return { y: matrix(y), dx: matrix(gradients.dx), dGate: gate, dUp: up, dDown: matrix(gradients.dDown) };
}

/** Records the block straight from its formulas. */
function computed(
  recorder: Recorder,
  { problem, inputs, dy, training }: DeviceProblem,
  make: (label: string, rows: number, cols: number) => Tensor,
): Outputs {
  const { tokens, dim, hiddenDim, activation } = problem;
  const formulas = gateFormulas(activation);
  const block = new Block(recorder, problem, inputs);
  const multiply = (out: Tensor, a: PlainOperand, b: PlainOperand, add = false) =>
    plainMatmul(recorder, { label: `reference ${out.label}`, a, b, out: matrix(out), add });
  const plain = (view: View): PlainOperand => ({ view });
  const transposed = (view: View): PlainOperand => ({ view, transposed: true });
  const [g, u, h] = ["g", "u", "h"].map((label) => make(label, tokens, hiddenDim));
  multiply(g, plain(block.x), plain(block.gate));
  multiply(u, plain(block.x), plain(block.up));
  elementwise(recorder, {
    ...{ label: "reference h", activation },
    inputs: { g: matrix(g), u: matrix(u) },
    outputs: [{ to: matrix(h), value: formulas.hidden("activate(g)", "u") }],
  });
  const y = make("y", tokens, dim);
  multiply(y, plain(matrix(h)), plain(block.down));
  if (!training) {
    release(g, u, h);
    return { y, gradients: null };
  }
  const dDown = make("dDown", hiddenDim, dim);
  multiply(dDown, transposed(matrix(h)), plain(matrix(dy)));
  // h is no longer needed, so dh takes its place. dg and du take those of g and u.
  multiply(h, plain(matrix(dy)), transposed(block.down));
  elementwise(recorder, {
    ...{ label: "reference dg, du", activation },
    inputs: { g: matrix(g), u: matrix(u), dh: matrix(h) },
    outputs: [
      { to: matrix(g), value: formulas.gate("dh", "g", "u") },
      { to: matrix(u), value: formulas.up("dh", "activate(g)", "u") },
    ],
  });
  const dx = make("dx", tokens, dim);
  multiply(dx, plain(matrix(g)), transposed(block.gate));
  multiply(dx, plain(matrix(u)), transposed(block.up), true);
  const [dGate, dUp] = ["dGate", "dUp"].map((label) => make(label, dim, hiddenDim));
  multiply(dGate, transposed(block.x), plain(matrix(g)));
  multiply(dUp, transposed(block.x), plain(matrix(u)));
  release(g, u, h);
  return { y, gradients: { dx, dGate, dUp, dDown } satisfies Gradients };
}
