import type { Gpu } from "../kernels/gpu/device.ts";
import { GpuRecorder } from "../kernels/gpu/recorder.ts";

/**
 * Records work and submits it, or leaves it in a caller's encoder. If `work` throws, the tensors it made are disposed.
 */
export function recorded<T>(
  gpu: Gpu,
  encoder: GPUCommandEncoder | undefined,
  work: (recorder: GpuRecorder) => T,
): T {
  const recorder = new GpuRecorder(gpu, { encoder });
  try {
    const result = work(recorder);
    recorder.submit();
    return result;
  } catch (error) {
    recorder.discard();
    throw error;
  }
}

/**
 * As {@linkcode recorded}, but also finds faults that a caller's own error scope would swallow. The next `read` throws
 * them.
 */
export function recordedAndGuarded<T>(...work: Parameters<typeof recorded<T>>): T {
  return work[0].guarded(() => recorded(...work));
}
