import { assert, assertEquals, assertThrows } from "@std/assert";
import { bytesPerElement, decode, type DType, encode, roundTo } from "../../../kernels/gpu/dtype.ts";

type Half = Exclude<DType, "float32">;

/** Integer conversion as in engines without Float16Array. */
const PLAIN = { float16Array: null };

/** Explicit bits, so that -0 and NaN are seen. */
function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function halves(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

function everyPattern(): Uint8Array {
  return new Uint8Array(Uint16Array.from({ length: 65536 }, (_, pattern) => pattern).buffer);
}

/** The number a pattern stands for, from the definition: mantissa, exponent and sign. */
function meaning(pattern: number, dtype: Half): number {
  const mantissaBits = dtype === "float16" ? 10 : 7;
  const exponentBits = 15 - mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (pattern >>> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (pattern & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const sign = pattern >= 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction) * 2 ** (exponent - bias) : sign * fraction * 2 ** (1 - bias);
}

/** All finite numbers >= 0 of a dtype, ascending, with the one that would follow if the exponents went on. */
function ladder(dtype: Half): number[] {
  const steps: number[] = [];
  for (let pattern = 0; Number.isFinite(meaning(pattern, dtype)); pattern++) {
    steps.push(meaning(pattern, dtype));
  }
  return [...steps, dtype === "float16" ? 2 ** 16 : 2 ** 128];
}

Deno.test("bytesPerElement is 4 for float32 and 2 for the halves", () => {
  assertEquals([bytesPerElement("float32"), bytesPerElement("float16"), bytesPerElement("bfloat16")], [
    4,
    2,
    2,
  ]);
});

for (const dtype of ["float16", "bfloat16"] as const) {
  for (const [way, options] of [["the engine", undefined], ["integers", PLAIN]] as const) {
    Deno.test(`decode gives all 65,536 ${dtype} patterns their meaning with ${way}`, () => {
      const decoded = decode(everyPattern(), dtype, 65536, options);
      const expected = Float32Array.from({ length: 65536 }, (_, pattern) => meaning(pattern, dtype));
      let differing = 0;
      for (let i = 0; i < 65536; i++) if (!Object.is(decoded[i], expected[i])) differing++;
      assertEquals(differing, 0);
    });

    Deno.test(`encode gives all 65,536 ${dtype} patterns back with ${way}, NaN as some NaN`, () => {
      const decoded = decode(everyPattern(), dtype, 65536, options);
      const encoded = halves(encode(decoded, dtype, options));
      for (let pattern = 0; pattern < 65536; pattern++) {
        const same = encoded[pattern] === pattern;
        const bothNaN = Number.isNaN(decoded[pattern]) && Number.isNaN(meaning(encoded[pattern], dtype));
        assert(same || bothNaN, `pattern ${pattern.toString(16)} became ${encoded[pattern].toString(16)}`);
      }
    });

    Deno.test(`encode rounds to the nearest ${dtype}, ties to even, on and beside every halfway with ${way}`, () => {
      const steps = ladder(dtype);
      const values = new Float32Array(steps.length * 3 - 3);
      const expected = new Uint16Array(values.length);
      for (let i = 0; i + 1 < steps.length; i++) {
        // A halfway point has one bit more than the dtype, which float32 holds; its neighbours are one float32 off.
        const middle = Float32Array.of((steps[i] + steps[i + 1]) / 2);
        bits(values).set([bits(middle)[0] - 1, bits(middle)[0], bits(middle)[0] + 1], 3 * i);
        expected.set([i, i % 2 === 0 ? i : i + 1, i + 1], 3 * i);
      }
      assertEquals(halves(encode(values, dtype, options)).slice(0, values.length), expected);
      const negative = halves(encode(values.map((value) => -value), dtype, options)).slice(0, values.length);
      assertEquals(negative, expected.map((pattern) => pattern | 0x8000));
    });
  }

  for (const [way, options] of [["the engine", undefined], ["integers", PLAIN]] as const) {
    Deno.test(`encode rounds float64 to ${dtype} once, on and beside every halfway by as little as there is, with ${way}`, () => {
      const steps = ladder(dtype);
      const beside = [-1, -(2 ** -20), -Number.EPSILON, 0, Number.EPSILON, 2 ** -20, 1];
      const values: number[] = [];
      const expected: number[] = [];
      for (let i = 0; i + 1 < steps.length; i++) {
        const [middle, half] = [(steps[i] + steps[i + 1]) / 2, (steps[i + 1] - steps[i]) / 2];
        for (const side of beside) {
          // Beside by a share of the way to the next number, or by a unit in float64's last place.
          const value = Math.abs(side) === Number.EPSILON ? middle * (1 + side) : middle + side * half * 0.99;
          values.push(value, -value);
          const at = value === middle ? i + i % 2 : value < middle ? i : i + 1;
          expected.push(at, at | 0x8000);
        }
      }
      const encoded = halves(encode(Float64Array.from(values), dtype, options));
      const wrong = values.filter((_, i) => encoded[i] !== expected[i]);
      assertEquals(wrong, []);
    });

    Deno.test(`encode takes float64 that ${dtype} has no number for to zero, infinity and NaN, with ${way}`, () => {
      const values = Float64Array.of(5e-324, -5e-324, 1e-60, -0, 1e39, -1e300, Infinity, -Infinity, NaN);
      const decoded = decode(encode(values, dtype, options), dtype, values.length, options);
      const expected = [0, -0, 0, -0, Infinity, -Infinity, Infinity, -Infinity, NaN];
      assert(decoded.every((value, i) => Object.is(value, expected[i])), `${decoded}`);
    });
  }

  Deno.test(`encode pads an odd number of ${dtype} with zeros to whole words`, () => {
    const bytes = encode(Float32Array.of(1, 2, 3), dtype);
    assertEquals(bytes.byteLength, 8);
    assertEquals([...bytes.slice(6)], [0, 0]);
    assertEquals([...decode(bytes, dtype, 3)], [1, 2, 3]);
    assertEquals(encode(new Float32Array(0), dtype).byteLength, 0);
  });

  Deno.test(`encode and decode of ${dtype} work on part of a buffer`, () => {
    const part = Float32Array.of(9, 1.5, -2, 9).subarray(1, 3);
    const bytes = encode(part, dtype);
    const shifted = new Uint8Array(bytes.byteLength + 1);
    shifted.set(bytes, 1);
    assertEquals([...decode(shifted.subarray(1), dtype, 2)], [1.5, -2]);
  });

  Deno.test(`roundTo ${dtype} equals decode of encode and is its own fixed point`, () => {
    const values = Float32Array.from({ length: 999 }, (_, i) => Math.sin(i) * 10 ** (i % 9 - 6));
    const rounded = roundTo(values, dtype);
    assertEquals(rounded, decode(encode(values, dtype), dtype, 999));
    assertEquals(bits(roundTo(rounded, dtype)), bits(rounded));
    assertEquals(bits(roundTo(values, dtype, PLAIN)), bits(rounded));
    assert(values.some((value, i) => value !== rounded[i]));
  });
}

Deno.test("NaN never becomes a number or infinity, whatever its payload and sign", () => {
  const values = new Float32Array(4);
  bits(values).set([0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff]);
  for (const dtype of ["float16", "bfloat16"] as const) {
    assert(roundTo(values, dtype).every(Number.isNaN), dtype);
    assert(roundTo(values, dtype, PLAIN).every(Number.isNaN), dtype);
  }
});

Deno.test("float16 and bfloat16 overflow to infinity from their last halfway point on", () => {
  assertEquals([...roundTo(Float32Array.of(65519.996, 65520, -65520), "float16")], [
    65504,
    Infinity,
    -Infinity,
  ]);
  const largest = Float32Array.of(3.4028234663852886e38);
  assertEquals(roundTo(largest, "bfloat16")[0], Infinity);
});

Deno.test("encode and decode of float32 share memory, roundTo copies", () => {
  const values = Float32Array.of(1, 2);
  const bytes = encode(values, "float32");
  assertEquals(bytes.buffer, values.buffer);
  decode(bytes, "float32", 2)[0] = 5;
  assertEquals(values[0], 5);
  roundTo(values, "float32")[0] = 7;
  assertEquals(values[0], 5);
});

Deno.test("decode refuses fewer bytes than its elements take", () => {
  assertThrows(
    () => decode(new Uint8Array(4), "bfloat16", 3),
    RangeError,
    "Cannot decode 3 elements of bfloat16 as bytes must hold 6: current value is 4",
  );
});
