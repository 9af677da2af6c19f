import { torchPeer } from "./torch.ts";

/** Liger Kernel's own Triton kernels between PyTorch's products. */
export const liger = torchPeer({
  id: "liger",
  project: "Liger Kernel",
  usage: "liger_kernel.ops.swiglu: LigerSiLUMulFunction between torch's products; autograd.grad; TF32 off",
}, { way: "liger" });
