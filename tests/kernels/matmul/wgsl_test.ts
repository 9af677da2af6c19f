/** The WGSL of matmul kernels. It is pure, as large as stated, and different texts have different keys. */
import { assert, assertEquals } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { configKey, type MatmulConfig, operandCounts } from "../../../kernels/matmul/config.ts";
import { reduceKernel } from "../../../kernels/matmul/reduce.ts";
import { threadsOf, workgroupBytes } from "../../../kernels/matmul/tile.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { matmulWgsl, uniformFields } from "../../../kernels/matmul/wgsl.ts";
import { everyStructure, MINI, type Structure } from "./structures.ts";

/** A structure with a text of its own: "accumulate" is "store" with another uniform, two products are two launches. */
type Kernel = Omit<Structure, "epilogue" | "products"> & Pick<MatmulConfig, "epilogue">;

const KERNELS = everyStructure()
  .filter(({ epilogue, products }) => epilogue !== "accumulate" && products === 1)
  .map(({ products: _, ...structure }) => structure as Kernel);

/** The smallest tile that holds two column blocks. */
const SMALL = { ...MINI, tileN: 16, threadN: 8 };

/** A config whose operands lie in buffers of their own. */
function configOf(
  structure: Kernel,
  init: Partial<MatmulConfig> & { dtype?: "float32" | "float16" } = {},
): MatmulConfig {
  const { dtype = "float32", ...rest } = init;
  const { a, b, out } = operandCounts({ ...structure, ...rest });
  const slots = Array.from({ length: a + b + out }, (_, i) => i);
  return {
    ...structure,
    tile: SMALL,
    arithmetic: "float32",
    levels: 1,
    activation: "silu",
    slots,
    storage: slots.map((slot) => ({ dtype, access: slot < a + b ? "read" : "read_write", aligned: true })),
    ...rest,
  };
}

/** Many configs, no two of them alike. */
function configs(): MatmulConfig[] {
  const tiles = [SMALL, ...Object.values(TILES)];
  return KERNELS.flatMap((structure) =>
    tiles.flatMap((tile) => [
      configOf(structure, { tile }),
      configOf(structure, { tile, levels: 2 }),
      configOf(structure, { tile, arithmetic: "float16", dtype: "float16" }),
      configOf(structure, { tile, activation: "gelu" }),
      configOf(structure, { tile, activation: { wgsl: "x", derivative: "vec4f(1)" } }),
    ])
  );
}

const PLAIN: Kernel = { layout: "nn", epilogue: "store", columns: 1, gatedA: false };

const count = (text: string, part: string) => text.split(part).length - 1;

Deno.test("the same config gives the same text", () => {
  for (const config of configs().filter((_, i) => i % 7 === 0)) {
    assertEquals(matmulWgsl(structuredClone(config)), matmulWgsl(config));
  }
});

Deno.test("two configs share a key only if they share their text", () => {
  const texts = new Map<string, string>();
  for (const config of configs()) {
    const key = configKey(config);
    const text = matmulWgsl(config);
    if (texts.has(key) && texts.get(key) !== text) assert(false, `two texts have the key ${key}`);
    texts.set(key, text);
  }
  // Few texts have two keys (f16 arithmetic knows no `reuse`): they are only compiled twice.
  assert(new Set(texts.values()).size > 0.9 * texts.size);
});

Deno.test("what decides how a buffer is declared is in the key", () => {
  const keys = DTYPES.flatMap((dtype) =>
    [true, false].flatMap((aligned) =>
      (["read", "read_write"] as const).map((access) => {
        const config = configOf(PLAIN);
        const storage = config.storage.map((slot, i) => i === 2 ? { dtype, aligned, access } : slot);
        return configKey({ ...config, storage });
      })
    )
  );
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("a small kernel has its multiply-adds, bindings, threads and uniforms in place", () => {
  const config = configOf(PLAIN, { tile: MINI });
  const text = matmulWgsl(config);
  const { tileK, threadM, threadN } = MINI;
  // Every step along K unrolled, and the last one, which K may end inside, in a loop.
  assertEquals(count(text, " = fma("), (tileK + 1) * threadM * threadN);
  assertEquals(count(text, "var<storage, read>"), 2);
  assertEquals(count(text, "var<storage, read_write>"), 1);
  assertEquals(count(text, "@group(0) @binding("), 4);
  assert(text.includes("@group(0) @binding(3) var<uniform> p: Params;"));
  assert(text.includes(`@compute @workgroup_size(${threadsOf(MINI)})`));
  assert(
    text.includes(`struct Params { ${uniformFields(config).map((field) => `${field}: u32`).join(", ")} }`),
  );
  assertEquals(count(text, "fn main("), 1);
  assert(!text.includes("fn activate"), "a plain product needs no activation");
  assert(!text.includes("f16"), "float32 needs no extension");
});

Deno.test("barriers stand before and after every use of the shared tiles", () => {
  for (const structure of KERNELS) {
    const text = matmulWgsl(configOf(structure));
    // The first tile, before and after the next one is stored, and around the step that K ends inside.
    assertEquals(count(text, "workgroupBarrier();"), 5);
    // Two tiles ahead: two steps a turn, and after the step that is left over.
    const ahead = matmulWgsl(configOf(structure, { tile: { ...SMALL, ahead: 2 } }));
    assertEquals(count(ahead, "workgroupBarrier();"), 8);
  }
});

Deno.test("uniforms list sizes, strides, and a place for each operand", () => {
  assertEquals(uniformFields(configOf({ ...PLAIN, columns: 2 })).slice(-7), [
    "a_0",
    "b_0",
    "b_1",
    "out_0",
    "stride_out_0",
    "out_1",
    "stride_out_1",
  ]);
});

Deno.test("the shared tiles take the workgroup memory that the tile states, and no more", () => {
  const pattern = /var<workgroup> \w+: array<array<array<(vec4f|vec4<f16>), (\d+)>, (\d+)>, (\d+)>;/g;
  for (const config of configs()) {
    const text = matmulWgsl(config);
    const arrays = [...text.matchAll(pattern)];
    assertEquals(count(text, "var<workgroup>"), arrays.length);
    const bytes = arrays.reduce(
      (sum, [, type, ...sizes]) => sum + sizes.map(Number).reduce((a, b) => a * b, type === "vec4f" ? 16 : 8),
      0,
    );
    const stated = workgroupBytes(config.tile, config.arithmetic);
    if (bytes > stated) assert(false, `${configKey(config)} declares ${bytes} bytes and states ${stated}`);
  }
});

Deno.test("no two threads store into one vector of a shared tile: a component's store may write all of it", () => {
  for (const config of configs()) {
    const text = matmulWgsl(config);
    assertEquals(/tile_[ab](\[[^\]]*\]){4} = /.exec(text), null, configKey(config));
    assert(/tile_a(\[[^\]]*\]){3} = /.test(text) && /tile_b(\[[^\]]*\]){3} = /.test(text));
  }
});

Deno.test("f16 arithmetic enables its extension first", () => {
  const text = matmulWgsl(configOf(PLAIN, { arithmetic: "float16", dtype: "float16" }));
  assert(text.startsWith("enable f16;"));
});

Deno.test("the text of a reduction has one key for each epilogue and dtype", () => {
  const kernels = DTYPES.flatMap((dtype) =>
    [true, false].flatMap((aligned) =>
      (["store", "gated", "gated-save", "gated-backward", "gated-backward-save"] as const).map((epilogue) => {
        const columns = epilogue === "gated" || epilogue === "gated-save" ? 2 : 1;
        const { out } = operandCounts({ columns, gatedA: false, epilogue });
        const slots = Array.from({ length: out }, (_, i) => i);
        const storage = slots.map(() => ({ dtype, access: "read_write", aligned } as const));
        return reduceKernel({
          epilogue,
          columns,
          launches: 1,
          sliceSlots: slots.slice(0, columns).map((i) => out + i),
          activation: "silu",
          storage,
          slots,
        }, "sum");
      })
    )
  );
  assertEquals(new Set(kernels.map(({ key }) => key)).size, kernels.length);
  assertEquals(new Set(kernels.map((kernel) => kernel.wgsl())).size, kernels.length);
});
