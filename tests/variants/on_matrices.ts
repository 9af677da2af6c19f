/** Variants on subgroup matrices that a tuning table names, where the rule takes multiply-adds. */
import { assert, assertEquals } from "@std/assert";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { Gpu } from "../../kernels/gpu/device.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { subgroupTileName } from "../../kernels/matmul/subgroup/tile.ts";
import { parseProductKey, parseTuning, TUNING_SCHEMA, useTuning } from "../../kernels/matmul/tuning.ts";
import { variants } from "../../variants/mod.ts";
import { miniTile } from "../kernels/matmul/subgroup/record.ts";
import type { NamedProblem } from "./accuracy.ts";
import { assertAgrees } from "./agreement.ts";
import { formsOf } from "./block.ts";

/**
 * Every variant agrees with the oracle when all its products are on subgroup matrices.
 *
 * @param adapter A name of the test's own, so that the table serves no other test.
 * @throws {AssertionError} Naming the variant or the output.
 */
export async function assertAgreeOnMatrices(gpu: Gpu, problem: NamedProblem, adapter: string): Promise<void> {
  const capabilities = { ...gpu.capabilities, name: adapter };
  const cases = variants.map((variant) => (
    { variant, problem, capabilities, forms: formsOf(variant).slice(0, 1) }
  ));
  const launches: Dispatch[] = [];
  for (const one of cases) launches.push(...await assertAgrees(gpu, one));
  useTable(launches, capabilities);
  for (const one of cases) {
    const products = (await assertAgrees(gpu, one)).filter(({ product }) => product !== undefined);
    assert(products.length > 0, one.variant.id);
    const units = new Set(products.map(({ units }) => units));
    assertEquals(units, new Set(["subgroup matrices"]), one.variant.id);
  }
}

/** Names small tiles of subgroup matrices for all products of some launches. */
function useTable(launches: readonly Dispatch[], capabilities: Capabilities): void {
  const entries = [...new Set(launches.flatMap(({ product }) => product ?? []))].map((product) => {
    const { products, columns } = parseProductKey(product);
    const tile = subgroupTileName(miniTile(capabilities, { columns }));
    return { product, tile, splits: products, tflops: 1 };
  });
  const table = { schema: TUNING_SCHEMA, adapter: capabilities.name, entries };
  useTuning(parseTuning(JSON.stringify(table), "a test"));
}
