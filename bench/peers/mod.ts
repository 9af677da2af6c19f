/**
 * Other projects, measured beside the variants on the same inputs and through the same check. Nothing of them is
 * fetched before they are asked for.
 *
 * @module
 */
import { jaxJs } from "./jax_js.ts";
import { liger } from "./liger.ts";
import { onnxruntimeWeb } from "./onnxruntime_web.ts";
import type { Peer } from "./peer.ts";
import { pytorchCompile, pytorchCompileTf32 } from "./pytorch_compile.ts";
import { pytorchEager, pytorchEagerTf32 } from "./pytorch_eager.ts";
import { tensorflowJs } from "./tensorflow_js.ts";
import { unsloth } from "./unsloth.ts";

export type { Peer } from "./peer.ts";
export { measurePeers, type PeerOptions } from "./run.ts";

/** Every peer. Adding one is one file and one line. */
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
