/**
 * Runs the libraries of peers on tiny shapes. A test is ignored if its npm packages can neither be fetched nor found. If a
 * Python package is missing, the row must say so.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { peers } from "../../../bench/peers/mod.ts";
import type { Peer } from "../../../bench/peers/peer.ts";
import { bytesPerElement, type DType } from "../../../kernels/gpu/dtype.ts";
import { OPTIONS, PROBLEM, rowsOf } from "./fixture.ts";

/** No library is right by chance at such sizes, and none takes a shortcut for vectors. */
const ODD = { ...PROBLEM, tokens: 17, dim: 36, hiddenDim: 75 };

const webgpu = peers.filter(({ platform }) => platform === "webgpu");
const cuda = peers.filter(({ platform }) => platform === "cuda");

/** Whether a peer's packages are cached, or can be. */
async function fetchable({ packages }: Peer): Promise<boolean> {
  const args = ["cache", "--quiet", "--no-config", "--no-lock", ...packages];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stderr: "null", stdout: "null" })
    .output();
  return success;
}

for (const peer of webgpu) {
  const ignore = !await fetchable(peer);
  for (const dtype of peer.dtypes) {
    const modes = peer.gradients === "none" ? ["forward"] as const : ["forward", "full"] as const;
    Deno.test({ name: `${peer.project} agrees with the oracle in ${dtype}, in Deno`, ignore }, async () => {
      const rows = [...(await rowsOf([peer], modes, { problem: { ...ODD, dtype } })).values()];
      assertEquals(
        rows.map(({ mode, status, reason }) => [mode, status, reason]),
        modes.map((m) => [m, "ok", null]),
      );
      for (const { implementation, timing, memory, mode } of rows) {
        assertMatch(implementation!, /\d+\.\d+\.\d+/);
        assert(timing!.wallNs!.n >= OPTIONS.samples! && timing!.gpuNs === null);
        assert(
          memory!.peakBytes >= leastBytes(dtype, mode === "full"),
          `peak of ${mode} is ${memory!.peakBytes}`,
        );
      }
    });
  }
}

/** Outputs, which live at once whatever a library does. */
function leastBytes(dtype: DType, gradients: boolean): number {
  const { tokens, dim, hiddenDim } = ODD;
  return (gradients ? 2 * tokens * dim + 3 * dim * hiddenDim : tokens * dim) * bytesPerElement(dtype);
}

Deno.test("a package that cannot be fetched skips the row and names it", async () => {
  const peer = webgpu[0];
  const folder = await Deno.makeTempDir();
  try {
    const env = { ...OPTIONS.env, DENO_DIR: folder, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/" };
    const rows = [...(await rowsOf([peer], ["forward", "full"], { env })).values()];
    assertEquals(rows.map(({ status, timing }) => [status, timing]), [["skipped", null], ["skipped", null]]);
    for (const { reason } of rows) assertMatch(reason!, /jax/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what runs on CUDA is measured, or says what is missing", async () => {
  const rows = await rowsOf(cuda, ["forward", "full"], { problem: ODD, software: false });
  assertEquals(rows.size, 2 * cuda.length);
  for (const [name, { status, reason, accuracy }] of rows) {
    if (status === "ok") assert(accuracy?.y !== null, name);
    else assertMatch(reason!, /no python3|has no torch|no CUDA device|cannot be imported/, name);
  }
});
