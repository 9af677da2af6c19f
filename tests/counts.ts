/** Counts what the tests try, from the lists that they loop over. As a program it prints README's sentence. */
import { ACTIVATIONS } from "../kernels/activation.ts";
import { variants } from "../variants/mod.ts";
import { HOSTILE_INPUTS } from "./hostile.ts";
import { type ExactCase, generatorCases, launchCases, streamCases } from "./kernels/matmul/cases.ts";
import { describeConfig } from "./kernels/matmul/structures.ts";

/** Names the kernel of a case: products of a few rows have one for each number of rows. */
function kernelOf({ config, shapes: [{ m }] }: ExactCase): string {
  return `${describeConfig(config)}${config.choice === null ? `, ${m} rows` : ""}`;
}

function distinct(names: readonly string[]): string {
  return formatted(new Set(names).size);
}

function formatted(count: number): string {
  return count.toLocaleString("en-US");
}

/** README's sentence of counts. */
export function countsSentence(): string {
  const cases = [...launchCases(), ...generatorCases(), ...streamCases()];
  const products = cases.flatMap((product) =>
    product.shapes.map((sizes) => `${kernelOf(product)} ${JSON.stringify(sizes)}`)
  );
  const hostile = Object.entries(HOSTILE_INPUTS).map(([what, count]) => `${formatted(count)} ${what}`);
  return `The tests compute ${distinct(products)} shapes with ${
    distinct(cases.map(kernelOf))
  } generated kernel ` +
    `configs bit for bit, each over two poisons; check ${variants.length} variants against the oracle and ` +
    `${ACTIVATIONS.length} activations on all 65,536 patterns of both 16-bit types; and read ` +
    `${hostile.slice(0, -1).join(", ")} and ${hostile.at(-1)}.`;
}

if (import.meta.main) console.log(countsSentence());
