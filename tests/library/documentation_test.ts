import { assert, assertEquals, assertMatch } from "@std/assert";

const MOD = new URL("../../mod.ts", import.meta.url);

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: {
    readonly doc?: string;
    readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
  };
}

async function denoDoc(...args: string[]): Promise<{ success: boolean; text: string; errors: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", ...args, MOD.pathname],
    env: { NO_COLOR: "1" },
  }).output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, text, errors };
}

/** Every declaration in what `deno doc --json` prints, by name, whatever the version nests it in. */
function* declarations(node: unknown, name = ""): Generator<{ name: string; declaration: Declaration }> {
  if (Array.isArray(node)) { for (const item of node) yield* declarations(item, name); }
  else if (typeof node === "object" && node !== null) {
    const record = node as Record<string, unknown>;
    if (Array.isArray(record.declarations)) {
      for (const declaration of record.declarations) {
        yield { name: String(record.name), declaration: declaration as Declaration };
      }
    } else for (const value of Object.values(record)) yield* declarations(value, name);
  }
}

Deno.test("deno doc finds nothing to complain about", async () => {
  const { success, errors } = await denoDoc("--lint");
  assert(success, errors);
});

Deno.test("every export has a description and an example that runs as a test", async () => {
  const { text } = await denoDoc("--json");
  const found = [...declarations(JSON.parse(text))].filter(({ declaration }) =>
    declaration.kind !== "moduleDoc"
  );
  const names = new Set(found.map(({ name }) => name));
  const exported = Object.keys(await import(MOD.href));
  for (const name of exported) assert(names.has(name), `${name} is not in deno doc's output`);
  const lacking = found.filter(({ declaration: { jsDoc } }) => {
    const example = jsDoc?.tags?.find(({ kind }) => kind === "example")?.doc ?? "";
    return !jsDoc?.doc || !/```ts\n/.test(example);
  });
  assertEquals(lacking.map(({ name }) => name), []);
});

Deno.test("whoever looks up the weights is told of the layout, and that square ones pass silently", async () => {
  const { text } = await denoDoc("--json");
  const docs = new Map<string, string>();
  for (const { name, declaration: { jsDoc } } of declarations(JSON.parse(text))) {
    docs.set(
      name,
      [jsDoc?.doc, ...jsDoc?.tags?.map(({ doc }) => doc) ?? []].join(" ").replaceAll(/\s+/g, " "),
    );
  }
  for (const name of ["SeparateWeights", "CombinedWeights", "swiglu", "swigluWithGrad", "gatedLinearUnit"]) {
    assertMatch(
      docs.get(name)!,
      /layout.* pass(es)? all checks.* wrong/,
      name,
    );
  }
});
