/** Observes a library's use of WebGPU from outside. */
import type { AdapterChoice } from "../../kernels/gpu/device.ts";

/**
 * Follows every device that this process makes: bytes of its buffers, errors that nobody caught, and work that is not done.
 * The library under test does not notice.
 */
export class DeviceWatch {
  /** Bytes of all buffers that were made and not destroyed. A library's own pools count too. */
  liveBytes = 0;
  /** The greatest `liveBytes` since the last {@linkcode resetPeak}. */
  peakBytes = 0;
  readonly #devices: GPUDevice[] = [];
  readonly #errors: string[] = [];
  readonly #destroyed = new WeakSet<GPUBuffer>();

  /** Begins to watch, once in a process. From then on a library gets the chosen adapter, whichever it asks for. */
  static install(choice: AdapterChoice): DeviceWatch {
    const watch = new DeviceWatch();
    choose(choice);
    watch.#followDevices();
    watch.#followBuffers();
    return watch;
  }

  private constructor() {}

  /** The device that was made last. @throws {Error} If there is none. */
  get device(): GPUDevice {
    const device = this.#devices.at(-1);
    if (!device) throw new Error("no WebGPU device was made");
    return device;
  }

  /** Sets the peak to the bytes of now. */
  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  /** Waits until all submitted work is done. */
  async idle(): Promise<void> {
    for (const { queue } of this.#devices) await queue.onSubmittedWorkDone();
  }

  /** @throws {Error} If a device was lost, or reported an error that nobody caught. */
  check(): void {
    if (this.#errors.length > 0) throw new Error(`the GPU reported: ${this.#errors.splice(0).join("; ")}`);
  }

  #followDevices(): void {
    const request = GPUAdapter.prototype.requestDevice;
    const adopt = (device: GPUDevice) => this.#adopt(device);
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await request.call(this, descriptor);
      adopt(device);
      return device;
    };
  }

  #adopt(device: GPUDevice): void {
    this.#devices.push(device);
    device.addEventListener("uncapturederror", (event) => {
      this.#errors.push((event as GPUUncapturedErrorEvent).error.message);
    });
    device.lost.then(({ reason, message }) => {
      if (reason !== "destroyed") this.#errors.push(`device lost: ${message}`);
    });
  }

  #followBuffers(): void {
    const { createBuffer } = GPUDevice.prototype;
    const { destroy } = GPUBuffer.prototype;
    const made = (bytes: number) => {
      this.liveBytes += bytes;
      this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    };
    const destroyed = (buffer: GPUBuffer) => {
      if (!this.#destroyed.has(buffer)) this.liveBytes -= buffer.size;
      this.#destroyed.add(buffer);
    };
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      made(buffer.size);
      return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
      destroyed(this);
      return destroy.call(this);
    };
  }
}

function choose(choice: AdapterChoice): void {
  const { requestAdapter } = GPU.prototype;
  const options: GPURequestAdapterOptions = choice === "software"
    ? { forceFallbackAdapter: true }
    : { powerPreference: choice };
  GPU.prototype.requestAdapter = function () {
    return requestAdapter.call(this, options);
  };
}
