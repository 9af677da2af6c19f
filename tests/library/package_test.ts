/** The npm package has the library and nothing else. It runs in Node 20, and its types are there. */
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { ChromiumPage, findChromium } from "../chromium.ts";
import { follow } from "../program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Runs a command in a folder and gives what it printed. */
async function run(folder: string, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await follow(command, args, {}, folder).ended;
  assertEquals(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A folder of a project that has installed the package. */
async function installed(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(ROOT, Deno.execPath(), "pack", "--quiet", "--allow-dirty", "--output", `${folder}/package.tgz`);
    const place = `${folder}/node_modules/@swiglu/webgpu`;
    await Deno.mkdir(place, { recursive: true });
    await run(folder, "tar", "-xzf", "package.tgz", "-C", place, "--strip-components=1");
    await Deno.writeTextFile(
      `${folder}/package.json`,
      JSON.stringify({ type: "module", dependencies: { "@swiglu/webgpu": "*" } }),
    );
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...(await filesBelow(`${folder}/${name}`)).map((file) => `${name}/${file}`));
    else files.push(name);
  }
  return files;
}

/** What a user of Node writes. A device is one that only says what it can do: planning needs no more. */
const SCRIPT = `
import * as library from "@swiglu/webgpu";
import { requestDawnGpu } from "@swiglu/webgpu/dawn";
const unsupported = { features: new Set(), limits: {}, queue: {}, lost: new Promise(() => {}) };
const refusals = [];
for (const call of [() => library.requestGpu(), () => requestDawnGpu(), () => library.Gpu.from(unsupported)]) {
  try { await call(); } catch (error) { refusals.push(error.name); }
}
console.log(JSON.stringify({ names: Object.keys(library), refusals }));
`;

const TYPED = `
import { type SeparateWeights, swigluWithGrad, Tensor, type Gpu } from "@swiglu/webgpu";
import { requestDawnGpu } from "@swiglu/webgpu/dawn";
export const step = (gpu: Gpu, x: Tensor, weights: SeparateWeights): Tensor => swigluWithGrad(gpu, x, weights).y;
export const gpu: Promise<Gpu> = requestDawnGpu();
// @ts-expect-error A weight is missing: the types are there, and not any.
export const wrong = (gpu: Gpu, x: Tensor) => swigluWithGrad(gpu, x, { gate: x });
`;

Deno.test("the npm package has the library only, runs in Node, and has types", () =>
  installed(async (folder) => {
    const files = await filesBelow(`${folder}/node_modules/@swiglu/webgpu`);
    const top = new Set(files.map((file) => file.split("/")[0]));
    assertEquals(
      [...top].sort(),
      ["LICENSE", "README.md", "kernels", "mod.d.ts", "mod.js", "package.json", "variants"],
    );
    await Deno.writeTextFile(`${folder}/main.js`, SCRIPT);
    const { names, refusals } = JSON.parse(await run(folder, "node", "main.js"));
    assertEquals(names, Object.keys(await import("../../mod.ts")).sort());
    assertEquals(refusals, ["NoAdapterError", "DawnError", "TypeError"]);
    await Deno.writeTextFile(`${folder}/typed.ts`, TYPED);
    await run(folder, Deno.execPath(), "check", "--quiet", "typed.ts");
  }));

/** One token of one channel: y = silu(x Wg) (x Wu) Wd, and the gradients of y. */
const IN_BROWSER = `import("./mod.js").then(async ({ requestGpu, swigluWithGrad, Tensor }) => {
  const gpu = await requestGpu();
  const one = (value) => Tensor.from(gpu, Float32Array.of(value), [1, 1]);
  const { y, backward } = swigluWithGrad(gpu, one(2), { gate: one(0.5), up: one(3), down: one(-1) });
  const { dx } = backward(one(1));
  const values = await Promise.all([y, dx].map(async (tensor) => (await tensor.read())[0]));
  gpu.dispose();
  return values;
})`;

/** Serves the files of a folder to a browser on this machine. */
function serve(folder: string): { address: string } & AsyncDisposable {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/") {
      return new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
    }
    const text = await Deno.readTextFile(folder + pathname).catch(() => null);
    return new Response(text, {
      status: text === null ? 404 : 200,
      headers: { "content-type": "text/javascript" },
    });
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const chromium = findChromium();

Deno.test({
  name: `the npm package's own files compute a block in Chromium${
    chromium ? "" : " (skipped: not installed)"
  }`,
  ignore: chromium === null,
  fn: () =>
    installed(async (folder) => {
      await using server = serve(`${folder}/node_modules/@swiglu/webgpu`);
      await using page = await ChromiumPage.open(chromium!, { graphics: "webgpu" });
      await page.goto(server.address);
      const [y, dx] = await page.evaluate<[number, number]>(IN_BROWSER);
      // g = 1, u = 6, silu(1) = s = 0.7310586, silu'(1) = s (1 + 1 - s)
      const s = 1 / (1 + Math.exp(-1));
      assertAlmostEquals(y, -6 * s, 1e-5);
      assertAlmostEquals(dx, -(s * 3 + s * (2 - s) * 6 * 0.5), 1e-5);
    }),
});

Deno.test("a bundle for browsers has no using statement, which Safari does not know", async () => {
  const bundle = await run(ROOT, Deno.execPath(), "bundle", "--quiet", "--platform", "browser", "mod.ts");
  assert(bundle.includes("swigluWithGrad"));
  const found = bundle.split("\n").find((line) => /^\s*(await )?using \w/.test(line));
  assertEquals(found, undefined);
  assertMatch("  using count = new Tensor();", /^\s*(await )?using \w/);
});

Deno.test("what is published passes the registry's own checks, and is the library only", async () => {
  const { code, stderr } = await follow(
    Deno.execPath(),
    ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    { NO_COLOR: "1" },
    ROOT,
  ).ended;
  assertEquals(code, 0, stderr);
  const files = [...stderr.matchAll(/file:\/\/(\S+) \(/g)].map(([, file]) => file.slice(ROOT.length));
  assert(files.includes("mod.ts") && files.includes("kernels/gpu/dawn.ts"));
  assertEquals(
    files.filter((file) => !/^(mod\.ts|deno\.json|LICENSE|README\.md|kernels\/|variants\/)/.test(file)),
    [],
  );
});
