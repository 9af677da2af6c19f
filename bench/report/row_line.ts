/**
 * A finished row in one line.
 *
 * @module
 */

import { formatError, formatPercent, formatShape, formatTime } from "./format.ts";
import { errorOf, problemOf, timeOf } from "./groups.ts";
import type { Row } from "./schema.ts";
import { plain } from "./shape.ts";

/** The row's name with its time, spread and error, or why it has none. */
export function rowLine(row: Row): string {
  const type = row.precision === "default" ? row.dtype : `${row.dtype}, ${row.precision}`;
  const name = `${row.variant} ${row.mode}, ${formatShape(problemOf(row))}, ${type}`;
  const time = timeOf(row);
  if (row.status !== "ok" || time === null) return `${name}: ${row.status}: ${plain(row.reason ?? "", 200)}`;
  const { median, n, ci } = time.statistics;
  const spread = ci ? ` +-${formatPercent((ci[1] - ci[0]) / 2 / median)}` : "";
  return `${name}: ${formatTime(median)}${spread} of ${n}, error ${formatError(errorOf(row))}`;
}
