/**
 * What a run tells its log: the part of a measuring process's events that is for the report and the terminal.
 *
 * @module
 */

import type { Problem } from "./groups.ts";
import type { AdapterReport, Ceilings, Row } from "./schema.ts";

/** A variant in a mode. */
export type RowId = Pick<Row, "variant" | "mode">;

/** Something that happened. */
export type RunEvent =
  | { readonly type: "adapter"; readonly adapter: AdapterReport }
  | { readonly type: "ceilings"; readonly ceilings: Ceilings }
  /** Problems that will be measured, and about how many seconds each takes. */
  | {
    readonly type: "plan";
    readonly groups: readonly { readonly problem: Problem; readonly seconds: number }[];
  }
  | {
    readonly type: "begin";
    readonly doing: string;
    readonly problem: Problem;
    readonly rows: readonly RowId[];
  }
  /** Part of the work on the problem that was begun last, from 0 to 1. */
  | { readonly type: "progress"; readonly fraction: number }
  | { readonly type: "row"; readonly row: Row }
  /** A doubt about the whole run. */
  | { readonly type: "warning"; readonly text: string };
