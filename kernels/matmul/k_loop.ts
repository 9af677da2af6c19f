import { lines, range } from "../text.ts";
import type { MatmulConfig } from "./config.ts";
import type { Loader } from "./loader.ts";
import type { Loaders } from "./operands.ts";
import { flush, multiply, summed } from "./sums.ts";

/**
 * The loop over steps along K, from `first` up to `end`. All of these steps lie inside K.
 *
 * While one step is multiplied, the elements of the next are on their way to registers. The registers live for one turn of the
 * loop, because a compiler would copy registers that one turn hands to the next. The last turn loads elements that nobody
 * multiplies.
 *
 * With two tiles ahead, a turn takes two steps. It then hands on the registers that it was given, so nothing is copied. If a
 * single step is left over, a loop of its own multiplies it.
 */
export function wholeSteps(config: MatmulConfig, loaders: Loaders): string {
  const { tile } = config;
  const { advance, registers, fetch, commit } = both(loaders);
  const step = (fetched: string, committed: string) =>
    `${advance}
${fetch(fetched)}
{
${summed(config, range(tile.tileK).map((k) => multiply(config, { ...loaders, k })).join("\n"))}
}
workgroupBarrier();
${commit(committed)}
workgroupBarrier();`;
  const loop = tile.ahead === 1
    ? `for (var now = first; now < end; now++) {
${registers("now")}
${step("now", "now")}
${flush(config, 1)}
}`
    : `${advance}
${registers("odd")}
${fetch("odd")}
for (var now = first; now + 1u < end; now += 2u) {
${registers("even")}
${step("even", "odd")}
${step("odd", "even")}
${flush(config, 2)}
}
if (((end - first) & 1u) == 1u) {
${multiplyUpTo(`${tile.tileK}u`, config, loaders)}
workgroupBarrier();
}`;
  return `  if (first < end) {
    let k0 = first * ${tile.tileK}u;
${firstTile(loaders)}
${loop}
  }`;
}

/** The text of both operands, A's first. */
function both({ a, b }: Loaders) {
  const each = (text: (loader: Loader) => string) => lines([text(a), text(b)]);
  return {
    begin: each((loader) => loader.begin),
    advance: each((loader) => loader.advance),
    registers: (set: string) => each((loader) => loader.registers(set)),
    fetch: (set: string) => each((loader) => loader.fetch(set)),
    commit: (set: string) => each((loader) => loader.commit(set)),
  };
}

/** Loads the tile that begins at `k0` and waits for it. */
function firstTile(loaders: Loaders): string {
  const { begin, registers, fetch, commit } = both(loaders);
  return `${begin}
{
${registers("now")}
${fetch("now")}
${commit("now")}
}
workgroupBarrier();`;
}

/** The last step, if K ends inside it. What it loads from beyond K is not multiplied. */
export function lastStep(config: MatmulConfig, loaders: Loaders): string {
  return `    {
${firstTile(loaders)}
${multiplyUpTo("rest", config, loaders)}
      workgroupBarrier();
    }`;
}

/** Multiplies the first `count` indices of K in the shared tiles. It is a loop, not unrolled, which is little code. */
function multiplyUpTo(count: string, config: MatmulConfig, loaders: Loaders): string {
  return summed(
    config,
    `for (var k = 0u; k < ${count}; k++) {\n${multiply(config, { ...loaders, k: "k" })}\n}`,
  );
}
