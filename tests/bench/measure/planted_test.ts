/** Faults that are planted in a right variant: each must fail, by the whole oracle and by the reference on the device. */
import { assert, assertEquals } from "@std/assert";
import { elementwise } from "../../../kernels/elementwise.ts";
import type { Dispatch } from "../../../kernels/gpu/dispatch.ts";
import { DeviceMemory } from "../../../kernels/gpu/memory.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { columnRange, matrix, rowRange, type View } from "../../../kernels/view.ts";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import type { RowResult } from "../../../bench/measure/job.ts";
import { measure } from "../../../bench/measure/run.ts";
import { Block, type Gradients, type Variant } from "../../../variants/variant.ts";
import { jobOf, ofType, problemOf, variantOf } from "./problems.ts";

/** All outputs of the planted variants' origin. */
type All = Extract<Gradients, { dGate: Tensor }> & { readonly y: Tensor };

const HONEST = variantOf("pytorch");

/** A variant that does something to its outputs at the end. */
function planted(id: string, spoil: (block: Block, outputs: All) => void): Variant {
  let y: Tensor;
  return {
    ...HONEST,
    id,
    forward: (block, training) => {
      const forward = HONEST.forward(block, training);
      y = forward.y;
      return forward;
    },
    backward: (block, saved, dy) => {
      const gradients = HONEST.backward(block, saved, dy);
      spoil(block, { y, ...gradients } as All);
      return gradients;
    },
  };
}

const write = ({ recorder }: Block, to: View, value = "vec4f(0)") =>
  elementwise(recorder, { label: "fault", inputs: {}, outputs: [{ to, value }] });

const onDevice = ({ recorder }: Block) => recorder.memory instanceof DeviceMemory;

/** One element, ten times its row's norm of about the root of 65. */
const element = (view: View, row: number, column: number) => columnRange(rowRange(view, row, 1), column, 1);

function faults(): Variant[] {
  let calls = 0, overwrites = 0;
  const kept = new Map<unknown, Tensor>();
  return [
    planted("element of y", (b, { y }) => write(b, element(matrix(y), 70, 5), "vec4f(80)")),
    planted("element of dGate", (b, { dGate }) => write(b, element(matrix(dGate), 33, 71), "vec4f(1000)")),
    planted("row of y", (b, { y }) => write(b, rowRange(matrix(y), 100, 1))),
    planted("row of dx", (b, { dx }) => write(b, rowRange(matrix(dx), 77, 1))),
    planted("row of dDown", (b, { dDown }) => write(b, rowRange(matrix(dDown), 41, 1))),
    planted("column of y", (b, { y }) => write(b, columnRange(matrix(y), 64, 1))),
    planted("column of dx", (b, { dx }) => write(b, columnRange(matrix(dx), 64, 1))),
    planted("column of dGate", (b, { dGate }) => write(b, columnRange(matrix(dGate), 50, 1))),
    planted("column of dUp", (b, { dUp }) => write(b, columnRange(matrix(dUp), 95, 1))),
    planted("tile of y", (b, { y }) => write(b, rowRange(matrix(y), 64, 64))),
    planted("tile of dUp", (b, { dUp }) => write(b, columnRange(rowRange(matrix(dUp), 0, 16), 16, 16))),
    planted("stale output", (b, { y }) => {
      const { memory, shape, dtype, label } = y;
      const first = kept.get(memory);
      const copy = first ?? new Tensor(memory, { shape, dtype, purpose: "internal", label });
      if (onDevice(b)) kept.set(memory, copy);
      const [from, to] = first ? [copy, y] : [y, copy];
      elementwise(b.recorder, {
        label: "fault",
        inputs: { x: matrix(from) },
        outputs: [{ to: matrix(to), value: "x" }],
      });
    }),
    {
      ...HONEST,
      id: "skipped launch",
      backward: (b, saved, dy) => {
        const skips = onDevice(b) && ++calls > 1;
        return HONEST.backward(skips ? without(b, "dUp") : b, saved, dy);
      },
    },
    planted("x overwritten", (b) => write(b, b.x)),
    planted("down overwritten later", (b) => {
      if (onDevice(b) && ++overwrites > 2) write(b, b.down);
    }),
    planted("x written without a launch", (b) => {
      const { x } = b.inputs;
      if (onDevice(b)) x.write(new Float32Array(x.length));
    }),
  ];
}

/** The block without the launches of a label. */
function without({ recorder, problem, inputs }: Block, label: string): Block {
  const launch = ({ kernel }: Dispatch, record: () => void) => {
    if (kernel.label !== label) record();
  };
  return new Block(new ObservedRecorder(recorder, { launch }), problem, inputs);
}

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  for (const [size, wholeUpTo] of [["small", undefined], ["large", 0]] as const) {
    Deno.test(`every planted fault is caught, and no other row, in ${dtype}, as a ${size} shape is checked`, async () => {
      const wrong = faults();
      const known = [variantOf("liger"), ...wrong, variantOf("tuned"), HONEST];
      const job = jobOf([problemOf(160, 65, 96, dtype)], []);
      const specs = known.map(({ id }) => ({ variant: id, mode: "full" as const }));
      const found: RowResult[] = [];
      await measure(
        { ...job, groups: [{ ...job.groups![0], rows: specs }] },
        known,
        (event) => found.push(...ofType([event], "row").map(({ row }) => row)),
        { wholeUpTo },
      );
      for (const { id } of known) {
        const { status, reason, timing, sampled } = found.find(({ variant }) => variant === id)!;
        const expected = wrong.some((variant) => variant.id === id) ? "failed" : "ok";
        assertEquals(status, expected, `${id}: ${reason}`);
        assertEquals(timing === null, status === "failed", id);
        assert(status === "failed" || sampled === false, `${id} is not compared whole`);
      }
    });
  }
}
