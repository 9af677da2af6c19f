import { assertEquals, assertThrows } from "@std/assert";
import { encode } from "../../../kernels/gpu/dtype.ts";
import { store } from "../../../kernels/gpu/elements.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { requestGpu } from "../../gpu.ts";

const numbers = [1, -2.5, 3.140625, 0, 65504];

Deno.test("numbers of every width are stored as float32 ones are", () => {
  const floats = Float32Array.from(numbers);
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    const expected = encode(floats, dtype);
    assertEquals([...store(Float64Array.from(numbers), dtype, "w")], [...expected]);
    assertEquals([...store(Float16Array.from(numbers), dtype, "w")], [...expected]);
  }
});

Deno.test("float64 numbers just beside a halfway point are rounded once, not to float32 first", async () => {
  using gpu = await requestGpu();
  const cases = [
    ["float16", [1 + 2 ** -11 + 2 ** -30, 1 + 3 * 2 ** -11 - 2 ** -30], [1 + 2 ** -10, 1 + 2 ** -10]],
    ["bfloat16", [1 + 2 ** -8 + 2 ** -40, -1 - 3 * 2 ** -8 + 2 ** -40], [1 + 2 ** -7, -1 - 2 ** -7]],
    ["float32", [1 + 2 ** -24 + 2 ** -50], [1 + 2 ** -23]],
  ] as const;
  for (const [dtype, numbers, expected] of cases) {
    using tensor = Tensor.from(gpu, Float64Array.from(numbers), [numbers.length], { dtype });
    assertEquals([...await tensor.read()], [...expected]);
    tensor.write(new Float64Array(numbers.length));
    tensor.write(Float64Array.from(numbers));
    assertEquals([...await tensor.read()], [...expected]);
  }
});

Deno.test("bits are kept, whatever they mean, and padded to whole words", () => {
  const bits = Uint16Array.of(0x7e01, 0xfc00, 0x8000);
  for (const dtype of ["float16", "bfloat16"] as const) {
    assertEquals([...store(bits, dtype, "w")], [0x01, 0x7e, 0x00, 0xfc, 0x00, 0x80, 0, 0]);
  }
  assertThrows(() => store(bits, "float32", "w"), TypeError, "Cannot fill w as a Uint16Array holds bits");
});

Deno.test("bfloat16 weights as a file stores them come back as their numbers", async () => {
  using gpu = await requestGpu();
  using tensor = Tensor.from(gpu, Uint16Array.of(0x3f80, 0xc020, 0x4049), [3], { dtype: "bfloat16" });
  assertEquals([...await tensor.read()], [1, -2.5, 3.140625]);
});

Deno.test("other arrays are refused", () => {
  for (const values of [[1], new Int32Array(1), null, "1"]) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => store(values as any, "float32", "w"), TypeError, "Cannot fill w as values must be");
  }
});

Deno.test("bytes of any dtype are kept, from any offset on, and in any number", async () => {
  using gpu = await requestGpu();
  const numbers = Float32Array.of(1, -2.5, 3.140625);
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    const bytes = encode(numbers, dtype).subarray(0, dtype === "float32" ? 12 : 6);
    for (let offset = 0; offset < 5; offset++) {
      const file = new Uint8Array(offset + bytes.length + 3).fill(0xff);
      file.set(bytes, offset);
      const values = file.subarray(offset, offset + bytes.length);
      using tensor = Tensor.from(gpu, values, [3], { dtype });
      assertEquals([...await tensor.read()], [...numbers]);
      tensor.write(new Float32Array(3));
      tensor.write(values);
      assertEquals([...await tensor.read()], [...numbers]);
    }
  }
});

Deno.test("bytes that are another number of elements are refused", async () => {
  using gpu = await requestGpu();
  assertThrows(
    () => Tensor.from(gpu, new Uint8Array(5), [2], { dtype: "bfloat16" }),
    RangeError,
    "Cannot make tensor as values must be the 2 elements of shape [2]: current value is 2.5",
  );
  assertThrows(
    () => Tensor.from(gpu, new Uint8Array(4), [2]),
    RangeError,
    "Cannot make tensor as values must be the 2 elements of shape [2]: current value is 1",
  );
});
