import { assertEquals, assertStringIncludes } from "@std/assert";
import { elementwise } from "../../../kernels/elementwise.ts";
import { DeviceMemory } from "../../../kernels/gpu/memory.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matrix } from "../../../kernels/view.ts";
import type { Block, Variant } from "../../../variants/variant.ts";
import { variants } from "../../../variants/mod.ts";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import type { RowResult } from "../../../bench/measure/job.ts";
import { measure } from "../../../bench/measure/run.ts";
import { altered, jobOf, ofType, problemOf, variantOf } from "./problems.ts";

async function rowsOf(known: readonly Variant[], dtype: "float32" | "float16" | "bfloat16" = "float32") {
  const rows: RowResult[] = [];
  await measure(
    jobOf([problemOf(16, 24, 32, dtype)], known.map(({ id }) => id)),
    known,
    (event) => rows.push(...ofType([event], "row").map(({ row }) => row)),
  );
  return rows;
}

function statuses(rows: readonly RowResult[], id: string): string {
  return rows.filter(({ variant }) => variant === id).map(({ mode, status }) => `${mode} ${status}`).sort()
    .join(", ");
}

const ALL_OK = "backward ok, forward ok, full ok";

const zero = (block: Block, tensor: Tensor) =>
  elementwise(block.recorder, {
    label: "zeros",
    inputs: {},
    outputs: [{ to: matrix(tensor), value: "vec4f(0)" }],
  });

/** Whether work is recorded for a device, not for a plan. */
const onDevice = (block: Block) => block.recorder.memory instanceof DeviceMemory;

/** A variant that spoils an input after its work, from the n-th forward or backward on a device on. */
function overwriting(id: string, { mode, from, input }: {
  mode: "forward" | "backward";
  from: number;
  input(block: Block): Tensor | null;
}): Variant {
  const honest = variantOf("pytorch");
  let runs = 0;
  const spoil = (block: Block, dy: Tensor | null) => {
    if (onDevice(block) && ++runs >= from) zero(block, input(block) ?? dy!);
  };
  return {
    ...honest,
    id,
    forward: (block, training) => {
      const forward = honest.forward(block, training);
      if (mode === "forward") spoil(block, null);
      return forward;
    },
    backward: (block, saved, dy) => {
      const gradients = honest.backward(block, saved, dy);
      if (mode === "backward") spoil(block, dy);
      return gradients;
    },
  };
}

for (const from of [1, 4]) {
  Deno.test(`an input is never bound for writing, from run ${from} on: the variant fails by name, others do not`, async () => {
    const spoilers = [
      overwriting("spoils x", { mode: "forward", from, input: ({ inputs }) => inputs.x }),
      overwriting("spoils down", { mode: "forward", from, input: ({ inputs }) => inputs.weights.down }),
      overwriting("spoils dy", { mode: "backward", from, input: () => null }),
    ];
    const rows = await rowsOf([...spoilers, variantOf("tuned"), variantOf("liger")]);
    assertEquals([statuses(rows, "tuned"), statuses(rows, "liger")], [ALL_OK, ALL_OK]);
    for (const [id, input] of [["spoils x", "x"], ["spoils down", "down"], ["spoils dy", "dy"]]) {
      const failed = rows.filter(({ variant, status }) => variant === id && status === "failed");
      assertEquals(failed.length >= 2, true, `${id}: ${statuses(rows, id)}`);
      for (const { reason, timing } of failed) {
        assertStringIncludes(reason!, `It may change its input ${input}, which the launch of zeros binds`);
        assertEquals(timing, null);
      }
    }
  });
}

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  Deno.test(`a variant that leaves launches out after its first run has no time, in ${dtype}`, async () => {
    let runs = 0;
    const lazy = altered("lazy", (recorder) => {
      if (recorder.memory instanceof DeviceMemory) runs++;
      return new ObservedRecorder(recorder, {
        launch: (dispatch, record) => {
          if (runs <= 3 || ["y", "dx"].includes(dispatch.kernel.label)) record();
        },
      });
    });
    const rows = await rowsOf([lazy, variantOf("pytorch")], dtype);
    assertEquals(statuses(rows, "pytorch"), ALL_OK);
    for (const { variant, mode, status, reason } of rows) {
      if (variant !== "lazy") continue;
      assertEquals(status, "failed", mode);
      assertStringIncludes(reason!, "differs from its plan: ");
    }
  });
}

Deno.test("every variant times what it plans", async () => {
  const rows = await rowsOf(variants);
  for (const { id } of variants) assertEquals(statuses(rows, id), ALL_OK, id);
});

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  Deno.test(`results kept from an earlier run have no time, in ${dtype}, although every launch is there`, async () => {
    // It computes everything, and then puts what its first run made over it: the launches are those of its plan.
    const kept = new Map<string, Tensor>();
    const keep = (block: Block, tensor: Tensor) => {
      const { memory, shape, dtype, label } = tensor;
      const first = onDevice(block) ? kept.get(label) : undefined;
      const copy = first ?? new Tensor(memory, { shape, dtype, purpose: "internal", label: `kept ${label}` });
      if (onDevice(block)) kept.set(label, copy);
      elementwise(block.recorder, {
        label: `${label} as kept`,
        inputs: { x: matrix(first ?? tensor) },
        outputs: [{ to: matrix(first ? tensor : copy), value: "x" }],
      });
    };
    const honest = variantOf("pytorch");
    const stale: Variant = {
      ...honest,
      id: "stale",
      forward: (block, training) => {
        const forward = honest.forward(block, training);
        keep(block, forward.y);
        return forward;
      },
      backward: (block, saved, dy) => {
        const gradients = honest.backward(block, saved, dy);
        keep(block, gradients.dx);
        return gradients;
      },
    };
    const rows = await rowsOf([variantOf("liger"), stale, variantOf("tuned")], dtype);
    assertEquals([statuses(rows, "tuned"), statuses(rows, "liger")], [ALL_OK, ALL_OK]);
    for (const { variant, status, reason, timing } of rows) {
      if (variant !== "stale") continue;
      assertEquals([status, timing], ["failed", null]);
      assertStringIncludes(reason!, "After it was timed, on other inputs, ");
    }
  });

  Deno.test(`an input that is written without a launch is found and written again, in ${dtype}`, async () => {
    const honest = variantOf("pytorch");
    for (const from of [1, 4]) {
      let runs = 0;
      const writing: Variant = {
        ...honest,
        id: "writing",
        forward: (block, training) => {
          const { x } = block.inputs;
          if (onDevice(block) && ++runs >= from) x.write(new Float32Array(x.length).fill(0.5));
          return honest.forward(block, training);
        },
      };
      const rows = await rowsOf([writing, variantOf("tuned")], dtype);
      assertEquals(statuses(rows, "tuned"), ALL_OK);
      assertEquals(statuses(rows, "writing"), "backward failed, forward failed, full failed", `from ${from}`);
    }
  });
}
