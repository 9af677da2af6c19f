import { decode } from "../../kernels/gpu/dtype.ts";
import { serve } from "./child.ts";
import type { Session, Surroundings } from "./engine.ts";
import { type Protobuf, swigluModel } from "./onnx_model.ts";
import type { Peer } from "./peer.ts";

const VERSION = "1.30.0";

/** Variables, not literals in `import`: what only a peer needs must not enter anyone's lock file or cache. */
const PACKAGE = `npm:onnxruntime-web@${VERSION}/webgpu`;
/** In the version that the package itself depends on. */
const PROTOBUF = "npm:protobufjs@7.6.6/light.js";

/** ONNX Runtime Web on its WebGPU execution provider. */
export const onnxruntimeWeb: Peer = {
  id: "onnxruntime-web",
  project: "ONNX Runtime Web",
  usage:
    `onnxruntime-web ${VERSION}: WebGPU execution provider, a model of six nodes, inputs and output in GPU buffers`,
  dtypes: ["float32", "float16"],
  gradients: "none",
  narrowSums: true,
  platform: "webgpu",
  program: { runtime: "deno", module: import.meta.url },
  packages: [PACKAGE, PROTOBUF],
};

/** The part of the library that is used. */
interface OnnxRuntime {
  env: { wasm: { numThreads: number }; webgpu: { device: Promise<GPUDevice> } };
  InferenceSession: {
    create(model: Uint8Array, options: Record<string, unknown>): Promise<{
      run(feeds: Record<string, OrtTensor>): Promise<{ y: OrtTensor }>;
    }>;
  };
  Tensor: { fromGpuBuffer(buffer: GPUBuffer, options: { dataType: string; dims: number[] }): OrtTensor };
}

interface OrtTensor {
  getData(): Promise<ArrayBufferView<ArrayBuffer>>;
  dispose(): void;
}

async function open({ job, inputs, watch }: Surroundings): Promise<Session<OrtTensor>> {
  const ort: OnnxRuntime = await import(PACKAGE);
  const protobuf: { default: Protobuf } = await import(PROTOBUF);
  const { tokens, dim, hiddenDim, dtype } = job.problem;
  if (dtype === "bfloat16") throw new TypeError("Cannot make a model as dtype must be float32 or float16");
  ort.env.wasm.numThreads = 1; // the CPU computes nothing
  const model = swigluModel(protobuf.default, { tokens, dim, hiddenDim, dtype });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
    graphOptimizationLevel: "all",
  });
  const device = await ort.env.webgpu.device;
  const upload = (name: keyof typeof inputs, ...dims: [number, number]) => {
    const bytes = inputs[name];
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    const buffer = device.createBuffer({ size: bytes.byteLength, usage: STORAGE | COPY_DST });
    device.queue.writeBuffer(buffer, 0, bytes);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: dtype, dims });
  };
  const feeds = {
    x: upload("x", tokens, dim),
    gate: upload("gate", dim, hiddenDim),
    up: upload("up", dim, hiddenDim),
    down: upload("down", hiddenDim, dim),
  };
  return {
    implementation: `ONNX Runtime Web ${VERSION}, WebGPU execution provider`,
    prepare: () => ({
      run: async () => (await session.run(feeds)).y,
      finish: () => watch.idle(),
      async read(y) {
        const { buffer, byteOffset, byteLength } = await y.getData();
        return { y: decode(new Uint8Array(buffer, byteOffset, byteLength), dtype, tokens * dim) };
      },
      discard: (y) => y.dispose(),
    }),
  };
}

if (import.meta.main) await serve(open);
