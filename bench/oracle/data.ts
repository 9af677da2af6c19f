import { type DType, roundTo } from "../../kernels/gpu/dtype.ts";
import type { Sizes } from "../../variants/variant.ts";

/** Everything that a block's forward and backward start from, row-major on the CPU. */
export interface HostInputs {
  /** Input, [T, D]. */
  readonly x: Float32Array;
  /** W_gate, [D, H]. */
  readonly gate: Float32Array;
  /** W_up, [D, H]. */
  readonly up: Float32Array;
  /** W_down, [H, D]. */
  readonly down: Float32Array;
  /** Gradient of the output, [T, D]. */
  readonly dy: Float32Array;
}

/** Standard deviation of the difference of two independent whole numbers that are uniform in [0, 2^16). */
const DIFFERENCE_DEVIATION = Math.sqrt((2 ** 32 - 1) / 6);

/** Elements that are made at a time. So few stay in the first-level cache until they are rounded. */
const CHUNK = 2048;

/**
 * Makes inputs that depend only on the sizes, the dtype and the seed.
 *
 * All have zero mean. The variance of x and dy is 1, that of each weight is 1 / fan-in. So g, u and y stay near 1 for any
 * width, and float16 neither overflows nor underflows.
 *
 * @param seed A whole number. Tensors of one seed are independent of each other.
 * @returns Numbers that the dtype holds exactly: each is already rounded to it.
 * @throws {RangeError} If the seed is not a whole number.
 */
export function randomInputs(sizes: Sizes & { readonly dtype: DType }, seed: number): HostInputs {
  const { tokens, dim, hiddenDim, dtype } = sizes;
  const draw = (stream: number, length: number, deviation: number) =>
    scatter(new Float32Array(length), new Random(seed, stream), { deviation, dtype });
  return {
    x: draw(0, tokens * dim, 1),
    gate: draw(1, dim * hiddenDim, 1 / Math.sqrt(dim)),
    up: draw(2, dim * hiddenDim, 1 / Math.sqrt(dim)),
    down: draw(3, hiddenDim * dim, 1 / Math.sqrt(hiddenDim)),
    dy: draw(4, tokens * dim, 1),
  };
}

/**
 * Distinct indices below `length`, ascending: the first, the last (where edge tiles lie), and a random one in each of as
 * many equal parts between, so that no long run of wrong rows is missed.
 *
 * @throws {RangeError} If the seed is not a whole number.
 */
export function sampleIndices(length: number, seed: number, options: { count: number }): number[] {
  const count = Math.min(length, options.count);
  const random = new Random(seed, 6);
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return 0;
    if (i === count - 1) return length - 1;
    const [from, to] = [i, i + 1].map((part) => Math.floor(part * length / count));
    return from + random.below(to - from);
  });
}

/** Joins W_gate and W_up, each [D, H], into one [D, 2, H] weight, gate first. */
export function combineGateUp(gate: Float32Array, up: Float32Array, hiddenDim: number): Float32Array {
  const combined = new Float32Array(gate.length + up.length);
  for (let start = 0; start < gate.length; start += hiddenDim) {
    combined.set(gate.subarray(start, start + hiddenDim), 2 * start);
    combined.set(up.subarray(start, start + hiddenDim), 2 * start + hiddenDim);
  }
  return combined;
}

/** Splits a [D, 2, H] weight, or its gradient, into gate and up, each [D, H]. */
export function splitGateUp(
  combined: Float32Array,
  hiddenDim: number,
): { gate: Float32Array; up: Float32Array } {
  const gate = new Float32Array(combined.length / 2);
  const up = new Float32Array(combined.length / 2);
  for (let start = 0; start < gate.length; start += hiddenDim) {
    gate.set(combined.subarray(2 * start, 2 * start + hiddenDim), start);
    up.set(combined.subarray(2 * start + hiddenDim, 2 * start + 2 * hiddenDim), start);
  }
  return { gate, up };
}

/** Fills with a triangular distribution. It is nearly normal, and costs only one random word for an element. */
function scatter(
  values: Float32Array,
  random: Random,
  options: { deviation: number; dtype: DType },
): Float32Array {
  const scale = options.deviation / DIFFERENCE_DEVIATION;
  const words = new Int32Array(CHUNK);
  for (let start = 0; start < values.length; start += CHUNK) {
    const chunk = values.subarray(start, start + CHUNK);
    random.fill(words);
    for (let i = 0; i < chunk.length; i++) chunk[i] = ((words[i] & 0xffff) - (words[i] >>> 16)) * scale;
    if (options.dtype !== "float32") chunk.set(roundTo(chunk, options.dtype));
  }
  return values;
}

/**
 * A small, fast generator with a counter and 128 bits of state: sfc32 of Chris Doty-Humphrey
 * (https://pracrand.sourceforge.net/RNG_engines.txt). Its period is at least 2^32.
 */
class Random {
  #state: readonly [number, number, number, number];
  readonly #word = new Int32Array(1);

  constructor(seed: number, stream: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(`Cannot draw numbers as seed must be a whole number: current value is ${seed}`);
    }
    this.#state = [stream, seed | 0, Math.floor(seed / 2 ** 32) | 0, 1];
    // After 12 rounds, the words of seeds or streams that differ in one bit have nothing in common.
    this.fill(new Int32Array(12));
  }

  /** Fills with random bits. The loop keeps the state in local variables, which takes a fifth of the time of fields. */
  fill(words: Int32Array): void {
    let [a, b, c, counter] = this.#state;
    for (let i = 0; i < words.length; i++) {
      const word = (a + b + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + word) | 0;
      words[i] = word;
    }
    this.#state = [a, b, c, counter];
  }

  /** A whole number from 0 to `limit` - 1. Its bias is below limit / 2^32. */
  below(limit: number): number {
    this.fill(this.#word);
    return Math.floor((this.#word[0] >>> 0) / 2 ** 32 * limit);
  }
}
