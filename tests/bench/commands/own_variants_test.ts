/** Variants of the user's own, loaded by `--variant`. Its example is the one of bench/README.md. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { modulesDigest, ownVariants } from "../../../bench/commands/own_variants.ts";
import { UsageError } from "../../../bench/process/argument_values.ts";
import { bench, inFolder, reportIn, TINY } from "../../program.ts";

const ROOT = new URL("../../../", import.meta.url);

/** A module as a URL. */
const moduleOf = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

const WHOLE = `id: "mine", origin: "me", idea: "it", saves: [], weightForm: "either", refuses: () => null,
  forward() {}, backward() {}`;

Deno.test("every export that is a variant is taken, a list's too, each once", async () => {
  const text = `export const other = 1; export const a = { ${WHOLE} };
    export const list = [{ ...a, id: "b" }, { ...a, id: "c" }]; export default a;`;
  const found = await ownVariants([moduleOf(text)], ["tuned"]);
  assertEquals(found.map(({ id }) => id).toSorted(), ["b", "c", "mine"]);
});

const BAD: [string, string, string][] = [
  ["does not parse", "export const a = {", "the module must load: "],
  ["throws", "throw new Error('no luck')", "the module must load: Error: no luck"],
  ["exports nothing", "const a = 1;", "must export a variant, an object with id, origin, idea, saves, "],
  ["exports other things", "export const a = 1, b = {};", "forward and backward: it exports a and b"],
  [
    "exports half a variant",
    `export const half = { ${WHOLE}, backward: undefined }`,
    "backward of its export half must be a function: current value is undefined",
  ],
  [
    "names a form of weights that there is not",
    `export const v = { ${WHOLE}, weightForm: "any" }`,
    'weightForm of its export v must be "separate", "combined" or "either": current value is "any"',
  ],
  [
    "has a list in its id",
    `export default { ${WHOLE}, id: "a,b" }`,
    "id of its export default must be a name of",
  ],
  [
    "takes the id of another",
    `export default { ${WHOLE}, id: "tuned" }`,
    'must be its own: "tuned" is taken',
  ],
];

for (const [what, text, message] of BAD) {
  Deno.test(`a module that ${what} is refused in one line that says so`, async () => {
    const error = await assertRejects(() => ownVariants([moduleOf(text)], ["tuned"]), UsageError);
    assertStringIncludes(error.message, message);
    assert(
      error.message.startsWith("Cannot use --variant data:") && !error.message.includes("\n"),
      error.message,
    );
  });
}

Deno.test("two modules may not export the same id, and one that is not there is named", async () => {
  const twice = [`export default { ${WHOLE} }`, `export default { ${WHOLE} } // again`].map(moduleOf);
  await assertRejects(() => ownVariants(twice, []), UsageError, '"mine" is taken');
  await assertRejects(
    () => ownVariants(["./nowhere.ts"], []),
    UsageError,
    "--variant ./nowhere.ts as the module",
  );
});

/** The example of bench/README.md, as a module that may lie anywhere. */
function example(): string {
  const text = Deno.readTextFileSync(new URL("bench/README.md", ROOT));
  const [, code] = /## A variant of your own[^]*?```ts\n([^]*?)```/.exec(text)!;
  return code.replaceAll('from "./', `from "${ROOT}`);
}

Deno.test("README's variant is checked and timed beside the others; a wrong one fails, in the same run", async () => {
  await inFolder(async (folder) => {
    const more = `
      export const wrong: Variant = {
        ...mine, id: "wrong",
        forward(block, training) {
          console.log("this must not stand between the events");
          const { g, u } = project(block, "workspace");
          const h = gatedHidden(block, { g, u: g }, "workspace");
          const y = projectDown(block, h);
          release(g, u, h);
          return { y, saved: {} };
        },
      };`;
    const path = `${folder}/mine.ts`;
    Deno.writeTextFileSync(path, example() + more);
    const args = [...TINY, "--variants", "tuned", "--modes", "forward"];
    const { code, stdout, stderr } = await bench(`${folder}/out`, ...args, "--variant", path);
    assertEquals(code, 1, stderr);
    const { rows, settings, arguments: given } = reportIn(`${folder}/out`);
    assertEquals(rows.map(({ variant, status }) => [variant, status]), [
      ["tuned", "ok"],
      ["mine", "ok"],
      ["wrong", "failed"],
    ]);
    assertStringIncludes(rows[2].reason!, "y");
    for (const id of ["mine", "wrong"]) assertStringIncludes(stdout, id);
    assertEquals([settings!.variantModules, given!.includes(`--variant=${path}`)], [
      modulesDigest([path]),
      true,
    ]);
    Deno.writeTextFileSync(path, `${example()}// changed`);
    const changed = await bench(`${folder}/out`, "--resume");
    assertEquals(changed.code, 2, changed.stderr);
    assertStringIncludes(changed.stderr, "as the text of the modules of --variant must be ");
  });
});
