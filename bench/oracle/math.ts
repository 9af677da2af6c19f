/** Numbers on the CPU. Inputs and devices give float32, the oracle gives float64. */
export type Numbers = Float32Array | Float64Array;

/** The rows of a row-major matrix, as views. */
export function rowsOf<T extends Numbers>(matrix: T, width: number): T[] {
  return Array.from(
    { length: matrix.length / width },
    (_, i) => matrix.subarray(i * width, (i + 1) * width) as T,
  );
}

/** a . b. It uses four sums, which need not wait for each other. */
export function dot(a: Numbers, b: Numbers): number {
  let sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const whole = a.length - a.length % 4;
  for (let i = 0; i < whole; i += 4) {
    sum0 += a[i] * b[i];
    sum1 += a[i + 1] * b[i + 1];
    sum2 += a[i + 2] * b[i + 2];
    sum3 += a[i + 3] * b[i + 3];
  }
  for (let i = whole; i < a.length; i++) sum0 += a[i] * b[i];
  return sum0 + sum1 + (sum2 + sum3);
}

/** target += scale source. */
export function addScaled(target: Float64Array, source: Numbers, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i] += scale * source[i];
}

/** Copies rows of a row-major matrix of `width` columns to [rows, width], in the given order. */
export function pickRows(matrix: Numbers, width: number, rows: readonly number[]): Float64Array {
  const picked = new Float64Array(rows.length * width);
  rows.forEach((row, i) => picked.set(matrix.subarray(row * width, (row + 1) * width), i * width));
  return picked;
}

/** Copies columns of a row-major matrix of `width` columns, each as a row, to [columns, height], in the given order. */
export function pickColumns(matrix: Numbers, width: number, columns: readonly number[]): Float64Array {
  const height = matrix.length / width;
  const picked = new Float64Array(columns.length * height);
  // The outer loop goes through rows, so that columns that lie close together share cache lines.
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < columns.length; i++) picked[i * height + row] = matrix[row * width + columns[i]];
  }
  return picked;
}

/**
 * The norm of the difference over the norm of what is expected: ||actual - expected|| / ||expected||.
 *
 * @returns 0 if both are equal, all zeros included. Infinity if any value is NaN or infinite, or if all expected values are
 * zero and some actual ones are not.
 * @throws {RangeError} If the lengths differ.
 */
export function relativeFrobeniusError(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) {
    throw new RangeError(
      `Cannot compare as actual must have ${expected.length} elements: current value is ${actual.length}`,
    );
  }
  let difference = 0, norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  if (!Number.isFinite(difference) || !Number.isFinite(norm)) return Infinity;
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
