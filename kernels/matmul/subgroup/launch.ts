import type { Capabilities } from "../../gpu/capabilities.ts";
import type { Dispatch } from "../../gpu/dispatch.ts";
import { fold } from "../../grid.ts";
import { storagesOf } from "../../storage.ts";
import { bind, dtypeOf, matrix, span, type View, viewBytes } from "../../view.ts";
import { type Epilogue, mayAdd, operandCounts } from "../config.ts";
import type { Sized } from "../request.ts";
import { kernelEpilogue } from "../slices.ts";
import { type SubgroupConfig, subgroupKey, type SubgroupStorage } from "./config.ts";
import {
  checkSubgroupTile,
  EIGHT,
  type SubgroupOperands,
  type SubgroupTile,
  subgroupTileName,
} from "./tile.ts";
import { subgroupWgsl } from "./wgsl.ts";

/** One launch of a product on subgroup matrices. */
export interface SubgroupLaunchInit {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
  /** What happens to the sums: "store" for slices of K. Default: the request's. */
  readonly epilogue?: Epilogue;
  /** Where each output's first slice begins. Default: the request's outputs. */
  readonly out?: readonly View[];
  /** Slices of K. Default: 1. */
  readonly splits?: number;
}

/**
 * One matrix product on subgroup matrices as a launch: plain data, for a recorder.
 *
 * @throws {TileError} If the tile does not fit the product or the device.
 * @throws {LimitError} If the device cannot bind or launch as much.
 */
export function subgroupLaunch(sized: Sized, init: SubgroupLaunchInit, capabilities: Capabilities): Dispatch {
  const { m, n, k, columns, products } = sized;
  const { tile, operands, out = sized.out, splits = 1 } = init;
  const [magnitudes] = sized.magnitudes ?? [];
  if (products !== 1) {
    throw new RangeError(
      `Cannot launch ${sized.label} as one product is one launch: current value is ${products}`,
    );
  }
  checkSubgroupTile(tile, capabilities, { layout: sized.layout, operands, columns });
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue ?? sized.epilogue, {
    mayAdd: mayAdd({ dtype: sized.dtype, arithmetic: "float32" }),
  });
  const inputs = sized.a.length + sized.b.length;
  const views = [...sized.a, ...sized.b, ...out, ...magnitudes ? [matrix(magnitudes)] : []];
  const bound = bind(views, capabilities);
  const storage = storages(views, { sized, slots: bound.slots, inputs, outputs: out.length, epilogue });
  const config: SubgroupConfig = {
    layout: sized.layout,
    tile,
    operands,
    columns,
    gatedA: sized.gatedA,
    epilogue,
    activation: sized.activation,
    storage,
    slots: bound.slots.slice(0, inputs + out.length),
    magnitudes: magnitudes ? bound.slots[inputs + out.length] : null,
    varying: capabilities.subgroupMinSize !== capabilities.subgroupMaxSize,
  };
  const tilesM = Math.ceil(m / tile.tileM);
  const tilesN = Math.ceil(n / (tile.tileN / columns));
  const places = out.flatMap((view, i) => [bound.offsets[inputs + i], view.stride]);
  return {
    kernel: {
      key: `subgroup|${subgroupKey(config)}`,
      label: sized.label,
      access: storage.map(({ access }) => access),
      wgsl: () => subgroupWgsl(config),
    },
    bindings: bound.bindings,
    uniforms: [
      m,
      n,
      k,
      tilesM,
      tilesN,
      splits,
      accumulate,
      Number(dtypeOf(out) !== sized.dtype),
      sized.a[0].stride,
      sized.b[0].stride,
      ...bound.offsets.slice(0, inputs),
      ...places,
    ],
    workgroups: [...fold(tilesM * tilesN, capabilities.maxComputeWorkgroupsPerDimension), splits],
    flops: 2 * m * n * k * columns,
    bytes: [...sized.a, ...sized.b, ...out].reduce((sum, view) => sum + viewBytes(view), 0),
    tile: subgroupTileName(tile) + (splits > 1 ? `, K in ${splits}` : ""),
    units: "subgroup matrices",
    product: sized.product,
  };
}

interface StoragesInit {
  readonly sized: Sized;
  readonly slots: readonly number[];
  readonly inputs: number;
  readonly outputs: number;
  readonly epilogue: Epilogue;
}

/** How each buffer is declared: operands by eights where all of a side can be, else by fours or one by one. */
function storages(
  views: readonly View[],
  { sized, slots, inputs, outputs, epilogue }: StoragesInit,
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
    if (onlyWritten(slot) && slot !== magnitudes) {
      // Plain products of 16 bits write these or float32, as slices of K are: one kernel less to compile.
      const either = epilogue === "store" && sized.dtype !== "float32";
      return either ? { ...storage, dtype: sized.dtype, wideIf: "p.wide != 0u" } : storage;
    }
    if (storage.access !== "read" || storage.dtype === "float32") return storage;
    if (eights) return { ...storage, eights };
    return storage.dtype === "float16" ? { ...storage, half: true } : storage;
  });
}

/** Whether groups of eight elements along a row may be read as one vector of 16 bytes, the last of the last row included. */
function isEights(view: View): boolean {
  const { offset, stride, rows, tensor } = view;
  const end = offset + Math.ceil(span(view) / EIGHT) * EIGHT;
  return tensor.dtype !== "float32" && offset % EIGHT === 0 && (rows === 1 || stride % EIGHT === 0) &&
    end <= tensor.length;
}
