/** What tests of subgroup matrices must find: faults of their kernels, each of which one kind of check is there for. */
import type { Fault } from "../../../planted.ts";

const inMatrices = (what: string, from: Fault["from"], to: string): Fault => ({
  ...{ what, from, to },
  units: "subgroup matrices",
});

export const FAULTS = {
  productLost: inMatrices(
    "a product of two matrices is left out",
    /\w+ = subgroupMatrixMultiplyAccumulate\([^;]*\);/,
    "",
  ),
  beyondK: inMatrices("elements beyond K are multiplied", /if \(rest < \d+u\)/, "if (false)"),
  beyondColumns: inMatrices(
    "columns beyond the last are stored",
    "row < p.m && col < p.n",
    "row < p.m",
  ),
  beyondRows: inMatrices("rows beyond the last are stored", "row < p.m && col < p.n", "col < p.n"),
  blocksSwapped: inMatrices("the epilogue takes up for gate", "col, v0, v1", "col, v1, v0"),
  outputsUnread: inMatrices("the epilogue takes u for zero", "get_1(row, col)", "vec4f()"),
  slicesMixed: inMatrices("all slices of K go to one place", "group.z * p.m + row", "row"),
  rowsMixed: inMatrices("a row takes the sums of the next", "+ row_in *", "+ (row_in | 1u) *"),
  infinityCut: inMatrices(
    "infinity becomes the largest float16",
    "col, v0,",
    "col, clamp(v0, vec4f(-65504.0), vec4f(65504.0)),",
  ),
  bitsLost: inMatrices(
    "sums keep 8 significant bits",
    "col, v0,",
    "col, bitcast<vec4f>(bitcast<vec4u>(v0) & vec4u(0xffff0000u)),",
  ),
} as const satisfies Record<string, Fault>;
