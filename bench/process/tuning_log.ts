/**
 * What a search for tiles found, kept after every product.
 *
 * @module
 */

import { UsageError } from "./argument_values.ts";
import { writeWhole } from "./files.ts";
import { formatPercent, formatRate } from "../report/format.ts";
import type { Layout } from "../report/layout.ts";
import { type Column, fitted, type FittedColumn, line } from "../report/text.ts";

/** A tile by name, slices of K, those of the last rows, and whether B is copied transposed first. */
interface Choice {
  readonly tile: string;
  readonly splits: number;
  readonly transposeB?: boolean;
  readonly tail?: { readonly tileRows: number; readonly splits: number };
}

/** "wide/2", "wide/2t" where B is transposed, "wide/1+3/8" where the last 3 rows of tiles go in 8 slices. */
function nameOf({ tile, splits, transposeB, tail }: Choice): string {
  return `${tile}/${splits}${tail ? `+${tail.tileRows}/${tail.splits}` : ""}${transposeB ? "t" : ""}`;
}

/** What was found for one product. */
export interface TunedProduct extends Choice {
  readonly product: string;
  readonly tflops: number;
  /** What the rule takes, and how fast that is. */
  readonly ruled: Choice & { readonly tflops: number };
  readonly failed: readonly unknown[];
}

/** What was found on one adapter. */
interface Table {
  readonly adapter: string;
  readonly entries: readonly TunedProduct[];
}

/** The table's file in an output folder. */
export const TUNING_FILE = "tuning.json";

/** The path of {@linkcode TUNING_FILE}. */
export function tuningPath(folder: string): string {
  return `${folder}/${TUNING_FILE}`;
}

const COLUMNS: readonly Column[] = [
  { heading: "fastest tile", width: 18, align: "left" },
  { heading: "rate", width: 15, align: "right" },
  { heading: "by rule", width: 8, align: "right" },
  { heading: "tile by rule", width: 18, align: "left", leaves: 2 },
  { heading: "failed", width: 7, align: "right", leaves: 1 },
];

/** Columns of a product's name. It stands behind the others, and is never cut. */
const PRODUCT = 39;

const HEADINGS = COLUMNS.map(({ heading }) => heading);

/** A tuning table as it grows. What is found again replaces what was known of the same product. All else stays. */
export class TuningLog {
  /** The table's file. */
  readonly path: string;
  readonly #columns: readonly FittedColumn[];
  readonly #table: { schema: string; adapter: string; entries: TunedProduct[] };

  /** @param options.earlier The table that the folder has, which grows; null for none. */
  constructor(
    folder: string,
    { schema, earlier, layout }: { schema: string; earlier: Table | null; layout: Layout },
  ) {
    this.path = tuningPath(folder);
    this.#columns = fitted(COLUMNS, { lines: [HEADINGS], width: layout.columns - PRODUCT });
    this.#table = { schema, adapter: earlier?.adapter ?? "", entries: [...earlier?.entries ?? []] };
  }

  /** What stands above the lines of {@linkcode entry}. */
  get heading(): string {
    return `${line(HEADINGS, this.#columns)} product`;
  }

  /**
   * Takes the adapter, before any product.
   *
   * @throws {UsageError} If the folder's table is of another adapter.
   */
  adapter(name: string): void {
    const { adapter } = this.#table;
    if (adapter !== "" && adapter !== name) {
      throw new UsageError(
        `Cannot keep what is found for ${name} in ${this.path} as that is of ${adapter}: choose another --output-dir`,
      );
    }
    this.#table.adapter = name;
  }

  /**
   * Takes a product, and tells it in one line.
   *
   * @throws {FileError} If the table cannot be written.
   */
  entry(entry: TunedProduct): string {
    const { entries } = this.#table;
    const known = entries.findIndex(({ product }) => product === entry.product);
    entries.splice(known < 0 ? entries.length : known, 1, entry);
    writeWhole(this.path, `${JSON.stringify(this.#table, null, 1)}\n`);
    const { product, tflops, ruled, failed } = entry;
    const cells = [
      nameOf(entry),
      formatRate(tflops),
      formatPercent(ruled.tflops / tflops),
      nameOf(ruled),
    ];
    return `${line([...cells, `${failed.length}`], this.#columns)} ${product}`;
  }
}
