import type { DType } from "../gpu/dtype.ts";
import { GpuRecorder } from "../gpu/recorder.ts";
import { Tensor } from "../gpu/tensor.ts";
import { type MatmulShape, ruledChoice } from "../matmul/choose.ts";
import { matmul } from "../matmul/launch.ts";
import type { MatmulRequest } from "../matmul/request.ts";
import { type TileName, TILES } from "../matmul/tiles.ts";
import { productKey, type TunedChoice, type TuningEntry } from "../matmul/tuning.ts";
import { matrix } from "../view.ts";
import { gpuTimes } from "./clock.ts";
import type { Instruments } from "./instruments.ts";
import { median } from "./statistics.ts";

const RUNS = 5;

/** An H200 that was idle runs at 345 of its 1980 MHz for up to a few hundred milliseconds. */
const WARM_NS = 3e8;

/** Outputs that are computed on the CPU too. */
const CHECKED = 64;

/**
 * Times every tile, and K in more and fewer slices than the rule takes, on one product; a candidate may win only
 * after its output agrees with exact integers.
 *
 * @throws {TypeError} If the device has no timestamps.
 */
export async function tuneProduct(instruments: Instruments, shape: MatmulShape): Promise<TuningEntry> {
  const trial = new Trial(instruments, shape);
  try {
    const ruled = ruledByName(shape, instruments);
    const times = new Map<TunedChoice, number>();
    await trial.warm(ruled);
    const failed: (TunedChoice & { reason: string })[] = [];
    for (const choice of candidates(shape, ruled, instruments)) {
      try {
        times.set(choice, await trial.tflops(choice));
      } catch (error) {
        failed.push({ ...choice, reason: (error as Error).message.slice(0, 200) });
      }
    }
    if (times.size === 0) {
      throw new Error(`Cannot tune ${productKey(shape)} as every candidate failed: ${failed[0]?.reason}`);
    }
    const [[best, tflops]] = [...times].sort(([, a], [, b]) => b - a);
    const asRuled = [...times].find(([{ tile, splits, transposeB }]) =>
      tile === ruled.tile && splits === ruled.splits && !transposeB
    );
    return {
      product: productKey(shape),
      ...best,
      tflops,
      ruled: { ...ruled, tflops: asRuled?.[1] ?? 0 },
      failed,
    };
  } finally {
    trial.dispose();
  }
}

function ruledByName(shape: MatmulShape, { gpu }: Instruments): TunedChoice {
  const { tile, splits } = ruledChoice(shape, gpu.capabilities);
  const name = (Object.keys(TILES) as TileName[]).find((name) => TILES[name] === tile)!;
  return { tile: name, splits };
}

/** The rule's choice first, then every other tile for the kind of device, in more and fewer slices, and B transposed. */
function candidates(shape: MatmulShape, ruled: TunedChoice, { gpu }: Instruments): TunedChoice[] {
  const software = gpu.capabilities.software;
  // A kernel that spills registers slows later ones of the same device too, so float32 never tries the float16 tile.
  const fits = (name: TileName) => name !== "half" || shape.arithmetic === "float16";
  const names = (Object.keys(TILES) as TileName[]).filter((name) =>
    (name === "software") === software && fits(name)
  );
  const slices = [...new Set([ruled.splits, 1, Math.ceil(ruled.splits / 2), ruled.splits * 2, 3])];
  const transposes = shape.layout === "nt" ? [false, true] : [false];
  const all = [ruled.tile, ...names].flatMap((tile) =>
    slices.flatMap((splits) => transposes.map((transposeB) => ({ tile, splits, transposeB })))
  );
  const name = (choice: TunedChoice) => JSON.stringify(choice);
  return all.filter((choice, i) => i === all.findIndex((other) => name(other) === name(choice)));
}

/** Operands of one product, small integers whose sums are exact in float32 whatever the order. */
class Trial {
  readonly #instruments: Instruments;
  readonly #shape: MatmulShape;
  readonly #a: Tensor[];
  readonly #b: Tensor[];
  readonly #out: Tensor[];

  constructor(instruments: Instruments, shape: MatmulShape) {
    this.#instruments = instruments;
    this.#shape = shape;
    const { layout, m, n, k, products, columns, gatedA, dtype } = shape;
    const make = (count: number, size: [number, number], type: DType) =>
      Array.from({ length: count }, (_, which) => this.#tensor(size, type, which));
    this.#a = make(products * (gatedA ? 2 : 1), layout === "tn" ? [k, m] : [m, k], dtype);
    this.#b = make(products * columns, layout === "nt" ? [n, k] : [k, n], dtype);
    this.#out = make(columns, [m, n], dtype);
  }

  #tensor(size: [number, number], dtype: DType, which: number): Tensor {
    const init = { shape: size, dtype, purpose: "internal", label: "trial operand" } as const;
    const tensor = new Tensor(this.#instruments.gpu.memory, init);
    tensor.write(Float32Array.from({ length: tensor.length }, (_, i) => integer(i, which)));
    return tensor;
  }

  #request({ tile, splits, transposeB }: TunedChoice): MatmulRequest {
    const { layout, products, columns, gatedA, arithmetic } = this.#shape;
    return {
      label: "trial",
      layout,
      products,
      columns,
      gatedA,
      a: this.#a.map(matrix),
      b: this.#b.map(matrix),
      out: this.#out.map(matrix),
      activation: "identity",
      precision: arithmetic === "float16" ? "fastest" : "default",
      choice: { tile: TILES[tile], splits, transposeB },
    };
  }

  /** Keeps the device busy until its clocks have risen: making the operands has left it idle. */
  async warm(choice: TunedChoice): Promise<void> {
    const request = this.#request(choice);
    const timed = { timed: (recorder: GpuRecorder) => matmul(recorder, request) };
    for (let spentNs = 0; spentNs < WARM_NS;) {
      const times = await gpuTimes(this.#instruments, Array.from({ length: RUNS }, () => timed));
      spentNs += Math.max(times.reduce((sum, ns) => sum + ns, 0), WARM_NS / 100);
    }
  }

  async tflops(choice: TunedChoice): Promise<number> {
    const request = this.#request(choice);
    const timed = { timed: (recorder: GpuRecorder) => matmul(recorder, request) };
    const times = await gpuTimes(this.#instruments, Array.from({ length: RUNS + 1 }, () => timed));
    await this.#check();
    const { m, n, k, products, columns } = this.#shape;
    return 2 * m * n * k * products * columns / median(times.slice(1)) / 1e3;
  }

  /** Reads some rows back and compares some of their elements with sums of integers. */
  async #check(): Promise<void> {
    const { m, n, dtype } = this.#shape;
    const tolerance = dtype === "float32" ? 0 : dtype === "float16" ? 2 ** -10 : 2 ** -7;
    for (const [column, out] of this.#out.entries()) {
      const values = await out.read();
      for (let i = 0; i < CHECKED; i++) {
        const row = Math.floor(i * (m - 1) / (CHECKED - 1));
        const col = Math.floor((i * 37 % CHECKED) * (n - 1) / (CHECKED - 1));
        const expected = this.#expected(row, col, column);
        const got = values[row * n + col];
        if (!(Math.abs(got - expected) <= tolerance * Math.abs(expected))) {
          throw new Error(`its output [${row},${col}] is ${got}, not ${expected}`);
        }
      }
    }
  }

  #expected(row: number, col: number, column: number): number {
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

  dispose(): void {
    for (const tensor of [...this.#a, ...this.#b, ...this.#out]) tensor.dispose();
    this.#instruments.gpu.memory.trim();
  }
}

/** Element `i` of operand `which`: -2 to 2, without a short period. */
function integer(i: number, which: number): number {
  return (Math.imul(i + 1, 2654435761 + 40503 * which) >>> 13) % 5 - 2;
}
