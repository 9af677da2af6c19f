/** A ninth variant takes one file and one line. It changes nothing for users who do not name it. */
import { assert, assertEquals } from "@std/assert";
import type { explain, ExplainOptions } from "../../mod.ts";
import { inOrder, KNOWN_VARIANTS } from "../../bench/charts/theme.ts";
import { DEFAULT_VARIANT, FALLBACKS, variants } from "../../variants/mod.ts";

type Library = typeof import("../../mod.ts");

const ROOT = new URL("../../", import.meta.url);
const END = "\n].map(inAnyForm).map(traced);";

/** A copy of the library with one variant more: pytorch's code under the name `ninth`, last in the list. */
async function withNinth(use: (library: Library) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await copy("variants", `${folder}/variants`);
    await copy("kernels", `${folder}/kernels`);
    await Deno.copyFile(new URL("mod.ts", ROOT), `${folder}/mod.ts`);
    const code = await Deno.readTextFile(`${folder}/variants/pytorch.ts`);
    const ninth = code.replace("export const pytorch", "export const ninth").replace(
      'id: "pytorch"',
      'id: "ninth"',
    );
    await Deno.writeTextFile(`${folder}/variants/ninth.ts`, ninth);
    const registry = await Deno.readTextFile(`${folder}/variants/mod.ts`);
    assert(registry.includes(END), "the list ends in another way now");
    const longer = registry.replace(
      END,
      `
  ninth,${END}`,
    );
    await Deno.writeTextFile(`${folder}/variants/mod.ts`, `import { ninth } from "./ninth.ts";\n${longer}`);
    use(await import(`file://${folder}/mod.ts`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${from}/`, ROOT))) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(new URL(`${from}/${name}`, ROOT), `${to}/${name}`);
  }
}

const sizes = { tokens: 300, dim: 16, hiddenDim: 24 };

/** What every caller who names no variant gets, on any device and within any budget. */
function decisions(library: Library): unknown[] {
  const limits = [{}, { maxStorageBuffersPerShaderStage: 4 }, { maxStorageBuffersPerShaderStage: 3 }, {
    maxStorageBufferBindingSize: 16384,
  }];
  return limits.flatMap((limit) =>
    [undefined, 100_000, 60_000, 40_000].map((memoryBudget) => decision(library, limit, { memoryBudget }))
  );
}

function decision(library: Library, limit: object, options: ExplainOptions): unknown {
  const gpu = Object.create(library.Gpu.prototype, {
    capabilities: { value: { ...CAPABILITIES, ...limit } },
    disposed: { value: false },
    lost: { value: null },
  });
  try {
    const { rejected, ...plan }: ReturnType<typeof explain> = library.explain(gpu, sizes, options);
    return { plan, rejected: rejected.filter(({ implementation }) => implementation !== "ninth") };
  } catch (error) {
    return `${error}`;
  }
}

const CAPABILITIES = {
  name: "a device",
  software: false,
  shaderF16: false,
  timestamps: false,
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  minStorageBufferOffsetAlignment: 256,
  subgroupMatrices: [],
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
};

Deno.test("a ninth variant at the end of the list is nobody's default, not even where the default cannot run", async () => {
  const library = await import("../../mod.ts");
  const before = decisions(library);
  assert(
    new Set(before.map((each) => JSON.stringify(each))).size > 4,
    "devices and budgets make no difference",
  );
  await withNinth((longer) => {
    assertEquals(longer.variants.map(({ id }) => id), [...variants.map(({ id }) => id), "ninth"]);
    assertEquals(decisions(longer), before);
  });
});

Deno.test("a ninth variant runs where it is named, and explain says so", async () => {
  const library = await import("../../mod.ts");
  using gpu = await library.requestGpu();
  await withNinth((longer) => {
    using other = longer.Gpu.from(gpu.device);
    const named = longer.explain(other, sizes, { implementation: "ninth" });
    assertEquals(named.implementation, "ninth");
    const reasons = Object.fromEntries(
      longer.explain(other, sizes).rejected.map(({ implementation, reason }) => [implementation, reason]),
    );
    assertEquals(reasons.ninth, "tuned can run, and ninth runs only where implementation names it");
    assertEquals(reasons.unsloth, "tuned can run and is tried before it");
  });
});

Deno.test("the default is tuned, and each of today's other variants is a fallback", () => {
  assertEquals(DEFAULT_VARIANT.id, "tuned");
  assertEquals(
    FALLBACKS.map(({ id }) => id),
    [
      "unsloth",
      "liger",
      "alphafold3-fused",
      "alphafold3-checkpointed",
      "alphafold3-combined",
      "alphafold3",
      "pytorch",
    ],
  );
  for (const variant of [DEFAULT_VARIANT, ...FALLBACKS]) assert(variants.includes(variant), variant.id);
});

Deno.test("explain claims nothing of speed or size that it does not know", async () => {
  const library = await import("../../mod.ts");
  using gpu = await library.requestGpu();
  for (const options of [{}, { implementation: "liger" }]) {
    for (const { reason } of library.explain(gpu, sizes, options).rejected) {
      assert(!/fast|small|best|better/.test(reason), reason);
    }
  }
});

Deno.test("every variant has a colour and a symbol of its own: bench/charts/theme.ts lacks none", () => {
  const missing = variants.map(({ id }) => id).filter((id) => !KNOWN_VARIANTS.includes(id));
  assertEquals(missing, [], "add them to STYLES in bench/charts/theme.ts");
  assertEquals(inOrder(variants.map(({ id }) => id)), variants.map(({ id }) => id));
});

Deno.test("README's table of variants lists every one, in the order of the registry", () => {
  const text = Deno.readTextFileSync(new URL("README.md", ROOT));
  const listed = [...text.matchAll(/^\| `([\w-]+)` +\| [^|]+\| [^|]+\| [^|]+\|$/gm)].map(([, id]) => id);
  const missing = variants.map(({ id }) => id).filter((id) => !listed.includes(id));
  assertEquals(missing, [], "add them to the table of variants in README.md");
});
