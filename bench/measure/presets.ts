/** Sizes of a published model's gated MLP. */
export interface Preset {
  readonly name: string;
  /** T where the model fixes it. */
  readonly tokens?: number;
  readonly dim: number;
  readonly hiddenDim: number;
  /** Where the sizes are published. */
  readonly source: string;
}

const CONFIG = "hidden_size and intermediate_size in config.json of";

/** AlphaFold3's supplement: transition layers of algorithm 11 widen their channels n-fold. */
const AF3 = "J. Abramson et al., AlphaFold 3 (Nature 2024), supplement, algorithm 11";

/** Gated MLPs of published models, by family. */
export const PRESETS: readonly Preset[] = [
  { name: "llama-2-7b", dim: 4096, hiddenDim: 11008, source: `${CONFIG} meta-llama/Llama-2-7b-hf` },
  { name: "llama-2-13b", dim: 5120, hiddenDim: 13824, source: `${CONFIG} meta-llama/Llama-2-13b-hf` },
  { name: "llama-3-8b", dim: 4096, hiddenDim: 14336, source: `${CONFIG} meta-llama/Meta-Llama-3-8B` },
  { name: "llama-3-70b", dim: 8192, hiddenDim: 28672, source: `${CONFIG} meta-llama/Meta-Llama-3-70B` },
  { name: "llama-3.2-1b", dim: 2048, hiddenDim: 8192, source: `${CONFIG} meta-llama/Llama-3.2-1B` },
  { name: "mistral-7b", dim: 4096, hiddenDim: 14336, source: `${CONFIG} mistralai/Mistral-7B-v0.1` },
  { name: "gemma-2b", dim: 2048, hiddenDim: 16384, source: `${CONFIG} google/gemma-2b` },
  { name: "gemma-7b", dim: 3072, hiddenDim: 24576, source: `${CONFIG} google/gemma-7b` },
  { name: "qwen2.5-0.5b", dim: 896, hiddenDim: 4864, source: `${CONFIG} Qwen/Qwen2.5-0.5B` },
  { name: "qwen2.5-7b", dim: 3584, hiddenDim: 18944, source: `${CONFIG} Qwen/Qwen2.5-7B` },
  { name: "qwen3-8b", dim: 4096, hiddenDim: 12288, source: `${CONFIG} Qwen/Qwen3-8B` },
  { name: "phi-3-mini", dim: 3072, hiddenDim: 8192, source: `${CONFIG} microsoft/Phi-3-mini-4k-instruct` },
  {
    name: "af3-pair",
    tokens: 512 * 512,
    dim: 128,
    hiddenDim: 512,
    source: `${AF3}: pair representation of 512 tokens, c_z = 128, n = 4`,
  },
  {
    name: "af3-single",
    tokens: 512,
    dim: 384,
    hiddenDim: 1536,
    source: `${AF3}: single representation of 512 tokens, c_s = 384, n = 4`,
  },
];
