/** Runs one product again and again, over memory that held something else each time. */
import type { Gpu } from "../../../kernels/gpu/device.ts";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { range } from "../../../kernels/text.ts";
import { matrix } from "../../../kernels/view.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { PoisonRecorder, readBytes, sha256, upload } from "../../gpu.ts";
import type { Fault } from "../../planted.ts";

/** Times that each product runs. */
export const RUNS = 100;

/** A product [m, 129] by [129, 65] of random numbers. */
export interface RunsInit {
  readonly m: number;
  readonly dtype: DType;
  /** Whether two column blocks end in a gate. Default: false. */
  readonly gated?: boolean;
  readonly seed: number;
  readonly multiply: (recorder: PoisonRecorder, request: MatmulRequest) => void;
  /** What is wrong with the kernels. Default: nothing. */
  readonly fault?: Fault;
}

/** The hashes of the outputs of all runs: one, if equal runs give equal bits. */
export async function hashesOf(gpu: Gpu, init: RunsInit): Promise<Set<string>> {
  const { m, dtype, gated = false, seed, multiply, fault } = init;
  const [k, n] = [129, 65];
  const host = randomInputs({ tokens: m, dim: k, hiddenDim: n, dtype }, seed);
  const a = upload(gpu, host.x, { shape: [m, k], dtype });
  const b = [host.gate, host.up].slice(0, gated ? 2 : 1).map((values) =>
    upload(gpu, values, { shape: [k, n], dtype })
  );
  const request: Omit<MatmulRequest, "out"> = {
    label: "product",
    layout: "nn",
    a: [matrix(a)],
    b: b.map(matrix),
    ...gated ? { columns: 2, epilogue: "gated-save" } : {},
  };
  const hashes = new Set<string>();
  for (const poison of ["nan", "huge"] as const) {
    const recorder = new PoisonRecorder(gpu, { poison, fault });
    const runs = range(RUNS / 2).map(() => {
      const out = range(gated ? 3 : 1).map((i) =>
        recorder.empty([m, n], dtype, { purpose: "workspace", label: `C${i}` })
      );
      multiply(recorder, { ...request, out: out.map(matrix) });
      return out;
    });
    recorder.submit();
    const bytes = await readBytes(gpu, runs.flat());
    const each = runs[0].length;
    // Two elements fill a word, so an odd number of them leaves half a word that nobody writes.
    const length = m * n * (dtype === "float32" ? 4 : 2);
    for (const run of range(runs.length)) {
      const own = bytes.slice(run * each, (run + 1) * each).map((part) => part.subarray(0, length));
      hashes.add(await sha256(own));
    }
    for (const tensor of runs.flat()) tensor.dispose();
  }
  for (const tensor of [a, ...b]) tensor.dispose();
  return hashes;
}
