import { lines, range } from "../text.ts";
import { LANES, type Stream, STREAM_CHUNK } from "./stream.ts";

const WARPS = 4;
const THREADS = WARPS * LANES;

/** Lanes that lie along K: 128 bytes of float32. The others have other rows of B. */
const ALONG = 8;
const ACROSS = LANES / ALONG;

/** Vectors of a row of a chunk, and the turns in which the lanes along K take them. */
const VECTORS = STREAM_CHUNK / 4;
const TURNS = VECTORS / ALONG;

/** Vectors of each of its rows of B that a lane asks for at once. */
const BATCH = 2;

/** Rows of B of one lane. */
const rowsOfLane = (room: number) => room > 4 ? 4 : 2;

/** Columns of the output that one workgroup computes: rows of B. */
export const rowsOfWorkgroup = (room: number): number => WARPS * ACROSS * rowsOfLane(room);

/** Rows of A that all threads load at once. */
const LOADED = THREADS / VECTORS;

/**
 * For B of [N, K]. Each warp has rows of its own, and a lane takes a few vectors along K of some of them. The lanes along K
 * add up at the end.
 *
 * A lies in shared memory as it is: [row][turn][lane along K].
 */
export function rowStream(room: number): Stream {
  const rowsOfB = rowsOfLane(room);
  const [ofB, ofA] = [range(rowsOfB), range(room)];
  const loads = range(Math.ceil(room / LOADED));
  /** Multiplies a vector of each row of B with one of each row of A, and adds up. `b` and `a` name the vectors. */
  const add = (b: (row: number) => string, a: (row: number) => string) =>
    lines(ofA.map((row) =>
      `      { let v = ${a(row)};
${
        lines(
          [..."xyzw"].map((c) =>
            ofB.map((r) => `sum_${r}_${row} = fma(v.${c}, ${b(r)}.${c}, sum_${r}_${row});`).join(" ")
          ),
        )
      } }`
    ));
  const loaded = (i: number) => `(tid >> ${Math.log2(VECTORS)}u) + ${i * LOADED}u`;
  return {
    warps: WARPS,
    columns: rowsOfWorkgroup(room),
    declarations: `var<workgroup> x: array<array<array<vec4f, ${ALONG}>, ${TURNS}>, ${loads.length * LOADED}>;
var<workgroup> sums: array<array<vec4f, ${THREADS}>, ${Math.ceil(room / 4)}>;`,
    setup: `  let along = lane & ${ALONG - 1}u;
  let own = tid & ${VECTORS - 1}u;
  let first_row = first_col + warp * ${ACROSS * rowsOfB}u + (lane >> ${Math.log2(ALONG)}u);
${
      lines(
        ofB.map((r) =>
          `  let row_${r} = p.b + min(first_row + ${r * ACROSS}u, p.n - 1u) * p.stride_b + along * 4u;`
        ),
      )
    }
${lines(loads.map((i) => `  let own_${i} = p.a + min(${loaded(i)}, p.m - 1u) * p.stride_a + own * 4u;`))}
${lines(ofB.map((r) => "  " + ofA.map((row) => `var sum_${r}_${row} = 0.0;`).join(" ")))}`,
    steps: TURNS / BATCH,
    registersB: (set) =>
      lines(range(BATCH).flatMap((i) => ofB.map((r) => `    var ${set}_${i}_${r} = vec4f();`))),
    placeB: (k0) => k0,
    fetchB: (set, place, step) =>
      lines(
        range(BATCH).flatMap((i) =>
          ofB.map((r) =>
            `      ${set}_${i}_${r} = load_b(row_${r} + ${place} + ${(step * BATCH + i) * 4 * ALONG}u);`
          )
        ),
      ),
    registersA: lines(loads.map((i) => `    var a_${i} = vec4f();`)),
    fetchA: (k0) => lines(loads.map((i) => `      a_${i} = load_a(own_${i} + ${k0});`)),
    commitA: lines(
      loads.map((i) => `      x[${loaded(i)}][own >> ${Math.log2(ALONG)}u][own & ${ALONG - 1}u] = a_${i};`),
    ),
    multiply: (set, step) =>
      lines(
        range(BATCH).map((i) =>
          add((r) => `${set}_${i}_${r}`, (row) => `x[${row}][${step * BATCH + i}][along]`)
        ),
      ),
    // Beyond the end of a row lie other elements. They are replaced, as an infinity times a zero of A would be NaN.
    rest: `    for (var turn = 0u; turn * ${4 * ALONG}u < rest; turn++) {
      let k = (turn * ${ALONG}u + along) * 4u;
      let inside = vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(rest);
${
      lines(
        ofB.map((r) =>
          `      let b_${r} = select(vec4f(0), load_b(row_${r} + k0 + turn * ${4 * ALONG}u), inside);`
        ),
      )
    }
${add((r) => `b_${r}`, (row) => `select(vec4f(0), x[${row}][turn][along], inside)`)}
    }`,
    finish: lines(ofB.map((r) => addUp(room, { rowsOfB, r }))),
  };
}

/** Adds up, in order, the sums that lanes along K have of row `r` of their rows of B, and stores them. */
function addUp(room: number, { rowsOfB, r }: { rowsOfB: number; r: number }): string {
  const quads = range(Math.ceil(room / 4));
  const places = THREADS / ALONG;
  const quad = (q: number) =>
    range(4).map((i) => 4 * q + i < room ? `sum_${r}_${4 * q + i}` : "0.0").join(", ");
  const stores = range(4).map((i) =>
    `      if (quad * 4u + ${i}u < p.m) { store_one_partial(at + ${i}u * p.stride_out, sum[${i}]); }`
  );
  return `  workgroupBarrier();
${lines(quads.map((q) => `  sums[${q}][tid] = vec4f(${quad(q)});`))}
  workgroupBarrier();
  for (var i = tid; i < ${quads.length * places}u; i += ${THREADS}u) {
    let quad = i >> ${Math.log2(places)}u;
    let place = i & ${places - 1}u;
    var sum = sums[quad][place * ${ALONG}u];
    for (var j = 1u; j < ${ALONG}u; j++) { sum += sums[quad][place * ${ALONG}u + j]; }
    let col = first_col + (place >> ${Math.log2(ACROSS)}u) * ${ACROSS * rowsOfB}u + (place & ${
    ACROSS - 1
  }u) + ${r * ACROSS}u;
    if (col < p.n) {
      let at = p.out + (group.z * p.m + quad * 4u) * p.stride_out + col;
${lines(stores)}
    }
  }`;
}
