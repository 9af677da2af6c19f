import { torchPeer } from "./torch.ts";

/** Unsloth's own Triton kernels between PyTorch's products. */
export const unsloth = torchPeer({
  id: "unsloth",
  project: "Unsloth",
  usage: "unsloth.kernels: swiglu_fg_kernel and swiglu_DWf_DW_dfg_kernel between torch's products; TF32 off",
}, { way: "unsloth" });
