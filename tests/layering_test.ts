import { assert, assertEquals } from "@std/assert";
import { ENTRIES } from "../bench/browser/build.ts";

/** One import: of `to`, written as `specifier`, by the file `from`. Files are relative to the root. */
interface Arrow {
  readonly from: string;
  readonly specifier: string;
  /** null where it leads out of the project: to a package, a URL, or nowhere. */
  readonly to: string | null;
}

const ROOT = new URL("../", import.meta.url);

/** What the top level holds: all of it, and nothing else. */
const TOP_LEVEL = [
  ".ci",
  ".gitignore",
  "LICENSE",
  "README.md",
  "bench",
  "bench.ts",
  "deno.json",
  "deno.lock",
  "kernels",
  "mod.ts",
  "plot.ts",
  "tests",
  "variants",
];

/** The rooms of bench/: all that only the measuring program needs. */
const BENCH = [
  "oracle",
  "timing",
  "measure",
  "peers",
  "process",
  "commands",
  "report",
  "charts",
  "page",
  "browser",
].map((room) => `bench/${room}`);

/**
 * What each layer may import from, besides itself: bench.ts, plot.ts -> bench/ -> variants/ -> kernels/ -> kernels/gpu/,
 * and mod.ts -> variants/, kernels/. Within bench/, what prints and draws a report knows nothing of what measured it, but
 * judges samples by the same statistics.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  gpu: [],
  kernels: ["gpu"],
  variants: ["kernels", "gpu"],
  mod: ["variants", "kernels", "gpu"],
  "bench/report": ["bench/timing"],
  "bench/charts": ["bench/report"],
  "bench/page": ["bench/report", "bench/charts"],
  "bench/process": ["bench/report", "bench/charts", "deno.json"],
  "bench/oracle": ["variants", "kernels", "gpu"],
  "bench/timing": ["kernels", "gpu"],
  "bench/measure": ["bench/oracle", "bench/timing", "bench/report", "variants", "kernels", "gpu"],
  "bench/peers": [
    "bench/measure",
    "bench/oracle",
    "bench/timing",
    "bench/process",
    "bench/report",
    "variants",
    "kernels",
    "gpu",
  ],
  "bench/commands": [
    "bench/timing",
    "bench/measure",
    "bench/peers",
    "bench/process",
    "bench/report",
    "variants",
    "kernels",
    "gpu",
  ],
  "bench/browser": [
    "bench/timing",
    "bench/measure",
    "bench/report",
    "bench/charts",
    "bench/page",
    "variants",
    "kernels",
    "gpu",
    "deno.json",
  ],
  bench: ["mod", "variants", "kernels", "gpu", ...BENCH],
  plot: ["bench/process", "bench/report", "bench/charts", "bench/page"],
  ci: [],
  tests: ["mod", "variants", "kernels", "gpu", "ci", ...BENCH],
};

/** The layers that people import by URL, in browsers too. */
const LIBRARY = ["mod", "variants", "kernels", "gpu"];

/** Lines that a file may have. */
const LINE_LIMIT = 400;

function layerOf(file: string): string {
  if (file.startsWith("kernels/gpu/")) return "gpu";
  const room = BENCH.find((room) => file.startsWith(`${room}/`));
  if (room) return room;
  return file.replace(/^\./, "").replace(/(\.ts$|\/.*)/, "");
}

/** What is wrong with an import, or null. */
function wrongArrow({ from, specifier, to }: Arrow): string | null {
  const layer = layerOf(from);
  if (LIBRARY.includes(layer) && !/^\.\.?\//.test(specifier)) {
    return `${from} imports ${specifier}, which is no relative path`;
  }
  if (to === null) return null;
  const target = layerOf(to);
  if (target === layer || MAY_IMPORT[layer].includes(target)) return null;
  return `${from} imports ${to}: ${layer} may not import ${target}`;
}

/** Uses of Deno's own API, outside comments. */
function denoUses(source: string): number {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return code.match(/\bDeno\b\s*[.?[]/g)?.length ?? 0;
}

/** All TypeScript files of the project, relative to the root, sorted. */
function sources(folder = ROOT): string[] {
  const files: string[] = [];
  for (const { name, isFile, isDirectory } of Deno.readDirSync(folder)) {
    if (folder === ROOT && !TOP_LEVEL.includes(name)) continue;
    if (isDirectory) files.push(...sources(new URL(`${name}/`, folder)));
    if (isFile && name.endsWith(".ts")) files.push(new URL(name, folder).href.slice(ROOT.href.length));
  }
  return files.sort();
}

function read(file: string): string {
  return Deno.readTextFileSync(new URL(file, ROOT));
}

async function runDeno(args: string[], folder: string): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" } }).output();
}

/** Calls with a module in a folder of its own that imports all files. */
async function withModule<T>(text: string, use: (path: string, folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/all.ts`, text);
    return await use(`${folder}/all.ts`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface ModuleGraph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { specifier: string; code?: { specifier?: string }; type?: { specifier?: string } }[];
  }[];
}

/** All imports of all files as Deno resolves them, types and constant dynamic ones included. */
async function arrows(files: string[]): Promise<Arrow[]> {
  const text = files.map((file) => `import "${new URL(file, ROOT)}";`).join("\n");
  const output = await withModule(text, (path, folder) => {
    const config = new URL("deno.json", ROOT).pathname;
    return runDeno(["info", "--json", "--no-lock", "--config", config, path], folder);
  });
  assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(output.stdout));
  return graph.modules.filter(({ specifier }) => isOurs(specifier)).flatMap((module) => {
    assertEquals(module.error, undefined, `${module.specifier} cannot be parsed`);
    return (module.dependencies ?? []).map(({ specifier, code, type }) => {
      const resolved = code?.specifier ?? type?.specifier;
      return {
        from: relative(module.specifier),
        specifier,
        to: isOurs(resolved) ? relative(resolved) : null,
      };
    });
  });
}

function isOurs(url: string | undefined): url is string {
  return url?.startsWith(ROOT.href) ?? false;
}

function relative(url: string): string {
  return url.slice(ROOT.href.length);
}

/** Top-level entries, without what git ignores (by name: "/results/"), which needs no git on the machine. */
function topLevel(): string[] {
  const rules = [".gitignore", ".git/info/exclude"].filter(exists).flatMap((file) => read(file).split("\n"));
  const ignored = new Set([".git", ...rules.map((rule) => rule.replaceAll("/", ""))]);
  return [...Deno.readDirSync(ROOT)].map(({ name }) => name).filter((name) => !ignored.has(name)).sort();
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(new URL(file, ROOT)).isFile;
  } catch {
    return false;
  }
}

Deno.test("imports point one way, and the library's are all relative", async () => {
  const files = sources();
  const all = await arrows(files);
  assert(files.includes("variants/mod.ts") && all.length > files.length, "too few imports were seen");
  assertEquals(all.map(wrongArrow).filter((fault) => fault !== null), []);
});

/** The files of each circle of imports: those that reach each other. */
function circles(all: readonly Arrow[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of all) if (to !== null) targets.set(from, [...targets.get(from) ?? [], to]);
  const reached = (start: string): Set<string> => {
    const seen = new Set<string>();
    const queue = [start];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      for (const to of targets.get(file) ?? []) if (!seen.has(to)) seen.add(to), queue.push(to);
    }
    return seen;
  };
  const reach = new Map([...targets.keys()].map((file) => [file, reached(file)]));
  const found = [...reach].filter(([file, files]) => files.has(file)).map(([file, files]) =>
    [...files].filter((other) => reach.get(other)?.has(file)).sort()
  );
  return [...new Map(found.map((files) => [files.join(), files])).values()];
}

Deno.test("no file reaches itself by imports, of types neither", async () => {
  assertEquals(circles(await arrows(sources().filter((file) => layerOf(file) !== "tests"))), []);
});

Deno.test("a circle of imports is seen", () => {
  const arrow = (from: string, to: string): Arrow => ({ from, to, specifier: to });
  const all = [arrow("a", "b"), arrow("b", "c"), arrow("c", "b"), arrow("d", "d"), arrow("c", "e")];
  assertEquals(circles(all), [["b", "c"], ["d"]]);
});

Deno.test("mod.ts reaches nothing under bench/", async () => {
  const library = (await arrows(["mod.ts"])).flatMap(({ from, to }) => [from, to ?? ""]);
  assert(library.length > 50);
  assertEquals(library.filter((file) => file.startsWith("bench")), []);
});

Deno.test("nothing of the library reaches Dawn, which is an entry point of its own", async () => {
  const dawn = "kernels/gpu/dawn.ts";
  const library = sources().filter((file) => LIBRARY.includes(layerOf(file)));
  assertEquals((await arrows(library)).filter(({ to }) => to === dawn), []);
  // Its package is named where no import shows it, so that nothing downloads it: nobody else may do so.
  assertEquals(library.filter((file) => /["'`]npm:/.test(read(file))), [dawn]);
  // `deno task` downloads whatever the lock file names.
  assert(!read("deno.lock").includes("webgpu"), "Dawn's package is in deno.lock");
});

Deno.test("a wrong arrow and a bare import are seen", () => {
  const wrong = (from: string, to: string) => wrongArrow({ from, to, specifier: "./x.ts" }) !== null;
  assert(wrong("kernels/gpu/a.ts", "kernels/b.ts"));
  assert(wrong("kernels/a.ts", "variants/b.ts"));
  assert(wrong("variants/a.ts", "mod.ts"));
  assert(wrong("bench/report/a.ts", "kernels/gpu/b.ts"));
  assert(wrong("plot.ts", "mod.ts"));
  assert(wrong("mod.ts", "bench/report/a.ts"));
  assert(wrong("mod.ts", "bench/peers/a.ts"));
  assert(wrong("variants/mod.ts", "bench/peers/a.ts"));
  assert(wrong("bench/measure/run.ts", "bench/peers/a.ts"));
  assert(wrong("bench/measure/run.ts", "bench/commands/a.ts"));
  assert(wrong("bench.ts", "tests/gpu.ts"));
  assert(wrong("tests/a_test.ts", "bench.ts"));
  assert(wrong(".ci/a.ts", "mod.ts"));
  assert(!wrong("kernels/a.ts", "kernels/gpu/b.ts"));
  assert(!wrong("bench.ts", "mod.ts"));
  assert(!wrong("bench.ts", "bench/peers/a.ts"));
  assert(!wrong("bench/peers/a.ts", "variants/b.ts"));
  for (const specifier of ["@std/assert", "npm:vega@6", "node:fs", "https://example.com/a.ts"]) {
    assert(wrongArrow({ from: "mod.ts", specifier, to: null }) !== null, specifier);
    assert(wrongArrow({ from: "bench.ts", specifier, to: null }) === null, specifier);
  }
});

Deno.test("the library uses nothing of Deno's own API", () => {
  const library = sources().filter((file) => LIBRARY.includes(layerOf(file)));
  assert(library.length > 10);
  assertEquals(library.filter((file) => denoUses(read(file)) > 0), []);
});

/** All files that these reach, with themselves. */
function reached(entries: readonly string[], all: readonly Arrow[]): string[] {
  const files = new Set(entries);
  for (const file of files) for (const { from, to } of all) if (from === file && to !== null) files.add(to);
  return [...files];
}

Deno.test("what the page in the browser bundles uses nothing of Deno's own API, and no module of Node", async () => {
  const entries = ENTRIES.map((entry) => `bench/browser/${entry}`);
  const all = await arrows(entries);
  const files = reached(entries, all).filter((file) => file.endsWith(".ts"));
  assert(files.includes("bench/measure/run.ts") && files.includes("bench/page/mod.ts"));
  assertEquals(files.filter((file) => denoUses(read(file)) > 0), []);
  assertEquals(all.filter(({ specifier }) => specifier.startsWith("node:")), []);
});

Deno.test("files are reached over others", () => {
  const arrow = (from: string, to: string | null): Arrow => ({ from, to, specifier: "" });
  assertEquals(reached(["a"], [arrow("b", "c"), arrow("a", "b"), arrow("d", "e"), arrow("c", null)]), [
    "a",
    "b",
    "c",
  ]);
});

Deno.test("a use of Deno's own API is seen, a mention in a comment is not", () => {
  assertEquals(denoUses('const a = Deno.env.get("A");\nconst b = Deno?.build;\nDeno["exit"]();'), 3);
  assertEquals(denoUses("/** See Deno.env. */\n// Deno.exit\nconst denoLike = 1;"), 0);
});

Deno.test("the top level holds what the layout names, and nothing else", () => {
  assertEquals(topLevel(), TOP_LEVEL);
});

Deno.test(`no file is longer than ${LINE_LIMIT} lines`, () => {
  const lines = (file: string) => read(file).split("\n").length - 1;
  assertEquals(sources().filter((file) => lines(file) > LINE_LIMIT), []);
});

Deno.test("deno.lock names no host, whatever registry it was made with", () => {
  const lock = read("deno.lock");
  assert(lock.includes('"npm:deno-std@'));
  assertEquals(lock.match(/https?:|tarball/g), null);
});

/** Makes every way to start something throw, then imports. */
function importingModule(files: string[]): string {
  return `
const forbid = (name) => () => { throw new Error(name + " was called by an import"); };
GPU.prototype.requestAdapter = forbid("requestAdapter");
for (const name of ["setTimeout", "setInterval", "fetch", "Worker"]) globalThis[name] = forbid(name);
for (const name of ["serve", "Command", "addSignalListener", "writeTextFile", "writeTextFileSync"]) Deno[name] = forbid(name);
const failed = [];
for (const file of ${JSON.stringify(files)}) {
  await import(${
    JSON.stringify(ROOT.href)
  } + file).catch((error) => failed.push(file + ": " + error.message));
}
console.log(JSON.stringify(failed));`;
}

async function importAll(files: string[]): Promise<string[]> {
  const config = new URL("deno.json", ROOT).pathname;
  const output = await withModule(importingModule(files), (path, folder) => {
    return runDeno(["run", "-A", "--no-check", "--no-lock", "--config", config, path], folder);
  });
  assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

Deno.test("importing any module acquires no device and starts nothing", async () => {
  const files = sources().filter((file) => layerOf(file) !== "tests");
  assert(files.length > 30);
  assertEquals(await importAll(files), []);
});

Deno.test("a module that asks for an adapter when imported is seen", async () => {
  const failed = await withModule("await navigator.gpu.requestAdapter();", (path) => {
    return importAll([`../../../../../../../../../../${path.slice(1)}`]);
  });
  assertEquals(failed.length, 1);
  assert(failed[0].endsWith("requestAdapter was called by an import"), failed[0]);
});
