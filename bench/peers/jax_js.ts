import type { Mode } from "../measure/shapes.ts";
import { elements, serve } from "./child.ts";
import type { Engine, Session, Surroundings } from "./engine.ts";
import type { Peer } from "./peer.ts";

const VERSION = "0.1.25";

/** A variable, not a literal in `import`: what only a peer needs must not enter anyone's lock file or cache. */
const PACKAGE = `npm:@jax-js/jax@${VERSION}`;

/** JAX in JavaScript. */
export const jaxJs: Peer = {
  id: "jax-js",
  project: "jax-js",
  usage: `@jax-js/jax ${VERSION}: jit of the block, and of vjp of it; arrays stay on the device`,
  dtypes: ["float32", "float16"],
  gradients: "with forward",
  platform: "webgpu",
  program: { runtime: "deno", module: import.meta.url },
  packages: [PACKAGE],
};

/** The part of the library that is used. A use consumes an array; `ref` keeps it for one more. */
interface Jax {
  init(...devices: string[]): Promise<string[]>;
  defaultDevice(device: string): void;
  jit(compute: (...inputs: JaxArray[]) => JaxArray[]): (...inputs: JaxArray[]) => JaxArray[];
  vjp(compute: (...inputs: JaxArray[]) => JaxArray, at: JaxArray[]): [JaxArray, Pullback];
  blockUntilReady(arrays: JaxArray[]): Promise<void>;
  numpy: {
    array(values: Float32Array | Float16Array, options: { shape: number[]; dtype: string }): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
  };
  nn: { sigmoid(x: JaxArray): JaxArray };
}

interface JaxArray {
  readonly ref: JaxArray;
  mul(other: JaxArray): JaxArray;
  data(): Promise<Float32Array | Float16Array>;
  dispose(): void;
}

type Pullback = ((dy: JaxArray) => JaxArray[]) & { dispose(): void };

async function open({ job, inputs }: Surroundings): Promise<Session<JaxArray[]>> {
  const jax: Jax = await import(PACKAGE);
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const { tokens, dim, hiddenDim, dtype } = job.problem;
  const upload = (name: keyof typeof inputs, ...shape: [number, number]) =>
    jax.numpy.array(elements(inputs[name], dtype, shape[0] * shape[1]), { shape, dtype });
  const operands = [
    upload("x", tokens, dim),
    upload("gate", dim, hiddenDim),
    upload("up", dim, hiddenDim),
    upload("down", hiddenDim, dim),
  ];
  const engine = (compute: (...inputs: JaxArray[]) => JaxArray[], from: JaxArray[]): Engine<JaxArray[]> => ({
    run: () => compute(...from.map((array) => array.ref)),
    // One array of each run is enough, because one compiled function gives them all.
    finish: (runs) => jax.blockUntilReady(runs.map(([first]) => first)),
    async read(results) {
      const [y, dx, dGate, dUp, dDown] = await Promise.all(results.map((array) => array.ref.data()));
      return results.length === 1 ? { y } : { y, dx, dGate, dUp, dDown };
    },
    discard: (results) => results.forEach((array) => array.dispose()),
  });
  const { forward, full } = functionsOf(jax);
  return {
    implementation: `jax-js ${VERSION}, jit`,
    prepare: (mode: Mode) =>
      mode === "forward" ? engine(forward, operands) : engine(full, [...operands, upload("dy", tokens, dim)]),
  };
}

function functionsOf({ jit, vjp, nn, numpy: { matmul } }: Jax) {
  const block = (x: JaxArray, gate: JaxArray, up: JaxArray, down: JaxArray) => {
    const g = matmul(x.ref, gate);
    // nn.silu computes the same, but its derivative turns float16 into float32.
    return matmul(g.ref.mul(nn.sigmoid(g)).mul(matmul(x, up)), down);
  };
  return {
    forward: jit((...inputs) => [(block as (...inputs: JaxArray[]) => JaxArray)(...inputs)]),
    full: jit((...inputs) => {
      const [y, pullback] = vjp(block as (...inputs: JaxArray[]) => JaxArray, inputs.slice(0, 4));
      const gradients = pullback(inputs[4]);
      pullback.dispose();
      return [y, ...gradients];
    }),
  };
}

if (import.meta.main) await serve(open);
