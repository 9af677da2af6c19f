/**
 * Runs test files on Dawn's WebGPU, and ends with the summary that `deno test` prints:
 * `deno run -A --no-lock tests/run.ts FILE_OR_FOLDER... [--every 8 FILE_OR_FOLDER...]`
 *
 * Dawn takes the place of `navigator.gpu`, so that every test that asks for a device gets one of Dawn's. The library is
 * thereby compiled by a second compiler of WGSL, and uses subgroup matrices where the adapter has them. Of files that
 * follow `--every N`, one test of N runs and the others are ignored, as the software driver compiles each kernel for a second.
 *
 * It is a program because `deno test` would write Dawn into deno.lock. Exits with 77 where Dawn cannot be loaded.
 */
import { dawn, DawnError } from "../kernels/gpu/dawn.ts";

type Body = () => void | Promise<void>;
type Definition = { name: string; fn: Body; ignore?: boolean };

const UNAVAILABLE = 77;

/** How files of tests end that need Dawn: all of their tests run. */
const ON_DAWN = "_on_dawn.ts";

/** While Dawn waits for its device, it asks for the next turn of the event loop. It gets one after so many milliseconds. */
const TURN_MS = 2;

const counts = { passed: 0, failed: 0, ignored: 0 };
const definitions: Definition[] = [];

function define(first: string | Definition, body?: Body): void {
  definitions.push(typeof first === "string" ? { name: first, fn: body! } : first);
}

/** The test files that a path of the command line stands for, in order. */
function filesOf(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  const entries = [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    const isTest = isDirectory || name.endsWith("_test.ts") || name.endsWith(ON_DAWN);
    return isTest ? filesOf(`${path.replace(/\/$/, "")}/${name}`) : [];
  });
}

/** Runs one test of `every`, and the last one, which sees that nothing is left on the device. */
async function runFile(file: string): Promise<void> {
  console.log(`running ${file}`);
  if (/Deno\.Command|\/program\.ts"/.test(Deno.readTextFileSync(file))) {
    return leaveOut(1, "the file starts programs of its own, which do not run on Dawn");
  }
  await import(new URL(file, `file://${Deno.cwd()}/`).href);
  const start = performance.now();
  const tests = definitions.splice(0);
  const some = file.endsWith(ON_DAWN)
    ? tests
    : tests.filter((_, i) => i % every === 0 || i === tests.length - 1);
  for (const test of some) await runTest(test);
  if (some.length < tests.length) leaveOut(tests.length - some.length, `one test of ${every} runs here`);
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s`);
}

async function runTest({ name, fn, ignore = false }: Definition): Promise<void> {
  if (ignore) {
    counts.ignored++;
    console.log(`${name} ... ignored`);
    return;
  }
  const start = performance.now();
  try {
    await fn();
    counts.passed++;
    console.log(`${name} ... ok (${Math.round(performance.now() - start)}ms)`);
  } catch (error) {
    counts.failed++;
    console.log(`${name} ... FAILED`);
    console.log(error);
  }
}

function leaveOut(count: number, reason: string): void {
  counts.ignored += count;
  console.log(`${count} ignored: ${reason}`);
}

try {
  Object.defineProperty(navigator, "gpu", { value: await dawn(), configurable: true });
} catch (error) {
  if (!(error instanceof DawnError)) throw error;
  console.error(error.message);
  Deno.exit(UNAVAILABLE);
}
// Turns without a pause would take a core from the software driver, which compiles on it (79 against 31 s of 14 kernels).
Object.defineProperty(globalThis, "setImmediate", { value: (turn: Body) => setTimeout(turn, TURN_MS) });
Object.defineProperty(Deno, "test", { value: define });

let every = 1;
for (let i = 0; i < Deno.args.length; i++) {
  if (Deno.args[i] === "--every") {
    every = Number(Deno.args[++i]);
    continue;
  }
  for (const file of filesOf(Deno.args[i])) await runFile(file);
}
const { passed, failed, ignored } = counts;
const left = ignored > 0 ? ` | ${ignored} ignored` : "";
const seconds = Math.round(performance.now() / 1000);
console.log(`${failed === 0 ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed${left} (${seconds}s)`);
Deno.exit(failed === 0 ? 0 : 1);
