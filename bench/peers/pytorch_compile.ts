import { torchPeer } from "./torch.ts";

/** PyTorch through its compiler; float32 products in full precision. */
export const pytorchCompile = torchPeer({
  id: "pytorch-compile",
  project: "torch.compile",
  usage: "torch: compile of the block with fullgraph and static shapes; autograd.grad; TF32 off",
}, { way: "compile" });

/** As {@linkcode pytorchCompile}, with float32 products on tensor cores. */
export const pytorchCompileTf32 = torchPeer({
  id: "pytorch-compile-tf32",
  project: "torch.compile with TF32",
  usage: 'torch: as pytorch-compile, set_float32_matmul_precision("high")',
}, { way: "compile", tf32: true });
