/**
 * Numbers with units, for people.
 *
 * @module
 */

/** A unit, and its size in the base unit: ns, bytes or TFLOP/s. */
export interface Unit {
  name: string;
  size: number;
}

const TIMES: readonly Unit[] = [
  { name: "ns", size: 1 },
  { name: "µs", size: 1e3 },
  { name: "ms", size: 1e6 },
  { name: "s", size: 1e9 },
];

const SIZES: readonly Unit[] = [
  { name: "B", size: 1 },
  { name: "KiB", size: 2 ** 10 },
  { name: "MiB", size: 2 ** 20 },
  { name: "GiB", size: 2 ** 30 },
];

/** Rates in TFLOP/s, as reports hold them. */
const RATES: readonly Unit[] = [
  { name: "MFLOP/s", size: 1e-6 },
  { name: "GFLOP/s", size: 1e-3 },
  { name: "TFLOP/s", size: 1 },
  { name: "PFLOP/s", size: 1e3 },
];

/** The largest unit in which `value` is at least 1, or else the smallest unit. */
function unitOf(value: number, units: readonly Unit[]): Unit {
  return units.findLast((unit) => value >= unit.size) ?? units[0];
}

/** The unit in which to print a time in nanoseconds. */
export function timeUnit(ns: number): Unit {
  return unitOf(ns, TIMES);
}

/** The unit in which to print a size in bytes. */
export function byteUnit(bytes: number): Unit {
  return unitOf(bytes, SIZES);
}

/** The unit in which to print a rate in TFLOP/s. */
export function rateUnit(tflops: number): Unit {
  return unitOf(tflops, RATES);
}

/** The value with so many significant digits. It has no exponent, and keeps every digit before the point. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  const decimals = Math.min(Math.max(digits - before, 0), 9);
  const text = value.toFixed(decimals);
  // 9.9996 has one digit before the point until it is rounded to 10.000.
  return Number(text) >= 10 ** before && decimals > 0 ? value.toFixed(decimals - 1) : text;
}

function withUnit(value: number | null, unit: (value: number) => Unit): string {
  if (value === null) return "-";
  const { name, size } = unit(value);
  return `${significant(value / size)} ${name}`;
}

/** A time such as `18.90 ms`; `-` for null. */
export function formatTime(ns: number | null, unit?: Unit): string {
  return withUnit(ns, unit === undefined ? timeUnit : () => unit);
}

/** A size such as `412.0 MiB`, or `3 KiB` where it is whole; `-` for null. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return "-";
  const { name, size } = byteUnit(bytes);
  const value = bytes / size;
  return `${Number.isInteger(value) ? value : significant(value)} ${name}`;
}

/** A rate such as `49.70 TFLOP/s`; `-` for null. */
export function formatRate(tflops: number | null): string {
  return withUnit(tflops, rateUnit);
}

/** A fraction as whole percent, with one decimal below 10 %; `-` for null. */
export function formatPercent(fraction: number | null): string {
  if (fraction === null) return "-";
  const percent = 100 * fraction;
  return `${percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** A relative error such as `1.2e-7`; `-` for null. */
export function formatError(error: number | null): string {
  if (error === null) return "-";
  return error === 0 ? "0" : error.toExponential(1);
}

/** A ratio such as `0.85x`. */
export function formatRatio(ratio: number): string {
  return `${ratio >= 99.95 ? ratio.toFixed(0) : ratio.toFixed(2)}x`;
}

/** `T 4096, D 4096, H 11008`. */
export function formatShape(shape: { tokens: number; dim: number; hiddenDim: number }): string {
  return `T ${shape.tokens}, D ${shape.dim}, H ${shape.hiddenDim}`;
}

/** The least of the values, without null and undefined. `Infinity` where there is none. Lists may have any length. */
export function least(values: Iterable<number | null | undefined>): number {
  let best = Infinity;
  for (const value of values) best = Math.min(best, value ?? Infinity);
  return best;
}

/** The greatest of the values, and 0 at least. Null and undefined count as 0. Lists may have any length. */
export function greatest(values: Iterable<number | null | undefined>): number {
  let best = 0;
  for (const value of values) best = Math.max(best, value ?? 0);
  return best;
}
