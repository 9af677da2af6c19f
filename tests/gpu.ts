/** Shared by tests that need a device: one device for a file, poisoned memory, and reading of many tensors at once. */
import { assertEquals } from "@std/assert";
import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Dispatch } from "../kernels/gpu/dispatch.ts";
import type { Purpose } from "../kernels/gpu/ledger.ts";
import { GpuRecorder, type Recorder } from "../kernels/gpu/recorder.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { fill } from "../bench/timing/fill.ts";
import { type Fault, planted } from "./planted.ts";

export { requestGpu } from "../kernels/gpu/device.ts";

/**
 * 32-bit words that no kernel may let through: NaN in every dtype, and numbers that are finite in every dtype and
 * huge (1e30 as float32 and bfloat16, -1.4e4 and 1.1e4 as float16).
 */
export const POISONS = { nan: 0xffffffff, huge: 0x7149f2ca } as const;

/** Which word new memory is filled with. */
export type Poison = keyof typeof POISONS;

/** A new tensor that holds these numbers, counted as an input. */
export function upload(gpu: Gpu, values: Float32Array, as: UploadInit = {}): Tensor {
  const { shape = [values.length], dtype = "float32", label = "test" } = as;
  const tensor = new Tensor(gpu.memory, { shape, dtype, purpose: "input", label });
  tensor.write(values);
  return tensor;
}

/** How {@linkcode upload} stores numbers. */
export interface UploadInit {
  readonly shape?: readonly number[];
  readonly dtype?: DType;
  readonly label?: string;
}

/** Records into a device, and fills each tensor that it makes with poison, a reused buffer too. */
export class PoisonRecorder extends GpuRecorder {
  /** The launches of the kernels under test, in order. */
  readonly dispatches: Dispatch[] = [];
  readonly #poison: Poison;
  readonly #capabilities: Capabilities;
  readonly #fault: Fault | null;
  #filling = false;

  constructor(
    gpu: Gpu,
    { poison = "nan", capabilities = gpu.capabilities, fault = null }: PoisonOptions = {},
  ) {
    super(gpu);
    this.#poison = poison;
    this.#capabilities = capabilities;
    this.#fault = fault;
  }

  override get capabilities(): Capabilities {
    return this.#capabilities;
  }

  override empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor {
    const tensor = super.empty(shape, dtype, as);
    this.#filling = true;
    fill(this, tensor, POISONS[this.#poison]);
    this.#filling = false;
    return tensor;
  }

  override dispatch(dispatch: Dispatch): void {
    if (!this.#filling) this.dispatches.push(dispatch);
    super.dispatch(this.#fault ? planted(dispatch, this.#fault) : dispatch);
  }
}

/** How a {@linkcode PoisonRecorder} records. */
export interface PoisonOptions {
  /** "nan" if not given. */
  poison?: Poison;
  /** What kernels are chosen by, in place of the device's own. */
  capabilities?: Capabilities;
  /** What is wrong with the kernels, where a test shows that it would find that. Default: nothing. */
  fault?: Fault | null;
}

/** Records and submits. */
export function record(gpu: Gpu, work: (recorder: Recorder) => void): void {
  const recorder = new GpuRecorder(gpu);
  work(recorder);
  recorder.submit();
}

/** The bytes of tensors, padding included, with one wait for all of them. */
export async function readBytes(gpu: Gpu, tensors: readonly Tensor[]): Promise<Uint8Array[]> {
  const ends = tensors.map(() => 0);
  const total = tensors.reduce((end, tensor, i) => ends[i] = end + tensor.byteLength, 0);
  const staging = gpu.device.createBuffer({ size: total, usage: 0x01 | 0x08 }); // MAP_READ | COPY_DST
  const encoder = gpu.device.createCommandEncoder();
  tensors.forEach(({ buffer, byteOffset, byteLength }, i) =>
    encoder.copyBufferToBuffer(buffer, byteOffset, staging, ends[i] - byteLength, byteLength)
  );
  gpu.device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1); // GPUMapMode.READ
  const bytes = new Uint8Array(staging.getMappedRange()).slice();
  staging.destroy();
  gpu.check();
  return tensors.map(({ byteLength }, i) => bytes.subarray(ends[i] - byteLength, ends[i]));
}

/** The last test of a file with a device: its tests gave every byte back, and the device has nothing to complain of. */
export function testNothingLeft(gpu: Gpu): void {
  Deno.test("nothing is left on the device after the tests of this file", async () => {
    await gpu.idle();
    gpu.check();
    const { ledger } = gpu.memory;
    assertEquals(ledger.liveBytes, 0, "bytes of tensors that no test disposed");
    gpu.dispose();
    assertEquals([ledger.liveBytes, ledger.pooledBytes], [0, 0]);
  });
}

/** SHA-256 of all bytes, one after another, in hexadecimal digits. */
export async function sha256(parts: readonly Uint8Array[]): Promise<string> {
  const joined = new Uint8Array(parts.flatMap((part) => [...part]));
  const digest = await crypto.subtle.digest("SHA-256", joined);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A seed of its own for each run; tests print it where they fail. */
export function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
