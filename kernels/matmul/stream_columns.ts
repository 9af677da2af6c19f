import { lines, range } from "../text.ts";
import { LANES, type Stream, STREAM_CHUNK } from "./stream.ts";

/** Warps of a workgroup. Each has a part of the rows of a chunk. */
const WARPS = 8;
const PART = STREAM_CHUNK / WARPS;

/** Rows of B that a thread asks for at once. */
const BATCH = 8;

/** Columns of the output that one workgroup computes: a lane has four. */
export const COLUMNS = 4 * LANES;

/** Rows of A whose sums the warps add up at once. */
const atOnce = (room: number) => Math.min(room, 2);

/**
 * For B of [K, N]. A lane has four columns, and each warp has a part of the rows of a chunk. The warps add up at the end.
 *
 * A lies in shared memory as vectors of four of its rows: [quad][warp][row of the part].
 */
export function columnStream(room: number): Stream {
  const quads = Math.ceil(room / 4);
  const busy = quads * STREAM_CHUNK;
  const rows = range(room);
  /** Multiplies one row of B with the vectors of A that `x` names, and adds up. */
  const add = (b: string, x: (quad: number) => string) =>
    `      { ${range(quads).map((q) => `let x${q} = ${x(q)};`).join(" ")}
${lines(rows.map((r) => `sum_${r} = fma(vec4f(x${r >> 2}.${"xyzw"[r & 3]}), ${b}, sum_${r});`))} }`;
  const split = (row: string) => `[${row} >> ${Math.log2(PART)}u][${row} & ${PART - 1}u]`;
  return {
    warps: WARPS,
    columns: COLUMNS,
    declarations: `var<workgroup> x: array<array<array<vec4f, ${PART}>, ${WARPS}>, ${quads}>;
var<workgroup> sums: array<array<array<vec4f, ${LANES}>, ${atOnce(room)}>, ${WARPS}>;`,
    // Threads for which no rows of A are left load what another thread loads, and store nothing.
    setup: `  let col = first_col + lane * 4u;
  let column = p.b + min(col, (p.n - 1u) & ~3u);
  let quad = min(tid, ${busy - 1}u) >> ${Math.log2(STREAM_CHUNK)}u;
  let own = tid & ${STREAM_CHUNK - 1}u;
${lines(range(4).map((r) => `  let row_${r} = p.a + min(quad * 4u + ${r}u, p.m - 1u) * p.stride_a;`))}
${lines(rows.map((r) => `  var sum_${r} = vec4f(0);`))}`,
    steps: PART / BATCH,
    registersB: (set) => lines(range(BATCH).map((i) => `    var ${set}_${i} = vec4f();`)),
    placeB: (k0) => `column + (${k0} + warp * ${PART}u) * p.stride_b`,
    fetchB: (set, place, step) =>
      lines(
        range(BATCH).map((i) => `      ${set}_${i} = load_b(${place} + ${step * BATCH + i}u * p.stride_b);`),
      ),
    registersA: lines(range(4).map((r) => `    var a_${r} = 0.0;`)),
    fetchA: (k0) =>
      lines(range(4).map((r) => `      a_${r} = load_one_a(row_${r} + min(${k0} + own, p.k - 1u));`)),
    commitA: `      if (tid < ${busy}u) { x[quad]${split("own")} = vec4f(a_0, a_1, a_2, a_3); }`,
    multiply: (set, step) =>
      lines(
        range(BATCH).map((i) => add(`${set}_${i}`, (quad) => `x[${quad}][warp][${step * BATCH + i}]`)),
      ),
    rest: `    for (var j = warp; j < rest; j += ${WARPS}u) {
      let b = load_b(column + (k0 + j) * p.stride_b);
${add("b", (quad) => `x[${quad}]${split("j")}`)}
    }`,
    finish: lines(range(room / atOnce(room)).map((round) => addUp(room, round * atOnce(room)))),
  };
}

/** Adds up the warps' sums of some rows, in order, and stores them. */
function addUp(room: number, first: number): string {
  const rows = range(atOnce(room));
  return `  workgroupBarrier();
${lines(rows.map((r) => `  sums[warp][${r}][lane] = sum_${first + r};`))}
  workgroupBarrier();
  if (warp < ${rows.length}u && ${first}u + warp < p.m && col < p.n) {
    var sum = sums[0][warp][lane];
    for (var other = 1u; other < ${WARPS}u; other++) { sum += sums[other][warp][lane]; }
    store_partial(p.out + (group.z * p.m + ${first}u + warp) * p.stride_out + col, sum);
  }`;
}
