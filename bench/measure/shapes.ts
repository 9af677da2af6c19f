import { bytesPerElement, type DType } from "../../kernels/gpu/dtype.ts";
import type { Sizes } from "../../variants/variant.ts";
import { orMeant } from "../report/nearest.ts";
import { PRESETS } from "./presets.ts";

/** An argument whose value breaks a rule. The message is one line that names argument and rule. */
export class ArgumentError extends RangeError {
  override name = "ArgumentError";

  /**
   * @param argument Name of the argument, such as `--sizes`.
   * @param names Those of which the value may be a misspelt one.
   */
  constructor(readonly argument: string, rule: string, value: string, names: readonly string[] = []) {
    const shown = JSON.stringify(shorten(value));
    super(`Cannot use ${argument} as ${rule}: current value is ${shown}${orMeant(value, names)}`);
  }
}

/** What is timed: `full` is forward and backward together. */
export type Mode = "forward" | "backward" | "full";

/** Largest T, D or H. Products of two stay below 2^48, far inside the whole numbers that a double holds. */
export const MAX_SIZE = 2 ** 24;

/** T if neither the size nor the command line says. The published figures have it. */
export const DEFAULT_TOKENS = 4096;

const GRAMMAR = "each of its sizes must be D, DxH, TxDxH or a preset (see --list)";

/** How {@linkcode parseSizes} fills in what a size leaves open. */
export interface SizeOptions {
  /** T of sizes that leave it open. Default: {@linkcode DEFAULT_TOKENS}. */
  tokens?: number;
}

/**
 * Sizes from a comma list of `D`, `DxH`, `TxDxH` and preset names, in order, each once.
 *
 * A bare D has {@linkcode llamaHiddenDim} as its H. T comes from the size itself, else from the options, else from the
 * preset, else it is {@linkcode DEFAULT_TOKENS}.
 *
 * @throws {ArgumentError} If a size is malformed, a number is not a whole number from 1 to {@linkcode MAX_SIZE}, or T is
 * given and no size leaves it open.
 */
export function parseSizes(list: string, options: SizeOptions = {}): Sizes[] {
  const texts = list.split(",").map((text) => text.trim());
  const sizes = texts.map((text) => parseSize(text, options));
  if (options.tokens !== undefined && texts.every((text) => text.split("x").length === 3)) {
    throw new ArgumentError("--tokens", "one of --sizes must leave them open (D, DxH or a preset)", list);
  }
  const unique = new Map(sizes.map((size) => [formatSizes(size), size]));
  return [...unique.values()];
}

/** `TxDxH`, as {@linkcode parseSizes} reads it. */
export function formatSizes({ tokens, dim, hiddenDim }: Sizes): string {
  return `${tokens}x${dim}x${hiddenDim}`;
}

/**
 * A whole number from 1 to {@linkcode MAX_SIZE} in decimal digits.
 *
 * @throws {ArgumentError} If it is anything else.
 */
export function parseDimension(argument: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= MAX_SIZE) return value;
  throw new ArgumentError(argument, `a size must be a whole number from 1 to ${MAX_SIZE}`, text);
}

/**
 * Llama's hidden width: 8D/3, rounded up to a multiple of 256; 4096 -> 11008.
 *
 * Source: H. Touvron et al., "LLaMA" (2023), section 2.2, and the released code's `multiple_of`.
 */
export function llamaHiddenDim(dim: number): number {
  return Math.ceil(8 * dim / 3 / 256) * 256;
}

function parseSize(text: string, { tokens }: SizeOptions): Sizes {
  const preset = PRESETS.find(({ name }) => name === text.toLowerCase());
  if (preset) {
    const { dim, hiddenDim } = preset;
    return { tokens: tokens ?? preset.tokens ?? DEFAULT_TOKENS, dim, hiddenDim };
  }
  const parts = text.split("x");
  if (parts.length > 3 || parts.some((part) => !/^[-+]?[\d.]+$/.test(part))) {
    throw new ArgumentError("--sizes", GRAMMAR, text, PRESETS.map(({ name }) => name));
  }
  const numbers = parts.map((part) => parseDimension("--sizes", part));
  const [dim, hiddenDim = boundedHiddenDim(dim, text)] = numbers.slice(-2);
  return { tokens: numbers.length === 3 ? numbers[0] : tokens ?? DEFAULT_TOKENS, dim, hiddenDim };
}

function boundedHiddenDim(dim: number, text: string): number {
  const hiddenDim = llamaHiddenDim(dim);
  if (hiddenDim <= MAX_SIZE) return hiddenDim;
  throw new ArgumentError("--sizes", `the hidden width that follows must be at most ${MAX_SIZE}`, text);
}

/** Floating-point operations that the formulas ask for: 6TDH forward, 12TDH backward. */
export function flopsOf({ tokens, dim, hiddenDim }: Sizes, mode: Mode): number {
  return { forward: 6, backward: 12, full: 18 }[mode] * tokens * dim * hiddenDim;
}

/**
 * Device bytes that any implementation must move: each input is read once, and each output written once.
 *
 * Forward reads x and the weights, and writes y. Backward reads dy too, and writes the gradients of x and of the weights.
 * What forward saves for backward is not counted.
 */
export function minimalBytes(
  { tokens, dim, hiddenDim, dtype }: Sizes & { dtype: DType },
  mode: Mode,
): number {
  const [activations, weights] = { forward: [2, 1], backward: [3, 2], full: [4, 2] }[mode];
  return (activations * tokens * dim + weights * 3 * dim * hiddenDim) * bytesPerElement(dtype);
}

/** Sizes at which kernels tend to break: rows that are not aligned, one of everything, one more or less than a tile. */
export const AWKWARD_SIZES: readonly Sizes[] = [
  { tokens: 1, dim: 1, hiddenDim: 1 },
  { tokens: 1, dim: 64, hiddenDim: 256 },
  { tokens: 2, dim: 3, hiddenDim: 1 },
  { tokens: 7, dim: 3, hiddenDim: 41 },
  { tokens: 17, dim: 31, hiddenDim: 15 },
  { tokens: 33, dim: 129, hiddenDim: 65 },
  { tokens: 63, dim: 64, hiddenDim: 127 },
  { tokens: 65, dim: 32, hiddenDim: 33 },
  { tokens: 5, dim: 123, hiddenDim: 431 },
  { tokens: 129, dim: 16, hiddenDim: 257 },
];

function shorten(value: string): string {
  return value.length > 60 ? `${value.slice(0, 59)}…` : value;
}
