/** Views and their bindings. Nothing here needs a device. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import { type DType, DTYPES } from "../../kernels/gpu/dtype.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { PlannedMemory } from "../../kernels/gpu/memory.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import {
  bind,
  columnRange,
  dtypeOf,
  halves,
  isAligned,
  isWriteAligned,
  matrix,
  rowRange,
  span,
  type View,
  viewBytes,
} from "../../kernels/view.ts";

function tensor(shape: number[], dtype: DType = "float32", label = "T"): Tensor {
  return new Tensor(new PlannedMemory(), { shape, dtype, purpose: "input", label });
}

/** What binding needs to know of a device. */
function limits(maxStorageBufferBindingSize: number, minStorageBufferOffsetAlignment = 32): Capabilities {
  return { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } as Capabilities;
}

const place = ({ rows, cols, stride, offset }: View) => ({ rows, cols, stride, offset });

Deno.test("matrix merges leading dimensions into rows", () => {
  assertEquals(place(matrix(tensor([2, 3, 5]))), { rows: 6, cols: 5, stride: 5, offset: 0 });
  assertEquals(place(matrix(tensor([7]))), { rows: 1, cols: 7, stride: 7, offset: 0 });
});

Deno.test("columns and rows of a view compose", () => {
  const view = matrix(tensor([6, 10]));
  const inner = columnRange(rowRange(view, 2, 3), 4, 5);
  assertEquals(place(inner), { rows: 3, cols: 5, stride: 10, offset: 24 });
  assertEquals(place(rowRange(columnRange(view, 4, 5), 2, 3)), place(inner));
  assertEquals(span(inner), 25);
});

Deno.test("halves of a combined weight are its gate and up columns", () => {
  const { gate, up } = halves(tensor([3, 2, 5]));
  assertEquals(place(gate), { rows: 3, cols: 5, stride: 10, offset: 0 });
  assertEquals(place(up), { rows: 3, cols: 5, stride: 10, offset: 5 });
});

Deno.test("reads go by vectors only from multiples of four, and only where the last vector ends inside the tensor", () => {
  const view = matrix(tensor([4, 8]));
  assertEquals([view, columnRange(view, 4, 4), rowRange(view, 1, 2)].map(isAligned), [true, true, true]);
  assertEquals(isAligned(columnRange(view, 1, 4)), false, "offset 1");
  assertEquals(isAligned(columnRange(view, 4, 3)), true, "the fourth column of the last vector is there");
  assertEquals(isAligned(matrix(tensor([4, 6]))), false, "stride 6");
  assertEquals(isAligned(matrix(tensor([1, 6]))), false, "the last vector would end beyond the tensor");
  assertEquals(isAligned(columnRange(matrix(tensor([1, 8])), 0, 6)), true);
  assertEquals(isAligned({ ...matrix(tensor([1, 8])), cols: 4, stride: 3 }), true, "one row has no stride");
  assertEquals(isAligned({ ...matrix(tensor([2, 8])), cols: 4, stride: 6 }), false);
});

Deno.test("writes go by vectors only where whole vectors belong to the view", () => {
  const view = matrix(tensor([4, 8]));
  assertEquals(isWriteAligned(view), true);
  assertEquals(isWriteAligned(columnRange(view, 4, 4)), true);
  assertEquals(isWriteAligned(columnRange(view, 4, 3)), false);
});

Deno.test("the bytes of a view are those of its elements", () => {
  assertEquals(DTYPES.map((dtype) => viewBytes(columnRange(matrix(tensor([4, 8], dtype)), 0, 3))), [
    48,
    24,
    24,
  ]);
});

Deno.test("views of one tensor share one binding", () => {
  const [a, b] = [tensor([4, 8], "float32", "A"), tensor([4, 8], "float32", "B")];
  const { bindings, slots, offsets } = bind(
    [columnRange(matrix(a), 4, 4), matrix(b), matrix(a), rowRange(matrix(b), 2, 1)],
    limits(1024),
  );
  assertEquals(bindings.map(({ tensor }) => tensor.label), ["A", "B"]);
  assertEquals(slots, [0, 1, 0, 1]);
  assertEquals(offsets, [4, 0, 0, 16]);
  assertEquals(bindings.map(({ byteOffset, byteLength }) => [byteOffset, byteLength]), [[0, 128], [0, 128]]);
});

Deno.test("a tensor beyond the binding limit is bound from where its views begin, at the device's alignment", () => {
  for (const [dtype, size] of [["float32", 4], ["bfloat16", 2]] as const) {
    const view = rowRange(matrix(tensor([100, 30], dtype)), 50, 3);
    const { bindings: [{ byteOffset, byteLength }], offsets: [offset] } = bind([view], limits(1024, 256));
    if (byteOffset === undefined || byteLength === undefined) throw new Error("no range");
    assertEquals(byteOffset % 256, 0);
    assertEquals(
      byteOffset + offset * size,
      view.offset * size,
      "the offset leads to the view's first element",
    );
    assert(byteOffset + byteLength >= (view.offset + span(view)) * size, "the view ends inside the binding");
    assert(byteLength <= 1024 && byteLength % 4 === 0);
  }
});

Deno.test("a binding's end never lies beyond its tensor, nor before the last vector of a view", () => {
  const large = tensor([101, 25], "float16");
  const view = rowRange(matrix(large), 90, 11);
  const { bindings: [{ byteOffset = 0, byteLength = 0 }] } = bind([view], limits(1024));
  assertEquals(byteOffset + byteLength, large.byteLength);
});

Deno.test("views that lie too far apart for one binding are refused with the limit and what they need", () => {
  const large = tensor([100, 30], "float32", "W");
  const far = [rowRange(matrix(large), 0, 1), rowRange(matrix(large), 99, 1)];
  assertThrows(
    () => bind(far, limits(1024)),
    LimitError,
    "Cannot bind W as one binding holds at most 1024 bytes (maxStorageBufferBindingSize): current value is 12000",
  );
  assertEquals(bind(far.slice(1), limits(1024)).offsets.length, 1);
});

Deno.test("a tensor as large as the limit is bound whole", () => {
  const { bindings } = bind([rowRange(matrix(tensor([16, 16])), 3, 1)], limits(1024));
  assertEquals(bindings.map(({ byteOffset, byteLength }) => [byteOffset, byteLength]), [[0, 1024]]);
});

Deno.test("tensors of different dtypes do not meet in one product", () => {
  const [a, b] = [matrix(tensor([2, 2])), matrix(tensor([2, 2], "bfloat16"))];
  assertEquals(dtypeOf([b, b]), "bfloat16");
  assertThrows(
    () => dtypeOf([a, b]),
    TypeError,
    "Cannot combine tensors as their dtypes must agree: current value is float32, bfloat16",
  );
});
