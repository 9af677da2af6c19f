/**
 * `bench.ts compare`.
 *
 * @module
 */

import { UsageError } from "../process/argument_values.ts";
import { blindSpots, compareReports, regressions } from "../report/compare.ts";
import { renderComparison } from "../report/compare_text.ts";
import { readWhole } from "../process/files.ts";
import type { Layout } from "../report/layout.ts";
import { parseReport } from "../report/reader.ts";

/** What is compared. */
export interface CompareOptions {
  /** Path of the earlier report. */
  before: string;
  /** Path of the later one. */
  after: string;
  /** Percent by which times may differ without meaning anything. */
  threshold: number;
  /** Percent that a row may be slower; null where a slower row is no failure. */
  failOnRegression: number | null;
}

/**
 * How two report files differ, as text. `passes` is false if a row regressed, or if the comparison could not have
 * shown that one did.
 *
 * @throws {FileError} If one of them cannot be read.
 * @throws {ReportError} If one of them is not a report.
 * @throws {UsageError} If they have no row in common, or if regressions are asked for across machines.
 */
export function compareFiles(
  options: CompareOptions,
  layout: Layout,
): { text: string; passes: boolean } {
  const { before, after, threshold, failOnRegression } = options;
  const [earlier, later] = [before, after].map((path) => parseReport(readWhole(path), path));
  const comparison = compareReports(earlier, later, { noise: threshold / 100 });
  if (comparison.pairs.length === 0) {
    throw new UsageError("Cannot compare the reports as they have no row in common");
  }
  if (failOnRegression !== null && comparison.obstacles.length > 0) {
    throw new UsageError(`Cannot use --fail-on-regression: ${comparison.obstacles.join(" ")}`);
  }
  return {
    text: renderComparison(comparison, { failOnRegression, layout }),
    passes: failOnRegression === null ||
      regressions(comparison, failOnRegression).length + blindSpots(comparison, failOnRegression).length ===
        0,
  };
}
