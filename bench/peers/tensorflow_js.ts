import type { Mode } from "../measure/shapes.ts";
import { elements, serve } from "./child.ts";
import type { Session, Surroundings } from "./engine.ts";
import type { Peer } from "./peer.ts";

const VERSION = "4.22.0";

/** Variables, not literals in `import`: what only a peer needs must not enter anyone's lock file or cache. */
const CORE = `npm:@tensorflow/tfjs-core@${VERSION}`;
const BACKEND = `npm:@tensorflow/tfjs-backend-webgpu@${VERSION}`;
/** Registers the library's own gradients. Its core has a file for that too, but it loads only when bundled. */
const GRADIENTS = `npm:@tensorflow/tfjs-layers@${VERSION}`;

/** TensorFlow.js on its WebGPU backend. */
export const tensorflowJs: Peer = {
  id: "tensorflow-js",
  project: "TensorFlow.js",
  usage: `@tensorflow/tfjs-backend-webgpu ${VERSION}: matMul, mul and sigmoid in tidy; valueAndGrads`,
  dtypes: ["float32"],
  gradients: "with forward",
  platform: "webgpu",
  program: { runtime: "deno", module: import.meta.url },
  packages: [CORE, GRADIENTS, BACKEND],
};

/** The part of the library that is used. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor2d(values: Float32Array, shape: [number, number]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor): TfTensor;
  sigmoid(x: TfTensor): TfTensor;
  slice(x: TfTensor, begin: number[], size: number[]): TfTensor;
  tidy<T>(compute: () => T): T;
  valueAndGrads(
    compute: (...inputs: TfTensor[]) => TfTensor,
  ): (at: TfTensor[], dy: TfTensor) => { value: TfTensor; grads: TfTensor[] };
}

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

async function open({ job, inputs }: Surroundings): Promise<Session<TfTensor[]>> {
  const tf: TensorFlow = await import(CORE);
  await import(GRADIENTS);
  await import(BACKEND);
  if (!await tf.setBackend("webgpu")) throw new Error("TensorFlow.js found no WebGPU adapter");
  await tf.ready();
  const { tokens, dim, hiddenDim } = job.problem;
  const upload = (name: keyof typeof inputs, ...shape: [number, number]) =>
    tf.tensor2d(elements(inputs[name], "float32", shape[0] * shape[1]) as Float32Array, shape);
  const operands = [
    upload("x", tokens, dim),
    upload("gate", dim, hiddenDim),
    upload("up", dim, hiddenDim),
    upload("down", hiddenDim, dim),
  ];
  const block = (...[x, gate, up, down]: TfTensor[]) => {
    const g = tf.matMul(x, gate);
    return tf.matMul(tf.mul(tf.mul(g, tf.sigmoid(g)), tf.matMul(x, up)), down);
  };
  const forward = () => [tf.tidy(() => block(...operands))];
  const full = (dy: TfTensor) => () => {
    const { value, grads } = tf.tidy(() => tf.valueAndGrads(block)(operands, dy));
    return [value, ...grads];
  };
  return {
    implementation: `TensorFlow.js ${VERSION}, WebGPU backend`,
    prepare: (mode: Mode) => ({
      run: mode === "forward" ? forward : full(upload("dy", tokens, dim)),
      finish: (runs) => finish(tf, runs[runs.length - 1]),
      async read(results) {
        const [y, dx, dGate, dUp, dDown] = await Promise.all(results.map((tensor) => tensor.data()));
        return results.length === 1 ? { y } : { y, dx, dGate, dUp, dDown };
      },
      discard: (results) => results.forEach((tensor) => tensor.dispose()),
    }),
  };
}

/** Reads one element of the last output, because the library queues commands until something is read. */
async function finish(tf: TensorFlow, results: TfTensor[]): Promise<void> {
  const probe = tf.slice(results[results.length - 1], [0, 0], [1, 1]);
  await probe.data();
  probe.dispose();
}

if (import.meta.main) await serve(open);
