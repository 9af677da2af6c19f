/**
 * The machine and the run, as a reader must know them to trust a figure.
 *
 * @module
 */

import { formatBytes, formatRate } from "./format.ts";
import { machineOf } from "./groups.ts";
import type { AdapterReport, Ceilings, DriverReport } from "./schema.ts";
import { plain } from "./shape.ts";
import { wrap } from "./text.ts";

/** The machine beside its GPU. */
export interface Machine {
  /** System and processor, such as `linux x86_64`. */
  system: string;
  cores: number;
  /** Average number of running programs over the last minute. Null where the system does not tell. */
  load: number | null;
  /** Program name -> version. */
  versions: Record<string, string>;
}

const WIDTH = 100;

/** A run is disturbed if more than this part of the cores is busy before it begins. */
const BUSY = 0.5;

/** The header: machine, versions, adapter. */
export function contextLines(machine: Machine, adapter: AdapterReport): string[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const period = adapter.timestampPeriodNs;
  const timer = period ? `timer tick ${period.toPrecision(5)} ns` : "no timestamps: wall time only";
  return [
    `machine   ${machine.system}, ${machine.cores} cores${
      machine.load === null ? "" : `, load ${machine.load.toFixed(1)}`
    }`,
    `versions  ${versions}`,
    `adapter   ${plain(machineOf({ adapter }), 70)}${adapter.software ? " (software)" : ""}, ${timer}`,
  ];
}

/** The ceilings in one line. */
export function ceilingsLine({ fmaTflops: { float32, float16 }, copyGBps }: Ceilings): string {
  const rates = [`${formatRate(float32)} float32`, ...float16 ? [`${formatRate(float16)} float16`] : []].join(
    ", ",
  );
  return `ceilings  ${rates} multiply-adds, copy ${
    copyGBps === null ? "-" : copyGBps.toFixed(copyGBps < 10 ? 1 : 0)
  } GB/s`;
}

/** What the driver's own tool said, in one line. */
export function driverLine({ version, usedBytes, clockMhz, temperatureCelsius }: DriverReport): string {
  const facts = [
    usedBytes === null ? null : `${formatBytes(usedBytes)} of device memory in use`,
    clockMhz === null ? null : `${clockMhz} MHz`,
    temperatureCelsius === null ? null : `${temperatureCelsius} °C`,
  ].filter((fact) => fact !== null);
  return [`driver    ${plain(version, 40)}`, facts.join(", ")].filter((part) => part !== "").join(": ");
}

/** Doubts about the whole run, each a sentence with its remedy. */
export function machineWarnings(machine: Machine, adapter: AdapterReport): string[] {
  const warnings: string[] = [];
  if (adapter.software) {
    warnings.push(
      "The adapter is software: times tell nothing about a GPU. Run on a machine with a GPU and its driver.",
    );
  }
  if (!adapter.timestampPeriodNs) {
    warnings.push(
      "The adapter has no timestamps: times include the CPU's part. Use a driver with timestamp-query.",
    );
  }
  if (machine.load !== null && machine.load > BUSY * machine.cores) {
    warnings.push(
      `Other programs keep ${
        machine.load.toFixed(1)
      } of ${machine.cores} cores busy: close them and run again.`,
    );
  }
  return warnings;
}

/** A warning as lines for the terminal. */
export function warningLines(warning: string): string[] {
  return wrap(warning, { width: WIDTH, lead: "warning   " });
}
