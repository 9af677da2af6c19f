/** Loads and stores of every dtype, with and without vectors. Loads are exact, stores round to nearest even. */
import { assert, assertEquals } from "@std/assert";
import { elementwise } from "../../kernels/elementwise.ts";
import { bytesPerElement, decode, type DType, DTYPES, encode } from "../../kernels/gpu/dtype.ts";
import { packingWgsl, type Storage, storageWgsl } from "../../kernels/storage.ts";
import { isWriteAligned } from "../../kernels/view.ts";
import { readBytes, record, requestGpu, testNothingLeft, upload } from "../gpu.ts";

type Half = Exclude<DType, "float32">;

const gpu = await requestGpu();
const HALVES: readonly Half[] = ["float16", "bfloat16"];

/** How a copy on the device converts. */
interface Conversion {
  readonly from: DType;
  readonly to: DType;
  /** Whether both lie one element behind a place that vectors fit. */
  readonly odd: boolean;
}

/** What the device stores for these numbers, as bit patterns of the dtype. */
async function convert(
  values: Float32Array,
  { from, to, odd }: Conversion,
): Promise<Uint16Array | Uint32Array> {
  const first = odd ? 1 : 0;
  const place = (numbers: Float32Array, dtype: DType) => {
    const whole = new Float32Array(first + numbers.length).fill(7);
    whole.set(numbers, first);
    const tensor = upload(gpu, whole, { dtype });
    const length = numbers.length;
    return { tensor, rows: 1, cols: length, stride: length, offset: first };
  };
  const source = place(values, from);
  const target = place(values.map(() => 7), to);
  assertEquals(isWriteAligned(target), !odd && values.length % 4 === 0, "the placing must choose the kernel");
  record(
    gpu,
    (recorder) =>
      elementwise(recorder, { label: "copy", inputs: { x: source }, outputs: [{ to: target, value: "x" }] }),
  );
  const [bytes] = await readBytes(gpu, [target.tensor]);
  source.tensor.dispose();
  target.tensor.dispose();
  const patterns = patternsOf(bytes, to);
  if (odd) assertEquals(patterns[0], patternsOf(encode(Float32Array.of(7), to), to)[0], "the element before");
  return patterns.subarray(first, first + values.length);
}

function patternsOf(bytes: Uint8Array, dtype: DType): Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = bytes.slice();
  const Words = dtype === "float32" ? Uint32Array : Uint16Array;
  return new Words(buffer, byteOffset, byteLength / bytesPerElement(dtype));
}

/** Numbers of all 65,536 patterns. */
function everyNumber(dtype: Half): Float32Array {
  const patterns = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
  return decode(new Uint8Array(patterns.buffer), dtype, patterns.length);
}

/** Every point halfway between two neighbours of a dtype, the float32 numbers beside it, and where infinity begins. */
function halfways(dtype: Half): Float32Array {
  const steps = everyNumber(dtype).filter((value) => value >= 0 && Number.isFinite(value)).sort();
  const middles = steps.subarray(1).map((step, i) => step / 2 + steps[i] / 2);
  const bits = new Int32Array(middles.buffer);
  const beside = [-1, 0, 1].flatMap((
    offset,
  ) => [...new Float32Array(bits.map((word) => word + offset).buffer)]);
  const overflow = dtype === "float16" ? [65519.996, 65520, 1e6] : [3.3895313e38, 3.4028234e38];
  const values = [...beside, ...overflow].filter((value) => !Number.isNaN(value));
  return Float32Array.from([...values, ...values.map((value) => -value), Infinity, -Infinity]);
}

/** The first pattern that differs, NaN aside: which NaN is up to the device. */
function assertPatterns(actual: ArrayLike<number>, values: Float32Array, dtype: DType): void {
  const expected = patternsOf(encode(values, dtype), dtype);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) || actual[i] === expected[i]) continue;
    const hex = [actual[i], expected[i]].map((pattern) => pattern.toString(16));
    assert(false, `${values[i]} is stored as ${hex[0]} instead of ${hex[1]}`);
  }
}

for (const dtype of HALVES) {
  for (const odd of [false, true]) {
    const way = odd ? "one by one" : "as vectors";

    Deno.test(`all 65,536 ${dtype} numbers are loaded exactly ${way}`, async () => {
      const values = everyNumber(dtype);
      const actual = await convert(values, { from: dtype, to: "float32", odd });
      assertPatterns(actual, values, "float32");
      const numbers = new Float32Array(actual.slice().buffer);
      assertEquals(values.findIndex((value, i) => Number.isNaN(value) !== Number.isNaN(numbers[i])), -1);
    });

    Deno.test(`float32 is stored as the nearest ${dtype}, ties to even, ${way}`, async () => {
      const values = halfways(dtype);
      const whole = values.subarray(0, values.length - values.length % 4);
      assertPatterns(await convert(whole, { from: "float32", to: dtype, odd }), whole, dtype);
    });

    Deno.test(`NaN is stored as a ${dtype} NaN ${way}`, async () => {
      const payloads = Uint32Array.of(
        0x7f800001,
        0x7fffffff,
        0xff800001,
        0xffffffff,
        0x7fc00000,
        0x7f80ffff,
        0xffbfffff,
        0x7fbfffff,
      );
      const stored = await convert(new Float32Array(payloads.buffer), { from: "float32", to: dtype, odd });
      const numbers = decode(new Uint8Array(Uint16Array.from(stored).buffer), dtype, stored.length);
      assertEquals([...numbers].filter((value) => !Number.isNaN(value)), []);
    });
  }

  Deno.test(`float32 and ${dtype} go through the other and come back`, async () => {
    const values = everyNumber(dtype).filter((value) => !Number.isNaN(value));
    const length = values.length - values.length % 4;
    const actual = await convert(values.subarray(0, length), { from: dtype, to: dtype, odd: false });
    assertPatterns(actual, values.subarray(0, length), dtype);
  });
}

Deno.test("the text of a storage buffer writes only where it may, and by halves where words are shared", () => {
  for (const dtype of DTYPES) {
    for (const aligned of [true, false]) {
      const text = (access: Storage["access"]) => storageWgsl("t", 3, { dtype, access, aligned });
      assert(!text("read").includes("fn store"), text("read"));
      assert(text("read_write").includes(aligned ? "fn store_t(" : "fn store_one_t("));
      assert(text("read_write").includes("@group(0) @binding(3) var<storage, read_write> t:"));
      const shared = dtype !== "float32" && !aligned;
      assertEquals(text("read_write").includes("atomic"), shared);
      assert(!text("read").includes("atomic"));
      for (const name of ["load_t(i: u32) -> vec4f", "load_one_t(i: u32) -> f32"]) {
        assertEquals(text("read").split(`fn ${name}`).length, 2, name);
      }
    }
  }
});

Deno.test("a buffer of 16 bits that may hold float32 asks at each access, and no other does", () => {
  for (const dtype of HALVES) {
    for (const aligned of [true, false]) {
      const storage = { dtype, access: "read_write", aligned } as const;
      const [store, ...loads] = aligned
        ? ["store_t", "vector_t", "load_one_t"]
        : ["store_one_t", "load_one_t"];
      const text = storageWgsl("t", 0, { ...storage, wideIf: "flag" });
      for (const name of [store, ...loads]) {
        const body = text.slice(text.indexOf(`fn ${name}(`)).split("\nfn ")[0];
        assertEquals(body.split("if (flag) {").length, 2, `${name} of ${dtype}: ${body}`);
      }
      assert(!storageWgsl("t", 0, storage).includes("if ("));
    }
  }
});

Deno.test("packing text is emitted once for each dtype that needs it", () => {
  assertEquals(packingWgsl(["float32"]), "");
  const text = packingWgsl(["float16", "bfloat16", "float16"]);
  assertEquals([text.split("fn pack_half(").length, text.split("fn pack_bfloat(").length], [2, 2]);
});

testNothingLeft(gpu);
