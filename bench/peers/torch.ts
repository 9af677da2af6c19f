import type { Peer } from "./peer.ts";

/** A peer whose program is torch_peer.py; `args` says which way of computing, and whether TF32 is on. */
export function torchPeer(
  about: Pick<Peer, "id" | "project" | "usage">,
  { way, tf32 = false }: { way: "eager" | "compile" | "liger" | "unsloth"; tf32?: boolean },
): Peer {
  const program = { runtime: "python3", module: new URL("torch_peer.py", import.meta.url).href } as const;
  return {
    ...about,
    gradients: "apart",
    platform: "cuda",
    packages: [],
    dtypes: tf32 ? ["float32"] : ["float32", "float16", "bfloat16"],
    program: { ...program, args: [way, tf32 ? "tf32" : "ieee"] },
    // TF32 keeps as many bits of a significand as float16.
    ...tf32 ? { operands: "float16" } : {},
  };
}
