import { assert, assertEquals } from "@std/assert";
import { randomInputs } from "../../bench/oracle/data.ts";
import { oracle, relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { freshSeed } from "../gpu.ts";
import { serveProject } from "../project_server.ts";

const SIZES = { tokens: 6, dim: 8, hiddenDim: 20, dtype: "float32", activation: "silu" } as const;

/** What someone would write who knows mod.ts by its address only; it reads its numbers and prints what comes out. */
const script = (origin: string) => `
import { requestGpu, swigluWithGrad, Tensor } from "${origin}/mod.ts";
using gpu = await requestGpu();
const [T, D, H] = ${JSON.stringify([SIZES.tokens, SIZES.dim, SIZES.hiddenDim])};
const numbers: Record<string, number[]> = JSON.parse(await new Response(Deno.stdin.readable).text());
const tensor = (name: string, ...shape: number[]) => Tensor.from(gpu, Float32Array.from(numbers[name]), shape);
const weights = { gate: tensor("gate", D, H), up: tensor("up", D, H), down: tensor("down", H, D) };
const { y, backward } = swigluWithGrad(gpu, tensor("x", 2, T / 2, D), weights);
const outputs = { y, ...backward(tensor("dy", 2, T / 2, D)) };
for (const [name, tensor] of Object.entries(outputs)) console.log(JSON.stringify([name, [...await tensor.read()]]));
`;

Deno.test("a script in an empty folder imports mod.ts by URL, is type-checked, and gets the oracle's y and gradients", async () => {
  await using project = serveProject();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, script(project.origin));
    const run = new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--quiet", "--no-lock", "--allow-import=127.0.0.1", "main.ts"],
      cwd: folder,
      env: { DENO_DIR: `${folder}/cache`, XDG_RUNTIME_DIR: "/tmp" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const inputs = randomInputs(SIZES, freshSeed());
    const lists = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, [...values]]));
    await new Blob([JSON.stringify(lists)]).stream().pipeTo(run.stdin);
    const { code, stdout, stderr } = await run.output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    const outputs = text.decode(stdout).trim().split("\n").map((line): [string, number[]] =>
      JSON.parse(line)
    );
    const expected = oracle(SIZES, inputs);
    assertEquals(outputs.map(([name]) => name).sort(), Object.keys(expected).sort());
    for (const [name, values] of outputs) {
      const error = relativeFrobeniusError(
        Float32Array.from(values),
        expected[name as keyof typeof expected],
      );
      assert(error < 1e-5, `${name} is off by ${error}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
