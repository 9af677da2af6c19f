/** WGSL that both layouts of a skinny kernel share. */

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
export const lines = (items: readonly string[]): string => items.join("\n");

/** Begins `main`: this workgroup's slice of K is from `begin` to before `end`. */
export function header(threads: number): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u) {
  let begin = group.z * p.slice;
  let end = min(begin + p.slice, p.k);`;
}

/**
 * Loops over the slice in chunks, each staged and then multiplied in whole rounds of `round` indices of K; what is left of
 * the last chunk begins at index `done` of the slice. `steps` knows the round as `i`.
 */
export function wholeRounds(
  { chunk, round, stage, steps }: { chunk: number; round: number; stage: string; steps: string },
): string {
  return `  for (var k0 = begin; k0 < end; k0 += ${chunk}u) {
    workgroupBarrier();
${stage}
    workgroupBarrier();
    let rounds = min(end - k0, ${chunk}u) >> ${Math.log2(round)}u;
    for (var i = 0u; i < rounds; i++) {
${steps}
    }
  }
  let done = (end - begin) & ~${round - 1}u;`;
}

/** Text for each of `count` items dealt to `threads`, `i` being the item; the last ones may be too few for all threads. */
export function dealt(count: number, threads: number, text: (i: string) => string): string {
  return lines(
    range(Math.ceil(count / threads)).map((pass) => {
      const item = pass === 0 ? "tid" : `tid + ${pass * threads}u`;
      const all = (pass + 1) * threads <= count;
      return `    ${all ? "" : `if (${item} < ${count}u) `}{ let i = ${item};\n${text("i")}\n    }`;
    }),
  );
}
