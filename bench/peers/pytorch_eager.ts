import { torchPeer } from "./torch.ts";

/** PyTorch, one operator after the other; float32 products in full precision. */
export const pytorchEager = torchPeer({
  id: "pytorch-eager",
  project: "PyTorch eager",
  usage: "torch: (silu(x @ gate) * (x @ up)) @ down; autograd.grad; TF32 off",
}, { way: "eager" });

/** As {@linkcode pytorchEager}, with float32 products on tensor cores. */
export const pytorchEagerTf32 = torchPeer({
  id: "pytorch-eager-tf32",
  project: "PyTorch eager with TF32",
  usage: 'torch: as pytorch-eager, set_float32_matmul_precision("high")',
}, { way: "eager", tf32: true });
