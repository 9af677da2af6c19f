/**
 * Axes of quantities: which scale, which ticks, how they are written.
 *
 * @module
 */

import { greatest, least } from "../format.ts";
import type { Spec } from "./chart.ts";

/** What an axis may be told. */
export interface AxisOptions {
  /** With its unit. */
  title: string;
  /** Logarithmic; without it, where values spread so far that small ones would be lost. */
  log?: boolean;
  /** The ends of a logarithmic axis; without them a little beyond the values. */
  domain?: [number, number];
}

/** Largest value over smallest from which an axis becomes logarithmic. */
const WIDE = 6;

/** How far a logarithmic axis goes beyond its values, so that symbols stay inside: the more, the longer it is. */
function margin(low: number, high: number): number {
  return Math.max(1.25, (high / low) ** 0.08);
}

/** Ticks at round numbers: few enough for their labels to stand side by side. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
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
  // Values that are all but one would make an axis whose ticks differ in the seventh digit.
  const narrow = high / low < 1.02;
  return {
    field,
    type: "quantitative",
    scale: narrow
      ? { domain: [0.8 * low, 1.2 * high] }
      : { type: "linear", zero: false, nice: true, padding: 12 },
    axis: { title, tickCount: 4 },
  };
}

function logChannel(field: string, { title, domain }: { title: string; domain: [number, number] }): Spec {
  const [low, high] = domain;
  const format = low < 1e-3 || high >= 1e5 ? ".0e" : "~r";
  return {
    field,
    type: "quantitative",
    scale: { type: "log", domain, nice: false },
    axis: { title, values: logTicks(low, high), format },
  };
}
