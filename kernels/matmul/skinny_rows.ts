import { ROWS, type SkinnyConfig, skinnyChunk, skinnyColumns, skinnyRound } from "./skinny.ts";
import { dealt, header, lines, range, wholeRounds } from "./skinny_text.ts";

/**
 * B is [N, K]: a team of lanes owns four rows of B, its lanes step along K together, a vector each, and add up at the end.
 *
 * All teams of 32 lanes read the same vectors of A: where teams are small, one read from shared memory serves several.
 */
export function rowsWgsl(config: SkinnyConfig): string {
  const { m, columns, shape: { threads, lanes, ahead } } = config;
  const [chunk, round] = [skinnyChunk(config), skinnyRound(config)];
  const cols = skinnyColumns(config);
  const rows = (text: (r: number) => string) => lines(range(ROWS).map(text));
  const load = (to: string, k: string) =>
    `      let k = min(${k} + lane * 4u, (end - 1u) & ~3u);\n${rows((r) => `      ${to}${r} = load_b(row_${r} + k);`)}`;
  const multiply = (x: (row: number) => string) =>
    lines(range(m).map((row) =>
      `{ let x = ${x(row)}; ${
        range(ROWS).map((r) => `acc_${r}_${row} = add_dot(x, b${r}, acc_${r}_${row});`).join(" ")
      } }`
    ));
  const steps = [
    load(ahead ? "let next" : "let b", `k0 + (i${ahead ? " + 1u" : ""}) * ${round}u`),
    `let j = i * ${lanes}u + lane;`,
    multiply((row) => `x[${row}][j]`),
    ahead ? rows((r) => `      b${r} = next${r};`) : "",
  ];
  return `var<workgroup> x: array<array<vec4f, ${chunk / 4}>, ${m}>;
var<workgroup> sums: array<array<f32, ${lanes + 1}>, ${cols * exchanged(config)}>;
${header(threads)}
  let lane = tid & ${lanes - 1}u;
  let team = tid >> ${Math.log2(lanes)}u;
  let first = group.x * ${cols}u + team * ${ROWS}u;
${rows((r) => `  let row_${r} = p.b + min(first + ${r}u, p.n - 1u) * p.stride_b;`)}
${lines(range(m).map((row) => rows((r) => `  var acc_${r}_${row} = 0.0;`)))}
${ahead ? `${rows((r) => `  var b${r} = vec4f(0);`)}\n  {\n${load("b", "begin")}\n  }` : ""}
${wholeRounds({ chunk, round, stage: stage(config), steps: lines(steps) })}
  if (done < end - begin) {
    let left = p.k - min(p.k, begin + done + lane * 4u);
    let j = ((done & ${chunk - 1}u) >> 2u) + lane;
${ahead ? "" : `${rows((r) => `    var b${r} = vec4f(0);`)}\n    {\n${load("b", "begin + done")}\n    }`}
${rows((r) => `    b${r} = before_end(b${r}, left);`)}
${multiply((row) => `before_end(x[${row}][j], left)`)}
  }
  let to = p.out + group.z * ${m * columns}u * p.stride_out + group.x * ${cols}u;
${exchange(config)}
}
fn add_dot(x: vec4f, b: vec4f, sum: f32) -> f32 {
  return fma(x.w, b.w, fma(x.z, b.z, fma(x.y, b.y, fma(x.x, b.x, sum))));
}
fn before_end(v: vec4f, left: u32) -> vec4f {
  return select(vec4f(0), v, vec4u(0u, 1u, 2u, 3u) < vec4u(left));
}`;
}

/** A goes to shared memory as it comes. */
function stage(config: SkinnyConfig): string {
  const per = skinnyChunk(config) / 4;
  return dealt(config.m * per, config.shape.threads, (i) =>
    `      let row = ${i} >> ${Math.log2(per)}u;
      let j = ${i} & ${per - 1}u;
      x[row][j] = load_a(p.a + row * p.stride_a + k0 + j * 4u);`);
}

/** Rows of A whose sums the lanes exchange at once: 8 KiB, and an output for each thread. */
const exchanged = (config: SkinnyConfig) =>
  Math.min(config.m, 512 / config.shape.threads);

/** The lanes' sums of a few rows at a time go through shared memory, where each thread adds up and stores outputs. */
function exchange(config: SkinnyConfig): string {
  const { m, shape: { threads, lanes } } = config;
  const [rows, cols] = [exchanged(config), skinnyColumns(config)];
  return lines(
    range(Math.ceil(m / rows)).map((pass) => {
      const count = Math.min(rows, m - pass * rows);
      const write = (row: number, r: number) =>
        `  sums[${row * cols}u + team * ${ROWS}u + ${r}u][lane] = acc_${r}_${pass * rows + row};`;
      return `${lines(range(count).map((row) => lines(range(ROWS).map((r) => write(row, r)))))}
  workgroupBarrier();
${
        dealt(count * cols, threads, (i) =>
          `      let col = ${i} & ${cols - 1}u;
      let sum = ${range(lanes).map((q) => `sums[${i}][${q}]`).join(" + ")};
      if (group.x * ${cols}u + col < p.n) {
        store_one_partial(to + (${pass * rows}u + (${i} >> ${Math.log2(cols)}u)) * p.stride_out + col, sum);
      }`)
      }
  workgroupBarrier();`;
    }),
  );
}
