import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parseReport } from "../../../bench/report/reader.ts";
import { MODES, SCHEMA } from "../../../bench/report/schema.ts";
import { measurePeers } from "../../../bench/peers/run.ts";
import { flopsOf } from "../../../bench/measure/shapes.ts";
import { fakePeer, OPTIONS, PROBLEM, rowsOf } from "./fixture.ts";

Deno.test("a peer that answers rightly has a row for each mode, with its errors, times and memory", async () => {
  const rows = await rowsOf([fakePeer("good")], MODES);
  assertEquals([...rows.keys()], ["peer:good forward", "peer:good backward", "peer:good full"]);
  for (const row of rows.values()) {
    assertEquals([row.status, row.reason, row.implementation], ["ok", null, "fake 1.0"]);
    assertEquals(row.timing?.gpuNs, null);
    assertEquals(row.timing?.wallNs?.samples, [2e6, 2.02e6, 2.04e6]);
    assertEquals(row.tflops, flopsOf(PROBLEM, row.mode) / 2.02e6 / 1e3);
    assertEquals(row.memory, {
      peakBytes: 4096,
      savedBytes: null,
      workspaceBytes: null,
      predictedPeakBytes: null,
    });
    assertEquals(row.coldMs, 5);
    const made = Object.entries(row.accuracy!).filter(([, error]) => error !== null).map(([name]) => name);
    const gradients = ["dx", "dGate", "dUp", "dDown"];
    assertEquals(made, { forward: ["y"], backward: gradients, full: ["y", ...gradients] }[row.mode]);
    assert(Object.values(row.accuracy!).every((error) => error === null || error < 1e-7));
  }
});

Deno.test("a report with rows of peers is read again as it was written", async () => {
  const rows = [...(await rowsOf([fakePeer("good"), fakePeer("unavailable")], ["full"])).values()];
  const report = {
    schema: SCHEMA,
    createdAt: "2026-01-02T03:04:05.000Z",
    command: "deno task bench",
    versions: {},
    adapter: { vendor: "", architecture: "", device: "none", description: "", software: true },
    ceilings: OPTIONS.ceilings,
    rows,
  };
  assertEquals(parseReport(JSON.stringify(report), "test").rows, JSON.parse(JSON.stringify(rows)));
});

Deno.test("peers are checked in every dtype", async () => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    const rows = await rowsOf([fakePeer("good")], ["full"], { problem: { ...PROBLEM, dtype } });
    assertEquals(rows.get("peer:good full")?.status, "ok", dtype);
  }
});

for (
  const [behaviour, reason] of [
    ["wrong", /^dUp misses the float64 oracle: relative error 1\.0e-2/],
    ["nan", /^y misses the float64 oracle: relative error Infinity/],
    ["short", /^its outputs cannot be read: .* must have 84 elements: current value is 83/],
    ["no-files", /^its outputs cannot be read: /],
    [
      "too-fast",
      /^its rate of .* TFLOP\/s is above the ceiling of 10.0: its clock stopped before its work was done$/,
    ],
    ["no-time", /^it gave no times above 0/],
    ["no-samples", /^it gave no times above 0/],
    ["nameless", /^it told figures before it told its name$/],
    ["unavailable", /^its package cannot be found$/],
    ["speechless", /^it gives no reason$/],
    ["dies-at-once", /^its process ended before it was done: .*no library today/],
    ["silent", /^its process ended before it was done$/],
  ] as const
) {
  Deno.test(`a peer whose program is "${behaviour}" has a skipped row without figures that says why`, async () => {
    const row = (await rowsOf([fakePeer(behaviour)], ["full"])).get(`peer:${behaviour} full`)!;
    assertEquals([row.status, row.timing, row.tflops, row.accuracy, row.memory], [
      "skipped",
      null,
      null,
      null,
      null,
    ]);
    assertMatch(row.reason!, reason);
  });
}

Deno.test("where inputs cannot be written, every row says so", async () => {
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", "/nowhere");
  try {
    const rows = await rowsOf([fakePeer("good"), fakePeer("wrong")], ["forward", "full"]);
    assertEquals(rows.size, 4);
    for (const { status, reason } of rows.values()) {
      assertEquals(status, "skipped");
      assertMatch(reason!, /^its inputs cannot be written: ./);
    }
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
});

Deno.test("a crash costs the mode at work and no other", async () => {
  const rows = await rowsOf([fakePeer("crashes-in-full"), fakePeer("good")], MODES);
  const statuses = [...rows].map(([name, { status }]) => `${name} ${status}`);
  assertEquals(statuses, [
    "peer:crashes-in-full forward ok",
    "peer:crashes-in-full backward ok",
    "peer:crashes-in-full full skipped",
    "peer:good forward ok",
    "peer:good backward ok",
    "peer:good full ok",
  ]);
  assertMatch(rows.get("peer:crashes-in-full full")!.reason!, /ended with status 7/);
});

Deno.test("modes behind one that a peer skips are measured in another process", async () => {
  const rows = await rowsOf([fakePeer("skips-backward")], MODES);
  assertEquals([...rows.values()].map(({ mode, status, reason }) => [mode, status, reason]), [
    ["forward", "ok", null],
    ["backward", "skipped", "out of memory: 5 bytes"],
    ["full", "ok", null],
  ]);
});

Deno.test("a peer that hangs is ended, which skips its row", async () => {
  const row = (await rowsOf([fakePeer("hangs")], ["forward"], { timeoutSeconds: 2 })).get(
    "peer:hangs forward",
  )!;
  assertEquals([row.status, row.timing], ["skipped", null]);
  assertMatch(row.reason!, /nothing happened for 2 s/);
});

Deno.test("what one peer wrote does not pass for what another did not write", async () => {
  const rows = await rowsOf([fakePeer("good"), fakePeer("no-files")], ["full"]);
  assertEquals([...rows.values()].map(({ status }) => status), ["ok", "skipped"]);
});

Deno.test("what a library prints is no answer", async () => {
  assertEquals((await rowsOf([fakePeer("chatty")], ["full"])).get("peer:chatty full")?.status, "ok");
});

Deno.test("a program whose runtime is missing skips its rows", async () => {
  const program = { runtime: "no-such-python" as "python3", module: "file:///nowhere.py" };
  const rows = await rowsOf([fakePeer("good", { program })], ["forward", "full"]);
  assertEquals([...rows.values()].map(({ status, reason }) => `${status}: ${reason}`), [
    "skipped: there is no no-such-python on this machine",
    "skipped: there is no no-such-python on this machine",
  ]);
});

Deno.test("an aborted run tells no row and starts no other process", async () => {
  const controller = new AbortController();
  const began: string[] = [];
  const rows = await rowsOf([fakePeer("hangs"), fakePeer("good")], ["forward"], {
    signal: controller.signal,
    begin: ({ variant }) => {
      began.push(variant);
      controller.abort();
    },
  });
  assertEquals([rows.size, began], [0, ["peer:hangs"]]);
});

Deno.test("what cannot run is refused without a process, an input or a file", async () => {
  const peer = fakePeer("dies-at-once", { gradients: "none" });
  const rows = await rowsOf([peer], ["full"], { problem: { ...PROBLEM, tokens: 2 ** 24, dim: 2 ** 24 } });
  assertEquals(rows.get("peer:dies-at-once full")?.reason, "Fake computes no gradients");
});

Deno.test("a row of no peer is refused", async () => {
  const rows = [{ variant: "tuned", mode: "full" }] as const;
  const measure = () =>
    measurePeers({ problem: PROBLEM, rows }, { ...OPTIONS, peers: [fakePeer("good")] }, () => {});
  await assertRejects(measure, TypeError, "Cannot measure tuned as no peer has this id");
});
