/** A block as a checkpoint of PyTorch stores it gives what PyTorch computes (see llama_block.py). */
import { assertEquals, assertMatch } from "@std/assert";
import { type DType, swigluWithGrad, Tensor } from "../../mod.ts";
import { assertNear, disposeAll, withGpu } from "./fixture.ts";

const file = await Deno.readFile(new URL("../data/llama_block.safetensors", import.meta.url));
const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
const { __metadata__: metadata, ...header } = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
const DTYPES: Record<string, DType> = { F32: "float32", BF16: "bfloat16" };

/** The bytes of a tensor in the file, which begin at any offset. */
function bytesOf(name: string): Uint8Array {
  const [begin, end] = header[name].data_offsets;
  return file.subarray(start + begin, start + end);
}

/** Float32 numbers of the file. */
function numbersOf(name: string): Float64Array {
  const { buffer } = bytesOf(name).slice();
  return Float64Array.from(new Float32Array(buffer));
}

Deno.test("weights of a safetensors file, used as they are stored, give its y and gradients", () =>
  withGpu(async (gpu) => {
    assertMatch(metadata.computed_by, /^(torch|numpy) /);
    assertEquals(start % 4, 1, "tensors begin at odd offsets");
    const load = (name: string) => {
      const { dtype, shape } = header[name];
      return Tensor.from(gpu, bytesOf(name), shape, { dtype: DTYPES[dtype], label: name });
    };
    const projection = (name: string) => load(`model.layers.0.mlp.${name}_proj.weight`);
    const [x, dy] = [load("input"), load("grad_output")];
    const weights = { gate: projection("gate"), up: projection("up"), down: projection("down") };
    const { y, backward } = swigluWithGrad(gpu, x, { ...weights, layout: "out,in" });
    const { dx, dGate, dUp, dDown } = backward(dy);
    await assertNear(y, numbersOf("output"));
    await assertNear(dx, numbersOf("grad_input"));
    const rounding = 3e-3; // gradients are bfloat16, as the weights are
    await assertNear(dGate, numbersOf("gate_proj.grad"), rounding);
    await assertNear(dUp, numbersOf("up_proj.grad"), rounding);
    await assertNear(dDown, numbersOf("down_proj.grad"), rounding);
    assertEquals(dGate.shape, header["gate_proj.grad"].shape);
    disposeAll({ x, dy, ...weights, y, dx, dGate, dUp, dDown });
  }));
