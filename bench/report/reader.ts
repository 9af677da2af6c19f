/**
 * Reads reports that may come from anywhere: every input ends in a {@link Report} or in a {@link ReportError}.
 *
 * @module
 */

import { BOUNDS, DTYPES, MODES, PRECISIONS, type Report, SCHEMA, STATUSES } from "./schema.ts";
import {
  amount,
  byteCount,
  type Check,
  count,
  dictionary,
  filledText,
  flag,
  list,
  nullable,
  oneOf,
  type Place,
  plain,
  positive,
  record,
  refuse,
  ReportError,
  text,
} from "./shape.ts";

export { ReportError };

const interval: Check = (value, at) => {
  list(amount)(value, at);
  if ((value as unknown[]).length !== 2) refuse(value, at, "a list of two numbers");
  const [low, high] = value as [number, number];
  if (low > high) refuse(`${low}, ${high}`, at, "an interval whose first end is the lower");
};

const statisticsShape = record({
  samples: list(amount),
  median: amount,
  p20: amount,
  p80: amount,
  min: amount,
  mean: amount,
  n: count,
  cv: nullable(amount),
}, { ci: nullable(interval) });

const statistics: Check = (value, at) => {
  statisticsShape(value, at);
  const { n, samples } = value as { n: number; samples: number[] };
  if (n !== samples.length) {
    refuse(n, { name: at.name, path: `${at.path}.n` }, `the number of samples, ${samples.length}`);
  }
};

const timing = record({ gpuNs: nullable(statistics), wallNs: nullable(statistics) });

const memory = record({
  peakBytes: byteCount,
  savedBytes: nullable(byteCount),
  workspaceBytes: nullable(byteCount),
  predictedPeakBytes: nullable(byteCount),
}, { reservedBytes: nullable(byteCount) });

const accuracy = record({
  y: nullable(amount),
  dx: nullable(amount),
  dGate: nullable(amount),
  dUp: nullable(amount),
  dDown: nullable(amount),
});

const kernel = record(
  { label: filledText, gpuNs: nullable(amount), flops: nullable(amount), bytes: nullable(amount) },
  { tile: nullable(text), bound: nullable(oneOf(BOUNDS)), fractionOfCeiling: nullable(amount) },
);

const rowShape = record({
  variant: filledText,
  tokens: count,
  dim: count,
  hiddenDim: count,
  dtype: oneOf(DTYPES),
  precision: oneOf(PRECISIONS),
  activation: filledText,
  mode: oneOf(MODES),
  status: oneOf(STATUSES),
  reason: nullable(text),
  implementation: nullable(text),
  tile: nullable(text),
  timing: nullable(timing),
  flops: nullable(amount),
  bytes: nullable(amount),
  tflops: nullable(amount),
  fractionOfCeiling: nullable(amount),
  memory: nullable(memory),
  accuracy: nullable(accuracy),
  compileMs: nullable(amount),
  kernels: list(kernel),
}, {
  bound: nullable(oneOf(BOUNDS)),
  sampled: nullable(flag),
  narrow: nullable(flag),
  coldMs: nullable(amount),
  warnings: list(text),
});

/** A row is timed if and only if it is ok, and says why where it is not. */
const row: Check = (value, at) => {
  rowShape(value, at);
  const { status, reason, timing } = value as {
    status: string;
    reason: string | null;
    timing: object | null;
  };
  const place = (key: string): Place => ({ name: at.name, path: `${at.path}.${key}` });
  if (status === "ok" && timing === null) refuse(timing, place("timing"), "an object where status is ok");
  if (status !== "ok" && timing !== null) refuse(timing, place("timing"), `null where status is ${status}`);
  if (status !== "ok") filledText(reason, place("reason"));
};

const adapter = record({
  vendor: text,
  architecture: text,
  device: text,
  description: text,
  software: flag,
}, { features: list(text), limits: dictionary(amount), timestampPeriodNs: nullable(positive) });

const ceilings = record({
  fmaTflops: record({ float32: nullable(positive) }, { float16: nullable(positive) }),
  copyGBps: nullable(positive),
});

const driver = record({
  version: text,
  usedBytes: nullable(byteCount),
  clockMhz: nullable(amount),
  temperatureCelsius: nullable(amount),
});

const setting: Check = (value, at) => {
  if (value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)) return;
  refuse(value, at, "a string, a number, true, false or null");
};

const report = record({
  createdAt: filledText,
  command: text,
  versions: dictionary(text),
  adapter,
  ceilings,
  rows: list(row),
}, { driver: nullable(driver), settings: dictionary(setting), warnings: list(text) });

/** Throws unless the schema is the one that this program knows; tells newer reports from strange files. */
function checkSchema(value: unknown, name: string): void {
  const at: Place = { name, path: "$" };
  record({}, {})(value, at);
  const schema = Object.hasOwn(value as object, "schema") ? (value as { schema: unknown }).schema : undefined;
  if (schema === SCHEMA) return;
  const version = typeof schema === "string" ? /^swiglu-bench\/(\d{1,9})$/.exec(schema) : null;
  if (version !== null && Number(version[1]) > Number(SCHEMA.split("/")[1])) {
    throw new ReportError(
      `Cannot read ${
        plain(name, 200)
      } as its schema ${schema} is newer than ${SCHEMA}, the newest that this version reads: update the suite`,
    );
  }
  refuse(schema, { name, path: "$.schema" }, `"${SCHEMA}", which bench.ts writes`);
}

/**
 * Reads a report from JSON text.
 *
 * @param text The file's content
 * @param name The file's name, for messages
 * @throws {ReportError} if the text is no JSON, has another schema, or breaks a rule of it; one line that names the
 * file, the JSON path, the rule and the value
 */
export function parseReport(text: string, name: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = plain(error instanceof Error ? error.message : String(error), 120);
    throw new ReportError(`Cannot read the report ${plain(name, 200)} as it is not JSON: ${why}`);
  }
  checkSchema(value, name);
  report(value, { name, path: "$" });
  return value as Report;
}
