/**
 * What a reader must know of the machine and the run before trusting a figure.
 *
 * @module
 */

import { formatBytes, formatRate, significant } from "./format.ts";
import { machineOf } from "./groups.ts";
import type { AdapterReport, CeilingsReport, DriverReport } from "./schema.ts";
import { plain } from "./shape.ts";
import { type Layout, proseWidth } from "./layout.ts";
import { wrap } from "./text.ts";

/** The machine beside its GPU. */
export interface Machine {
  /** System and processor, such as `linux x86_64`. */
  system: string;
  cores: number;
  /** Load average: programs that ran or waited to run, over the last minute. Null where the system does not tell. */
  load: number | null;
  /** Program name -> version. */
  versions: Record<string, string>;
}

/** More load than this part of the cores before the run begins disturbs it. */
const BUSY = 0.5;

/** A fact with the word that stands before it. */
export type Labelled = readonly [label: string, fact: string];

/** The header: machine, versions, adapter. */
export function contextFacts(machine: Machine, adapter: AdapterReport): Labelled[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const period = adapter.timestampPeriodNs;
  const timer = period ? `timer tick ${period.toPrecision(5)} ns` : "no timestamps: wall time only";
  const load = machine.load === null ? "" : `, load average ${machine.load.toFixed(1)}`;
  return [
    ["machine", `${machine.system}, ${machine.cores} cores${load}`],
    ["versions", versions],
    ["adapter", `${plain(machineOf({ adapter }), 70)}${adapter.software ? " (software)" : ""}, ${timer}`],
  ];
}

/** The ceilings in one line. */
export function ceilingsFact({ fmaTflops, matrixTflops = null, copyGBps }: CeilingsReport): Labelled {
  const { float32, float16 } = fmaTflops;
  const rates = [`${formatRate(float32)} float32`, ...float16 ? [`${formatRate(float16)} float16`] : []].join(
    ", ",
  );
  const tensor = matrixTflops === null ? "" : `${formatRate(matrixTflops)} subgroup matrices, `;
  const copy = copyGBps === null ? "-" : copyGBps.toFixed(copyGBps < 10 ? 1 : 0);
  return ["ceilings", `${rates} multiply-adds, ${tensor}copy ${copy} GB/s`];
}

/** Each ceiling that was measured, as part of a sentence. */
export function ceilingClauses({ fmaTflops, matrixTflops = null, copyGBps }: CeilingsReport): string[] {
  const { float32, float16 = null } = fmaTflops;
  return [
    float32 === null ? "" : `${formatRate(float32)} of float32 multiply-adds`,
    float16 === null ? "" : `${formatRate(float16)} of float16 multiply-adds`,
    matrixTflops === null ? "" : `${formatRate(matrixTflops)} of subgroup matrices (tensor cores)`,
    copyGBps === null ? "" : `${significant(copyGBps)} GB/s of copy`,
  ].filter((part) => part !== "");
}

/** What the driver's own tool told, in one line. */
export function driverFact(
  { version, usedBytes, clockMhz, temperatureCelsius }: DriverReport,
): Labelled {
  const facts = [
    usedBytes === null ? null : `${formatBytes(usedBytes)} of device memory in use`,
    clockMhz === null ? null : `${clockMhz} MHz`,
    temperatureCelsius === null ? null : `${temperatureCelsius} °C`,
  ].filter((fact) => fact !== null);
  return ["driver", [plain(version, 40), facts.join(", ")].filter((part) => part !== "").join(": ")];
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
      "The adapter has no timestamps: times include the CPU's part. Use a driver or browser with timestamp-query.",
    );
  }
  if (machine.load !== null && machine.load > BUSY * machine.cores) {
    warnings.push(
      `The load average was ${
        machine.load.toFixed(1)
      } on ${machine.cores} cores in the minute before the run: ` +
        "close other programs, wait a minute, and run again.",
    );
  }
  return warnings;
}

/** Columns of a label. */
const LABEL = 10;

/** A fact behind its label, in lines. */
export function factLines([label, fact]: Labelled, layout: Layout): string[] {
  return wrap(fact, { width: proseWidth(layout), lead: label.padEnd(LABEL) });
}
