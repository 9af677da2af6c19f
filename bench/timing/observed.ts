import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import type { Purpose } from "../../kernels/gpu/ledger.ts";
import type { Memory } from "../../kernels/gpu/memory.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";

/** What is done beside recording. */
export interface Observer {
  /** Makes a tensor by calling `create`. */
  make?(create: () => Tensor): Tensor;
  /** Called after a tensor was made, before anything uses it. */
  made?(tensor: Tensor): void;
  /** Records a launch by calling `record`. */
  launch?(dispatch: Dispatch, record: () => void): void;
}

/** A recorder that shows an observer every tensor and launch that passes through it. */
export class ObservedRecorder implements Recorder {
  readonly #inner: Recorder;
  readonly #observer: Observer;

  constructor(inner: Recorder, observer: Observer) {
    this.#inner = inner;
    this.#observer = observer;
  }

  get capabilities(): Capabilities {
    return this.#inner.capabilities;
  }

  get memory(): Memory {
    return this.#inner.memory;
  }

  empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor {
    const create = () => this.#inner.empty(shape, dtype, as);
    const tensor = this.#observer.make?.(create) ?? create();
    this.#observer.made?.(tensor);
    return tensor;
  }

  dispatch(dispatch: Dispatch): void {
    const record = () => this.#inner.dispatch(dispatch);
    if (this.#observer.launch) this.#observer.launch(dispatch, record);
    else record();
  }

  beginGroup(): void {
    this.#inner.beginGroup();
  }
}
