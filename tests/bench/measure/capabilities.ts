import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";

/** A device on paper, for plans. */
export const CAPABILITIES: Capabilities = {
  name: "paper",
  software: false,
  shaderF16: true,
  timestamps: true,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 49152,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
  minStorageBufferOffsetAlignment: 32,
  subgroupMatrices: [],
  subgroupMinSize: 0,
  subgroupMaxSize: 0,
};
