import { assert, assertEquals, assertMatch } from "@std/assert";
import { peers } from "../../../bench/peers/mod.ts";
import { refusal, rowId } from "../../../bench/peers/peer.ts";
import { fakePeer, PROBLEM } from "./fixture.ts";

Deno.test("every peer has an id of its own that the command line can take, and says how it is called", () => {
  const ids = peers.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length);
  for (const { id, project, usage } of peers) {
    assertMatch(id, /^[a-z][a-z0-9-]*$/);
    assert(project.length > 0 && usage.length > 0 && !usage.includes("\n"));
  }
});

Deno.test("every peer's program exists, and its packages have one fixed version each", () => {
  for (const { id, program, packages } of peers) {
    assert(Deno.statSync(new URL(program.module)).isFile, id);
    for (const specifier of packages) {
      assertMatch(specifier, /^npm:(@[a-z-]+\/)?[a-z-]+@\d+\.\d+\.\d+(\/[\w.]+)?$/);
    }
  }
});

Deno.test("no peer's package is in the lock file, nor seen by who caches or checks the project", async () => {
  const lock = await Deno.readTextFile(new URL("../../../deno.lock", import.meta.url));
  const root = new URL("../../../bench/peers/mod.ts", import.meta.url).href;
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "--no-lock", root] });
  const graph = new TextDecoder().decode((await info.output()).stdout);
  assert(graph.includes("bench/peers/jax_js.ts"));
  const packages = peers.flatMap((peer) => peer.packages);
  assert(packages.length > 3);
  for (const specifier of packages) {
    const name = specifier.slice("npm:".length).replace(/(?<=.)@.*/, "");
    assert(!lock.includes(name), `${name} is in deno.lock`);
    assert(!graph.includes(`"npm:${name}`), `${name} is imported where Deno sees it`);
  }
});

for (
  const [what, about, problem, mode, software, reason] of [
    ["another activation", {}, { activation: "relu" }, "full", false, "Fake is called with silu only"],
    [
      "a dtype that it lacks",
      { dtypes: ["float32"] },
      { dtype: "bfloat16" },
      "full",
      false,
      "Fake is not called with bfloat16",
    ],
    ["gradients that it lacks", { gradients: "none" }, {}, "backward", false, "Fake computes no gradients"],
    [
      "backward by itself where it has none",
      { gradients: "with forward" },
      {},
      "backward",
      false,
      "Fake computes gradients together with forward: see full",
    ],
    [
      "CUDA beside an adapter that is a CPU",
      { platform: "cuda" },
      {},
      "full",
      true,
      "Fake runs on CUDA, and the adapter of this report is a CPU",
    ],
    [
      "full precision from TF32",
      { tf32: true },
      { precision: "highest" },
      "full",
      false,
      "Fake computes with no more precision than TF32",
    ],
    [
      "full precision from sums in float16",
      { narrowSums: true },
      { precision: "highest", dtype: "float16" },
      "full",
      false,
      "Fake computes with no more precision than float16",
    ],
    [
      "a Python file by URL",
      { program: { runtime: "python3", module: "http://127.0.0.1/torch_peer.py" } },
      {},
      "full",
      false,
      "Fake is called by a Python file, which needs a clone of this project: bench.ts runs by URL",
    ],
    [
      "a Python file of a clone",
      { program: { runtime: "python3", module: "file:///torch_peer.py" } },
      {},
      "full",
      false,
      null,
    ],
    ["nothing special", {}, {}, "full", true, null],
    ["what it has, together with forward", { gradients: "with forward" }, {}, "full", false, null],
    ["forward of what has no gradients", { gradients: "none" }, {}, "forward", false, null],
    ["float32 in full precision", { narrowSums: true }, { precision: "highest" }, "full", false, null],
    ["CUDA beside a GPU", { platform: "cuda" }, {}, "full", false, null],
  ] as const
) {
  Deno.test(`a peer that is asked for ${what} is ${reason === null ? "run" : "refused with the reason"}`, () => {
    const peer = fakePeer("good", about);
    assertEquals(refusal(peer, { problem: { ...PROBLEM, ...problem }, mode, software }), reason);
  });
}

Deno.test("rows of a peer are told from variants by their id", () => {
  assertEquals(rowId(fakePeer("good")), "peer:good");
});

Deno.test("README tells how each peer is called", () => {
  const text = Deno.readTextFileSync(new URL("../../../bench/README.md", import.meta.url));
  const cells = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()).slice(1, -1));
  for (const { id, project, usage } of peers) {
    assert(cells.some((row) => row.join("|") === [`\`${id}\``, project, usage].join("|")), `${id}: ${usage}`);
  }
});
