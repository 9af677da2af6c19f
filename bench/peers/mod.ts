/**
 * Other projects, which are measured beside the variants on the same inputs, with the same check. Nothing of a project is
 * fetched before it is asked for.
 *
 * @module
 */
import { jaxJs } from "./jax_js.ts";
import { onnxruntimeWeb } from "./onnxruntime_web.ts";
import type { Peer } from "./peer.ts";
import { tensorflowJs } from "./tensorflow_js.ts";
import {
  liger,
  pytorchCompile,
  pytorchCompileTf32,
  pytorchEager,
  pytorchEagerTf32,
  unsloth,
} from "./torch.ts";

export type { Peer } from "./peer.ts";
export { measurePeers, type PeerOptions } from "./run.ts";

/** Every peer. A new one takes one file and one line here. */
export const peers: readonly Peer[] = [
  jaxJs,
  onnxruntimeWeb,
  tensorflowJs,
  pytorchEager,
  pytorchEagerTf32,
  pytorchCompile,
  pytorchCompileTf32,
  liger,
  unsloth,
];
