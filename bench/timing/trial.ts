import { countElements } from "../../kernels/count.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { choiceNamed } from "../../kernels/matmul/chosen.ts";
import type { MatmulShape, Precision } from "../../kernels/matmul/config.ts";
import type { matmul } from "../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../kernels/matmul/request.ts";
import type { TunedChoice } from "../../kernels/matmul/tuning.ts";
import { matrix } from "../../kernels/view.ts";
import { gpuTimes } from "./clock.ts";
import { fill, fillIntegers, integer, POISON } from "./fill.ts";
import type { Instruments } from "./instruments.ts";
import { median } from "./statistics.ts";

const RUNS = 5;

/** Warm-up before each candidate. Clocks fall under products that wait for memory (to 1125 MHz on an H200). */
const WARM_MS = 30;

/** The CPU computes the elements at the crossings of so many rows and columns (4,096 sums in a fraction of a second). */
const CHECKED = 64;

/** The precision with which a product has the arithmetic of a shape. */
function precisionOf({ arithmetic, dtype, operands }: MatmulShape): Precision {
  if (arithmetic === "float16") return "float16-sums";
  return dtype === "float32" && operands === "rounded" ? "tf32" : "default";
}

/** Compares bits, because a compiler may assume that no float is NaN. */
const DIFFERS = "bitcast<u32>(out) != bitcast<u32>(expected)";

/** One product on small integers. Their sums are exact in float32 in any order, so every bit of the output is known. */
export class Trial {
  readonly #instruments: Instruments;
  /** All tensors, to be freed at the end. */
  readonly #made: Tensor[] = [];
  readonly #shape: MatmulShape;
  readonly #a: Tensor[];
  readonly #b: Tensor[];
  readonly #out: Tensor[];
  /** The output of the rule's choice. */
  readonly #expected: Tensor[];
  readonly #record: typeof matmul;

  constructor(instruments: Instruments, shape: MatmulShape, record: typeof matmul) {
    this.#instruments = instruments;
    this.#shape = shape;
    this.#record = record;
    const { layout, m, n, k, products, columns, gatedA, dtype } = shape;
    const make = (count: number, size: [number, number], type: DType) =>
      Array.from({ length: count }, (_, which) => this.#tensor(size, type, which));
    try {
      this.#a = make(products * (gatedA ? 2 : 1), layout === "tn" ? [k, m] : [m, k], dtype);
      this.#b = make(products * columns, layout === "nt" ? [n, k] : [k, n], dtype);
      this.#out = make(columns, [m, n], dtype);
      this.#expected = make(columns, [m, n], dtype);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #tensor(size: [number, number], dtype: DType, which: number): Tensor {
    const init = { shape: size, dtype, purpose: "internal", label: "trial operand" } as const;
    const tensor = new Tensor(this.#instruments.gpu.memory, init);
    this.#made.push(tensor);
    const recorder = new GpuRecorder(this.#instruments.gpu);
    fillIntegers(recorder, tensor, which);
    recorder.submit();
    return tensor;
  }

  #request(choice: TunedChoice, out = this.#out): MatmulRequest {
    const { layout, products, columns, gatedA } = this.#shape;
    return {
      label: "trial",
      layout,
      products,
      columns,
      gatedA,
      a: this.#a.map(matrix),
      b: this.#b.map(matrix),
      out: out.map(matrix),
      activation: "identity",
      precision: precisionOf(this.#shape),
      choice: choiceNamed(choice, this.#instruments.gpu.capabilities),
    };
  }

  /** Computes the output that every candidate must give, and compares some of it with sums of integers on the CPU. */
  async expect(choice: TunedChoice): Promise<void> {
    const recorder = new GpuRecorder(this.#instruments.gpu);
    this.#record(recorder, this.#request(choice, this.#expected));
    recorder.submit();
    await this.#check();
  }

  /** The rate of a candidate. @throws {Error} If its output differs from the one that {@linkcode expect} computed. */
  async tflops(choice: TunedChoice): Promise<number> {
    const request = this.#request(choice);
    const { gpu } = this.#instruments;
    const poisoning = new GpuRecorder(gpu);
    for (const out of this.#out) fill(poisoning, out, POISON);
    poisoning.submit();
    const timed = { timed: (recorder: GpuRecorder) => this.#record(recorder, request) };
    await this.#instruments.warm(WARM_MS);
    const times = await gpuTimes(this.#instruments, Array.from({ length: RUNS + 1 }, () => timed));
    for (const [column, out] of this.#out.entries()) {
      const inputs = { out, expected: this.#expected[column] };
      const wrong = await countElements(gpu, { label: "wrong elements", inputs, where: DIFFERS });
      if (wrong > 0) throw new Error(`${wrong} elements of its output are wrong`);
    }
    const { m, n, k, products, columns } = this.#shape;
    return 2 * m * n * k * products * columns / median(times.slice(1)) / 1e3;
  }

  async #check(): Promise<void> {
    const { m, n, dtype } = this.#shape;
    const tolerance = dtype === "float32" ? 0 : dtype === "float16" ? 2 ** -10 : 2 ** -7;
    for (const [column, out] of this.#expected.entries()) {
      const values = await out.read();
      for (const row of spread(m)) {
        for (const col of spread(n)) {
          const expected = this.#sum(row, col, column);
          const got = values[row * n + col];
          if (Math.abs(got - expected) <= tolerance * Math.abs(expected)) continue;
          throw new Error(`its output [${row},${col}] is ${got}, not ${expected}`);
        }
      }
    }
  }

  #sum(row: number, col: number, column: number): number {
    const { layout, m, n, k, products, columns, gatedA } = this.#shape;
    let sum = 0;
    for (let product = 0; product < products; product++) {
      for (let i = 0; i < k; i++) {
        const at = layout === "tn" ? i * m + row : row * k + i;
        const a = gatedA ? integer(at, 0) * integer(at, 1) : integer(at, product);
        sum += a * integer(layout === "nt" ? col * k + i : i * n + col, product * columns + column);
      }
    }
    return sum;
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#made) tensor.dispose();
    this.#instruments.gpu.memory.trim();
  }
}

/** All indices below `length`, or `CHECKED` of them, the first and the last included. */
function spread(length: number): number[] {
  const count = Math.min(length, CHECKED);
  return Array.from(
    { length: count },
    (_, i) => count === 1 ? 0 : Math.floor(i * (length - 1) / (count - 1)),
  );
}
