import { type Capabilities, subgroupsVary } from "../../gpu/capabilities.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Launch } from "../../launch.ts";
import { storagesOf } from "../../storage.ts";
import { indented } from "../../text.ts";
import { isAlignedTo, matrix, type View } from "../../view.ts";
import { type Epilogue, kernelEpilogue, mayAdd, operandCounts } from "../config.ts";
import type { Sized } from "../request.ts";
import { type LaunchInit, outputStorage, tiledLaunch } from "../tiling.ts";
import { type SubgroupConfig, subgroupKey, type SubgroupStorage } from "./config.ts";
import { componentOf } from "./operands.ts";
import { EIGHT, STRETCH, type SubgroupOperands, type SubgroupTile, subgroupTileName } from "./tile.ts";
import { subgroupWgsl } from "./wgsl.ts";

/** One launch of a product on subgroup matrices; whether outputs are written as vectors follows from their places. */
export interface SubgroupLaunchInit extends Omit<LaunchInit, "aligned"> {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
}

/** One matrix product on subgroup matrices as a launch: plain data, for a recorder. The tile must fit. */
export function subgroupLaunch(sized: Sized, init: SubgroupLaunchInit, capabilities: Capabilities): Launch {
  const { columns, products } = sized;
  const { tile, operands, out, splits } = init;
  const [magnitudes] = sized.magnitudes ?? [];
  if (products !== 1) {
    throw new RangeError(
      `Cannot launch ${sized.label} as one product is one launch: current value is ${products}`,
    );
  }
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue, {
    mayAdd: mayAdd({ dtype: sized.dtype, arithmetic: "float32" }),
  });
  const inputs = sized.a.length + sized.b.length;
  const views = [...sized.a, ...sized.b, ...out, ...magnitudes ? [matrix(magnitudes)] : []];
  const config = {
    layout: sized.layout,
    tile,
    operands,
    keeps: operands === "split" && sized.k > splits * STRETCH,
    columns,
    gatedA: sized.gatedA,
    epilogue,
    activation: sized.activation,
    varying: subgroupsVary(capabilities),
  };
  return {
    ...tiledLaunch(sized, { tile, name: subgroupTileName(tile), epilogue, out, splits, accumulate }),
    views,
    kernel: (slots) =>
      subgroupKernel({
        ...config,
        storage: storages(views, { sized, operands, slots, inputs, outputs: out.length, epilogue }),
        slots: slots.slice(0, inputs + out.length),
        magnitudes: magnitudes ? slots[inputs + out.length] : null,
      }, sized.label),
    units: "subgroup matrices",
  };
}

function subgroupKernel(config: SubgroupConfig, label: string): Kernel {
  return {
    key: `subgroup|${subgroupKey(config)}`,
    label,
    access: config.storage.map(({ access }) => access),
    wgsl: () => indented(subgroupWgsl(config)),
  };
}

interface StoragesInit {
  readonly sized: Sized;
  readonly operands: SubgroupOperands;
  readonly slots: readonly number[];
  readonly inputs: number;
  readonly outputs: number;
  readonly epilogue: Epilogue;
}

/** How each buffer is declared: operands by eights where all of a side can be, else by fours or one by one. */
function storages(
  views: readonly View[],
  { sized, operands, slots, inputs, outputs, epilogue }: StoragesInit,
): SubgroupStorage[] {
  const isOutput = (i: number) => i >= inputs && i < inputs + outputs;
  const plain = storagesOf(views.slice(0, inputs + outputs), {
    slots: slots.slice(0, inputs + outputs),
    inputs,
  });
  const magnitudes = slots[inputs + outputs];
  if (magnitudes !== undefined) plain[magnitudes] = { dtype: "float32", access: "read", aligned: false };
  const onlyWritten = (slot: number) => slots.every((own, i) => own !== slot || isOutput(i));
  const { a } = operandCounts(sized);
  const sides = [views.slice(0, a), views.slice(a, inputs)].map((own) => own.every(isEights));
  const byEights = slots.slice(0, inputs).map((slot, i) =>
    sides[i < a ? 0 : 1] && plain[slot].access === "read"
  );
  const eights = byEights.every(Boolean);
  return plain.map((storage, slot): SubgroupStorage => {
    if (onlyWritten(slot) && slot !== magnitudes) return outputStorage(storage, sized, epilogue);
    if (storage.access !== "read" || storage.dtype === "float32") return storage;
    if (eights) return { ...storage, eights };
    const half = storage.dtype === "float16" && componentOf(operands) === "f16";
    return half ? { ...storage, half } : storage;
  });
}

/** Whether rows may be read as vectors of eight elements of 16 bits. */
function isEights(view: View): boolean {
  return view.tensor.dtype !== "float32" && isAlignedTo(view, EIGHT);
}
