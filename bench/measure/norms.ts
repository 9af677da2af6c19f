import type { Numbers } from "../oracle/mod.ts";

/** Sums of squares of the rows, or of the columns, of a matrix. */
export interface Lines {
  /** Of the differences between what was computed and what is expected. Not finite if an element is not. */
  readonly error: Float64Array;
  /** Of what is expected. */
  readonly own: Float64Array;
}

/** How far a matrix is from what is expected, row by row and column by column. */
export interface Norms {
  readonly rows: Lines;
  readonly columns: Lines;
}

/** Lines whose sums are 0. */
export function emptyLines(count: number): Lines {
  return { error: new Float64Array(count), own: new Float64Array(count) };
}

/** Compares matrices of `width` columns. @throws {RangeError} If they differ in size. */
export function normsOf(actual: Numbers, expected: Numbers, width: number): Norms {
  if (actual.length !== expected.length) {
    throw new RangeError(
      `Cannot compare as actual must have ${expected.length} elements: current value is ${actual.length}`,
    );
  }
  const rows = emptyLines(expected.length / width), columns = emptyLines(width);
  for (let row = 0, i = 0; row < rows.own.length; row++) {
    for (let column = 0; column < width; column++, i++) {
      const error = (actual[i] - expected[i]) ** 2, own = expected[i] ** 2;
      rows.error[row] += error;
      rows.own[row] += own;
      columns.error[column] += error;
      columns.own[column] += own;
    }
  }
  return { rows, columns };
}

/** The whole matrix as one line. */
export function total({ rows }: Norms): Lines {
  const sum = (values: Float64Array) => Float64Array.of(values.reduce((sum, value) => sum + value, 0));
  return { error: sum(rows.error), own: sum(rows.own) };
}

/** ||difference|| / ||expected||. It is 0 for equal matrices, and Infinity if an element is not finite or all that is expected is 0. */
export function relativeError(norms: Norms): number {
  const { error: [error], own: [own] } = total(norms);
  if (!Number.isFinite(error) || !Number.isFinite(own)) return Infinity;
  return error === 0 ? 0 : Math.sqrt(error / own);
}
