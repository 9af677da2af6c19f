import { LANES, type SkinnyConfig, skinnyChunk, skinnyRound } from "./skinny.ts";
import { dealt, header, lines, range, wholeRounds } from "./skinny_text.ts";

/** Sums that the groups of a workgroup exchange at once, in vectors for each lane: 8 KiB. */
const EXCHANGED = 16;

/**
 * B is [K, N]: a lane owns four columns; each group of lanes takes `batch` rows of B a round, and they add up at the end.
 *
 * A waits transposed, as vectors of four of its rows, so that one read serves sixteen multiply-adds. It is nested by
 * batches: the index of a batch is checked once and its elements lie at constant distances.
 */
export function columnsWgsl(config: SkinnyConfig): string {
  const { m, columns, shape: { threads, batch, ahead } } = config;
  const [groups, quads, chunk] = [threads / LANES, Math.ceil(m / 4), skinnyChunk(config)];
  const at = (k: string, i: number) => `start + min(${k} + ${i}u, end - 1u) * p.stride_b`;
  const load = (to: string, k: string) =>
    lines(range(batch).map((i) => `      ${to}${i} = load_b(${at(k, i)});`));
  const multiply = (i: number) =>
    lines([
      ...range(quads).map((quad) => `let x${quad} = x[block][${i}][${quad}];`),
      ...range(m).map((row) => `acc_${row} = fma(vec4f(x${row >> 2}[${row & 3}]), b${i}, acc_${row});`),
    ]);
  const each = (text: (i: number) => string) => lines(range(batch).map(text));
  const steps = [
    `      let block = i * ${groups}u + part;`,
    load(ahead ? "let next" : "let b", `k0 + (block${ahead ? ` + ${groups}u` : ""}) * ${batch}u`),
    each((i) => `{\n${multiply(i)}\n}`),
    ahead ? each((i) => `      b${i} = next${i};`) : "",
  ];
  return `var<workgroup> x: array<array<array<vec4f, ${quads}>, ${batch}>, ${chunk / batch}>;
var<workgroup> sums: array<array<array<vec4f, ${LANES}>, ${exchanged(config)}>, ${groups}>;
${header(threads)}
  let lane = tid & ${LANES - 1}u;
  let part = tid >> ${Math.log2(LANES)}u;
  let col = group.x * ${LANES * 4}u + lane * 4u;
  let start = p.b + min(col, (p.n - 1u) & ~3u);
${lines(range(m).map((row) => `  var acc_${row} = vec4f(0);`))}
${ahead ? load("var b", `begin + part * ${batch}u`) : ""}
${wholeRounds({ chunk, round: skinnyRound(config), stage: stage(config), steps: lines(steps) })}
  {
    let k = begin + done + part * ${batch}u;
    let block = ((done & ${chunk - 1}u) >> ${Math.log2(batch)}u) + part;
${
    each((i) =>
      `if (k + ${i}u < end) { ${ahead ? "" : `let b${i} = load_b(${at("k", i)});`}\n${multiply(i)}\n}`
    )
  }
  }
  let to = p.out + group.z * ${m * columns}u * p.stride_out + col;
${exchange(config)}
}`;
}

/** Threads take blocks of four rows of A by four of K, neighbours of one K first: their writes lie side by side. */
function stage({ m, shape: { threads, batch }, ...config }: SkinnyConfig): string {
  const quads = Math.ceil(m / 4);
  const places = 2 ** Math.ceil(Math.log2(quads));
  const perBatch = batch / 4;
  const row = (c: number) => quads === 1 ? `${Math.min(c, m - 1)}u` : `min(quad * 4u + ${c}u, ${m - 1}u)`;
  return dealt(skinnyChunk({ m, ...config }) / 4 * places, threads, (i) => {
    const text = `      let four = ${i} >> ${Math.log2(places)}u;
${lines(range(4).map((c) => `      let v${c} = load_a(p.a + ${row(c)} * p.stride_a + k0 + four * 4u);`))}
${
      lines(range(4).map((c) => {
        const place = perBatch === 1 ? `[four][${c}]` : `[four >> 1u][(four & 1u) * 4u + ${c}u]`;
        const column = range(4).map((v) => `v${v}[${c}]`).join(", ");
        return `      x${place}[${quads === 1 ? "0" : "quad"}] = vec4f(${column});`;
      }))
    }`;
    if (quads === 1) return text;
    const quad = `      let quad = ${i} & ${places - 1}u;`;
    return places === quads ? `${quad}\n${text}` : `${quad}\n      if (quad < ${quads}u) {\n${text}\n      }`;
  });
}

const exchanged = ({ m, shape: { threads } }: SkinnyConfig) =>
  Math.min(m, EXCHANGED / (threads / LANES));

/** The groups' sums of a few rows at a time go through shared memory; each group adds up and stores one of the rows. */
function exchange(config: SkinnyConfig): string {
  const { m, shape: { threads } } = config;
  const [groups, rows] = [threads / LANES, exchanged(config)];
  return lines(
    range(Math.ceil(m / rows)).map((pass) => {
      const count = Math.min(rows, m - pass * rows);
      return `${lines(range(count).map((r) => `  sums[part][${r}][lane] = acc_${pass * rows + r};`))}
  workgroupBarrier();
  if (part < ${count}u && col < p.n) {
    store_partial(to + (${pass * rows}u + part) * p.stride_out, ${
        range(groups).map((q) => `sums[${q}][part][lane]`).join(" + ")
      });
  }
  workgroupBarrier();`;
    }),
  );
}
