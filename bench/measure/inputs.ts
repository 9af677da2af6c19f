import type { Gpu } from "../../kernels/gpu/device.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { AllocationWatch } from "./allocation.ts";
import { combineGateUp, type HostInputs } from "../oracle/data.ts";
import { type Inputs, type Problem, release, type Variant, type Weights } from "../../variants/variant.ts";

/** The form in which a variant takes gate and up without a copy: separate where it has no preference. */
export function weightForm(variant: Variant): "separate" | "combined" {
  return variant.weightForm === "combined" ? "combined" : "separate";
}

/** The inputs of a problem on a device; weights in the forms that are asked for, made when first used. */
export class DeviceInputs {
  readonly dy: Tensor;
  readonly #gpu: Gpu;
  readonly #problem: Problem;
  readonly #host: HostInputs;
  readonly #x: Tensor;
  readonly #down: Tensor;
  readonly #weights = new Map<string, Weights>();
  readonly #watch: AllocationWatch;
  readonly #made: Tensor[] = [];

  /** @throws {OutOfMemoryError} If the device has no room for them; nothing is left then. */
  constructor(gpu: Gpu, problem: Problem, host: HostInputs) {
    const { tokens, dim, hiddenDim } = problem;
    this.#gpu = gpu;
    this.#watch = new AllocationWatch(gpu);
    this.#problem = problem;
    this.#host = host;
    try {
      this.#x = this.#upload("x", [tokens, dim], host.x);
      this.#down = this.#upload("down", [hiddenDim, dim], host.down);
      this.dy = this.#upload("dy", [tokens, dim], host.dy);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** What a variant computes from. */
  for(variant: Variant): Inputs {
    const form = weightForm(variant);
    const weights = this.#weights.get(form) ?? this.#makeWeights(form);
    this.#weights.set(form, weights);
    return { x: this.#x, weights };
  }

  /** @throws {OutOfMemoryError} If one of the tensors made so far has no memory. */
  check(): Promise<void> {
    return this.#watch.check();
  }

  /** Frees all of them. */
  dispose(): void {
    release(...this.#made);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #makeWeights(form: "separate" | "combined"): Weights {
    const { dim, hiddenDim } = this.#problem;
    const { gate, up } = this.#host;
    const down = this.#down;
    if (form === "combined") {
      return {
        gateUp: this.#upload("gateUp", [dim, 2, hiddenDim], combineGateUp(gate, up, hiddenDim)),
        down,
      };
    }
    const shape = [dim, hiddenDim];
    return { gate: this.#upload("gate", shape, gate), up: this.#upload("up", shape, up), down };
  }

  #upload(label: string, shape: number[], values: Float32Array): Tensor {
    const { dtype } = this.#problem;
    const create = () => new Tensor(this.#gpu.memory, { shape, dtype, purpose: "input", label });
    const tensor = this.#watch.make(create);
    this.#made.push(tensor);
    tensor.write(values);
    return tensor;
  }
}
