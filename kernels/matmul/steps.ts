import { lines, range } from "../text.ts";
import type { MatmulConfig } from "./config.ts";
import type { Loader } from "./loader.ts";
import type { Loaders } from "./operands.ts";
import { flush, multiply, summed } from "./sums.ts";

/**
 * The steps from `first` up to `end`, all of which lie inside K.
 *
 * While one step is multiplied, the elements of the next are on their way to registers. These live for one turn of the loop,
 * because a compiler copies registers that one turn hands to the next. The last turn loads elements that nobody multiplies.
 *
 * Two tiles ahead, a turn takes two steps. It then hands on the same registers that it was given, so that nothing is copied.
 * If a single step is left over, a loop of its own multiplies it.
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

/** What is said of both operands, one after the other. */
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

/** The step inside which K ends. Elements that were loaded from beyond K are not multiplied. */
export function lastStep(config: MatmulConfig, loaders: Loaders): string {
  return `    {
${firstTile(loaders)}
${multiplyUpTo("rest", config, loaders)}
      workgroupBarrier();
    }`;
}

/** Multiplies the first `count` indices of K in the shared tiles, by a loop, which is little code. */
function multiplyUpTo(count: string, config: MatmulConfig, loaders: Loaders): string {
  return summed(
    config,
    `for (var k = 0u; k < ${count}; k++) {\n${multiply(config, { ...loaders, k: "k" })}\n}`,
  );
}
