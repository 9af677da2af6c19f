/**
 * What a run tells its log: the part of a measuring process's events that is for the report and the terminal.
 *
 * @module
 */

import type { ReportProblem } from "./groups.ts";
import type { AdapterReport, CeilingsReport, Row } from "./schema.ts";

/** A variant in a mode. */
export type RowId = Pick<Row, "variant" | "mode">;

/** A part of the work: all of ours on one problem, or all of our peers'. */
export interface Part {
  readonly problem: ReportProblem;
  readonly peers?: boolean;
}

/** Something that happened. */
export type RunEvent =
  | { readonly type: "adapter"; readonly adapter: AdapterReport }
  | { readonly type: "ceilings"; readonly ceilings: CeilingsReport }
  /** Parts of the work, and about how many seconds each takes. */
  | { readonly type: "plan"; readonly groups: readonly (Part & { readonly seconds: number })[] }
  | Part & { readonly type: "begin"; readonly doing: string; readonly rows: readonly RowId[] }
  /** How far the part that was begun last is, from 0 to 1. */
  | { readonly type: "progress"; readonly fraction: number }
  | { readonly type: "row"; readonly row: Row }
  /** A doubt about the whole run. */
  | { readonly type: "warning"; readonly text: string };
