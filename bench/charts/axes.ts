/**
 * Axes of quantities: their scale, their ticks, and how the ticks are written.
 *
 * @module
 */

import { greatest, least } from "../report/format.ts";
import type { Spec } from "./chart.ts";

/** How an axis is drawn. */
export interface AxisOptions {
  /** The title, with its unit. */
  title: string;
  /** Whether the axis is logarithmic. Default: it is if small values would be lost beside large ones (from 6 times on). */
  log?: boolean;
  /** The ends of a logarithmic axis. Default: a little beyond the values. */
  domain?: [number, number];
}

/** Largest value over smallest from which an axis becomes logarithmic. */
const WIDE = 6;

/** The factor by which a logarithmic axis goes beyond its values, so that symbols stay inside. A longer axis needs more. */
function margin(low: number, high: number): number {
  return Math.max(1.25, 10 ** (0.08 * decadesOf(low, high)));
}

/** Powers of ten from low to high. */
function decadesOf(low: number, high: number): number {
  return Math.log10(high / low);
}

/** Ticks at round numbers, so few that their labels fit side by side. */
export function logTicks(low: number, high: number): number[] {
  const decades = decadesOf(low, high);
  const steps = decades < 0.7 ? [1, 2, 3, 4, 6, 8] : decades < 2.2 ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(decades / 5));
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_, i) => first + i);
  return powers.filter((power) => power % stride === 0)
    .flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** The channel of a quantity: its field, scale and axis. */
export function quantity(field: string, values: readonly number[], options: AxisOptions): Spec {
  const { title, domain } = options;
  const positive = values.filter((value) => value > 0);
  const [low, high] = [least(positive), greatest(positive)];
  const wide = positive.length === values.length && high / low > WIDE;
  if (positive.length > 0 && (options.log ?? wide)) {
    const beyond = margin(low, high);
    return logChannel(field, { title, domain: domain ?? [low / beyond, high * beyond] });
  }
  return {
    field,
    type: "quantitative",
    scale: { type: "linear", domain: linearDomain(values), nice: false },
    axis: { title, tickCount: 4 },
  };
}

/**
 * The ends of a linear axis, a little beyond the values. Where these are almost equal it is wider, because their ticks would
 * differ in the seventh digit only.
 */
function linearDomain(values: readonly number[]): [number, number] {
  const [low, high] = [least(values), greatest(values)];
  if (high === 0) return [0, 1];
  if (high - low < 0.02 * high) return [0.8 * low, 1.2 * high];
  const beyond = 0.08 * (high - low);
  return [Math.max(0, low - beyond), high + beyond];
}

function logChannel(field: string, { title, domain }: { title: string; domain: [number, number] }): Spec {
  const [low, high] = domain;
  return {
    field,
    type: "quantitative",
    scale: { type: "log", domain, nice: false },
    axis: { title: `${title} (log)`, values: logTicks(low, high), ...tickLabels(low, high) },
  };
}

/** How ticks are written: 0.2 and 2000 as they are, larger ones as 20 G, and what is small as 2e-6. */
export function tickLabels(low: number, high: number): Spec {
  if (low < 1e-3) return { format: ".0e" };
  if (high < 1e5) return { format: "~r" };
  return { labelExpr: "replace(format(datum.value, '~s'), regexp('([a-zA-Z])$'), ' $1')" };
}
