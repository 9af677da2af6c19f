/**
 * The peers that run in PyTorch. All share one program, torch_peer.py, which is told how to compute the block.
 *
 * @module
 */
import type { Peer } from "./peer.ts";

/** PyTorch, one operator after the other. Products of float32 have full precision. */
export const pytorchEager = torchPeer({
  id: "pytorch-eager",
  project: "PyTorch eager",
  usage: "torch: (silu(x @ gate) * (x @ up)) @ down; autograd.grad; TF32 off",
}, { way: "eager" });

/** As {@linkcode pytorchEager}, but float32 products run on tensor cores. */
export const pytorchEagerTf32 = torchPeer({
  id: "pytorch-eager-tf32",
  project: "PyTorch eager with TF32",
  usage: 'torch: as pytorch-eager, set_float32_matmul_precision("high")',
}, { way: "eager", tf32: true });

/** PyTorch through its compiler. Products of float32 have full precision. */
export const pytorchCompile = torchPeer({
  id: "pytorch-compile",
  project: "torch.compile",
  usage: "torch: compile of the block with fullgraph and static shapes; autograd.grad; TF32 off",
}, { way: "compile" });

/** As {@linkcode pytorchCompile}, but float32 products run on tensor cores. */
export const pytorchCompileTf32 = torchPeer({
  id: "pytorch-compile-tf32",
  project: "torch.compile with TF32",
  usage: 'torch: as pytorch-compile, set_float32_matmul_precision("high")',
}, { way: "compile", tf32: true });

/** Liger Kernel's own Triton kernels between PyTorch's products. */
export const liger = torchPeer({
  id: "liger",
  project: "Liger Kernel",
  usage: "liger_kernel.ops.swiglu: LigerSiLUMulFunction between torch's products; autograd.grad; TF32 off",
}, { way: "liger" });

/** Unsloth's own Triton kernels between PyTorch's products. */
export const unsloth = torchPeer({
  id: "unsloth",
  project: "Unsloth",
  usage: "unsloth.kernels: swiglu_fg_kernel and swiglu_DWf_DW_dfg_kernel between torch's products; TF32 off",
}, { way: "unsloth" });

/** A peer whose program is torch_peer.py. `way` says how it computes, `tf32` whether float32 products use TF32. */
function torchPeer(
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
    tf32,
  };
}
