/** A registry of variants of which some fail as GPUs and drivers do. */
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import { DeviceMemory } from "../../kernels/gpu/memory.ts";
import { ObservedRecorder } from "../../bench/timing/observed.ts";
import type { Variant } from "../../variants/variant.ts";
import { altered, variantOf } from "../bench/measure/problems.ts";

/** Launches of `tuned`, forward, before its rows are sampled: two in its check, two in its first profile. */
const BEFORE_SAMPLES = 4;

/** A variant that does something to the device instead of its launches, from one of them on. */
function faulty(id: string, { from = 1, fault }: { from?: number; fault(device: GPUDevice): void }): Variant {
  let launches = 0;
  return altered(id, (recorder: Recorder) =>
    new ObservedRecorder(recorder, {
      launch: (_, record) => {
        const { memory } = recorder;
        if (memory instanceof DeviceMemory && ++launches >= from) fault(memory.device);
        record();
      },
    }));
}

/** Makes the next wait panic, as Deno does where a device is lost while it waits: by a call that Deno does not survive. */
function panicInWait(device: GPUDevice): void {
  const panic = () => {
    device.queue.writeBuffer(device.createBuffer({ size: 4, usage: 8 }), 0, new Uint8Array(0));
    return Promise.resolve(undefined);
  };
  device.queue.onSubmittedWorkDone = panic;
}

/** What bench.ts gets in place of the registry: right variants around wrong ones. */
export const variants: readonly Variant[] = [
  variantOf("pytorch"),
  faulty("lost-at-submit", { fault: (device) => device.destroy() }),
  faulty("lost-in-wait", { fault: panicInWait }),
  faulty("hangs", {
    fault: () => {
      while (true);
    },
  }),
  faulty("ends", { fault: () => Deno.exit(0) }),
  faulty("dies-when-sampled", { from: BEFORE_SAMPLES + 1, fault: () => Deno.exit(101) }),
  faulty("asks-for-too-much", {
    fault: (device) => {
      new DeviceMemory(device).acquire(2 ** 50, { purpose: "workspace", label: "dh" });
    },
  }),
  variantOf("tuned"),
];
