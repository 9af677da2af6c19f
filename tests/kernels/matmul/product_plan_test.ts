/** The plan of a product is data: it can be printed, and it is what runs. */
import { assert, assertEquals } from "@std/assert";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import { describe } from "../../../kernels/gpu/steps.ts";
import { PlannedMemory } from "../../../kernels/gpu/memory.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matmul, planProduct } from "../../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { matrix } from "../../../kernels/view.ts";
import { CAPABILITIES } from "../../bench/measure/capabilities.ts";

const H200 = {
  ...CAPABILITIES,
  name: "NVIDIA H200",
  software: false,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
};

function operand(rows: number, cols: number, dtype: DType = "float32") {
  const init = { shape: [rows, cols], dtype, purpose: "input", label: "operand" } as const;
  return matrix(new Tensor(new PlannedMemory(), init));
}

/** dx = dg W_gate^T of 4096 tokens: B is copied transposed, and the last rows split K. */
const LARGE: MatmulRequest = {
  label: "dx",
  layout: "nt",
  a: [operand(4096, 11008)],
  b: [operand(4096, 11008)],
  out: [operand(4096, 4096)],
};

/** y of one token: W_down is streamed. */
const ONE_ROW: MatmulRequest = {
  label: "y",
  layout: "nn",
  a: [operand(1, 11008)],
  b: [operand(11008, 4096)],
  out: [operand(1, 4096)],
};

Deno.test("a plan says what is copied, which launches run together, and how K is split", () => {
  const text = describe(planProduct(LARGE, H200));
  assertEquals(text[0], `make B transposed [11008,4096] float32, ${4 * 4096 * 11008} bytes`);
  assert(text[1].startsWith("launch dx: B transposed"), text[1]);
  assertEquals(text[2], "together:");
  assert(/^launch dx, \d+x\d+x\d+/.test(text[3]), text[3]);
  assert(/^make slices of dx: last rows \[\d+,\d+,4096\] float32/.test(text[4]), text[4]);
  assert(/^launch dx: last rows, .*, K in \d+,/.test(text[5]), text[5]);
  assertEquals(text.at(-1), "release B transposed");
});

Deno.test("every workspace of a plan is released, after its last use", () => {
  for (const request of [LARGE, ONE_ROW]) {
    const made = new Set<Tensor>();
    const released = new Set<Tensor>();
    for (const step of planProduct(request, H200)) {
      if (step === "group") continue;
      if ("make" in step) made.add(step.make);
      else if ("release" in step) released.add(step.release);
      else for (const { tensor } of step.dispatch.bindings) assert(!released.has(tensor), tensor.label);
    }
    assert(made.size > 0);
    assertEquals(released, made);
  }
});

Deno.test("two plans of one request are the same, and what is recorded is the plan", () => {
  for (const request of [LARGE, ONE_ROW]) {
    const steps = planProduct(request, H200);
    assertEquals(describe(planProduct(request, H200)), describe(steps));
    const recorder = new PlanRecorder(H200);
    matmul(recorder, request);
    const planned = steps.flatMap((step) => step !== "group" && "dispatch" in step ? [step.dispatch] : []);
    const essence = ({ kernel, uniforms, workgroups, flops, bytes, tile }: typeof planned[number]) => //
    [kernel.key, kernel.label, uniforms, workgroups, flops, bytes, tile];
    assertEquals(recorder.dispatches.map(essence), planned.map(essence));
    assertEquals(recorder.memory.ledger.liveBytes, 0);
  }
});

/** As Dawn tells of an H200. */
const WITH_MATRICES = {
  ...H200,
  subgroupMatrices: [{ componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 }],
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  maxComputeWorkgroupStorageSize: 49152,
  maxComputeInvocationsPerWorkgroup: 1024,
};

Deno.test("a product that is added to its output has a kernel that adds, whichever operand is float32", () => {
  for (const [capabilities, units] of [[H200, undefined], [WITH_MATRICES, "subgroup matrices"]] as const) {
    for (
      const [a, b] of [["float32", "float32"], ["float32", "bfloat16"], ["bfloat16", "float32"]] as const
    ) {
      const steps = planProduct({
        ...{ label: "dx", layout: "nn", epilogue: "accumulate" },
        a: [operand(256, 64, a)],
        b: [operand(64, 256, b)],
        out: [operand(256, 256)],
      }, capabilities);
      const last = steps.flatMap((step) => step !== "group" && "dispatch" in step ? [step.dispatch] : []).at(
        -1,
      )!;
      assertEquals(last.units, units);
      assert(last.kernel.wgsl().includes("get_0(row, col) + v0"), `${a} by ${b} does not add`);
    }
  }
});

Deno.test('"fastest" is never slower than "tf32", as both are planned alike; "default" takes other launches', () => {
  for (const capabilities of [H200, WITH_MATRICES]) {
    for (const dtype of ["float32", "bfloat16", "float16"] as const) {
      for (const [m, n, k] of [[1, 4096, 512], [16, 512, 512], [300, 516, 64], [4096, 4096, 512]]) {
        const [a, b, out] = [operand(m, k, dtype), operand(k, n, dtype), operand(m, n, dtype)];
        const planned = (precision: "default" | "tf32" | "fastest") =>
          describe(planProduct(
            { ...{ label: "c", layout: "nn", precision }, a: [a], b: [b], out: [out] },
            capabilities,
          ));
        assertEquals(planned("fastest"), planned("tf32"));
        const differs = capabilities === WITH_MATRICES && dtype === "float32" && m > 1;
        assertEquals(String(planned("default")) !== String(planned("tf32")), differs, `${dtype} ${m}`);
      }
    }
  }
});
