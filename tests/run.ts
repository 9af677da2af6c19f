/**
 * Runs test files as programs, and ends with the summary that `deno test` prints: `deno run -A tests/run.ts FILE...`
 *
 * For tests on Dawn: with a cold cache of shaders `deno test` spends minutes in each compilation, which takes a program
 * seconds.
 */
type Body = () => void | Promise<void>;
type Definition = { name: string; fn: Body; ignore?: boolean };

const definitions: Definition[] = [];

function define(first: string | Definition, body?: Body): void {
  definitions.push(typeof first === "string" ? { name: first, fn: body! } : first);
}

Object.defineProperty(Deno, "test", { value: define });
for (const file of Deno.args) await import(new URL(file, `file://${Deno.cwd()}/`).href);

let [passed, failed, ignored] = [0, 0, 0];
for (const { name, fn, ignore = false } of definitions) {
  if (ignore) {
    ignored++;
    continue;
  }
  const start = performance.now();
  try {
    await fn();
    passed++;
    console.log(`${name} ... ok (${Math.round(performance.now() - start)}ms)`);
  } catch (error) {
    failed++;
    console.log(`${name} ... FAILED`);
    console.log(error);
  }
}
console.log(
  `${failed === 0 ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed${
    ignored > 0 ? ` | ${ignored} ignored` : ""
  } (${Math.round(performance.now() / 1000)}s)`,
);
Deno.exit(failed === 0 ? 0 : 1);
