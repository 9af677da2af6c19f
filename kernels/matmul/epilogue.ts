import type { Activation } from "../activation.ts";
import { activationWgsl, gateFormulas } from "../activation_wgsl.ts";
import type { Storage } from "../storage.ts";
import { range } from "../text.ts";
import type { Epilogue } from "./config.ts";

/** What the text of an epilogue depends on. */
export interface EpilogueInit {
  readonly epilogue: Epilogue;
  /** Whether a uniform may ask "store" to add to what is there. */
  readonly mayAdd: boolean;
  readonly columns: 1 | 2;
  readonly activation: Activation;
  readonly storage: readonly Storage[];
  /** Storage buffer of each output. */
  readonly slots: readonly number[];
}

/** How many of the first outputs an epilogue reads before it writes: its parameters after v1 are their `get_I(row, col)`. */
export function outputsRead(epilogue: EpilogueInit["epilogue"]): number {
  return epilogue.startsWith("gated-backward") ? 2 : 0;
}

/**
 * WGSL of `epilogue(row, col, v0, v1, ...)`. It takes four adjoining sums of a row to the outputs; v1 has those of the second
 * column block. Output I begins at p.out_I, and its rows are p.stride_out_I apart. Columns from p.n on are not written.
 */
export function epilogueWgsl(init: EpilogueInit): string {
  const { epilogue } = init;
  const formulas = gateFormulas(init.activation);
  const hidden = formulas.hidden("activate(v0)", "v1");
  const put = (output: number, value: string) => `put_${output}(row, col, ${value});`;
  const sums = ["v0", "v1"].slice(0, init.columns);
  const added = (v: string, output: number) => `get_${output}(row, col) + ${v}`;
  const stores = (value: (v: string, output: number) => string) =>
    sums.map((v, output) => put(output, value(v, output))).join(" ");
  const bodies: Record<typeof epilogue, () => string> = {
    store: () => {
      if (!init.mayAdd) return stores((v) => v);
      const sum = (v: string) => `sum_${v}`;
      // 16 bits are packed once for both cases, as a driver compiles two packings up to a fifth longer. float32 has two
      // stores, as a common sum would cost registers (7.14 against 7.06 ms of 4,096 x 11,008 x 4,096 on an H200).
      return init.storage[init.slots[0]].dtype === "float32"
        ? `if (p.accumulate == 0u) { ${stores((v) => v)} } else { ${stores(added)} }`
        : `${sums.map((v) => `var ${sum(v)} = ${v};`).join(" ")}
  if (p.accumulate != 0u) { ${sums.map((v, i) => `${sum(v)} = ${added(v, i)};`).join(" ")} }
  ${stores(sum)}`;
    },
    accumulate: () => stores(added),
    gated: () => put(0, hidden),
    "gated-save": () => put(0, hidden) + put(1, "v0") + put(2, "v1"),
    // dg = dh u act'(g), du = dh act(g), of g and u as they were
    "gated-backward": () =>
      `${put(2, formulas.gate("v0", "was_0", "was_1"))}
  ${put(3, formulas.up("v0", "activate(was_0)", "was_1"))}`,
    "gated-backward-save": () =>
      `let gate = activate(was_0);
  ${put(2, formulas.gate("v0", "was_0", "was_1"))}
  ${put(3, formulas.up("v0", "gate", "was_1"))}
  ${put(4, formulas.hidden("gate", "was_1"))}`,
  };
  const access = init.slots.map((slot, output) => accessWgsl(output, { slot, storage: init.storage[slot] }))
    .join("");
  const was = range(outputsRead(epilogue)).map((output) => `, was_${output}: vec4f`).join("");
  return `${epilogue.startsWith("gated") ? activationWgsl(init.activation) : ""}${access}
fn epilogue(row: u32, col: u32, v0: vec4f, v1: vec4f${was}) {
  ${bodies[epilogue]()}
}`;
}

function accessWgsl(output: number, { slot, storage }: { slot: number; storage: Storage }): string {
  const at = `p.out_${output} + row * p.stride_out_${output} + col`;
  const put = storage.aligned ? `store_s${slot}(${at}, v);` : `let at = ${at};
${
    [0, 1, 2, 3].map((c) => `  if (col + ${c}u < p.n) { store_one_s${slot}(at + ${c}u, v[${c}]); }`).join(
      "\n",
    )
  }`;
  return `
fn get_${output}(row: u32, col: u32) -> vec4f { return load_s${slot}(${at}); }
fn put_${output}(row: u32, col: u32, v: vec4f) { ${put} }`;
}
