import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** What someone would write who knows mod.ts by its address only; identity gates make the answers plain numbers. */
const script = (origin: string) => `
import { requestGpu, swigluWithGrad, Tensor } from "${origin}/mod.ts";
using gpu = await requestGpu();
const eye = Float32Array.of(1, 0, 0, 1);
const [gate, up, down] = ["gate", "up", "down"].map((label) => Tensor.from(gpu, eye, [2, 2], { label }));
const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]);
const dy = Tensor.from(gpu, Float32Array.of(1, 1, 1, 1), [2, 2]);
const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down }, { activation: "identity" });
const { dx, dDown } = backward(dy);
console.log(JSON.stringify([...await y.read(), ...await dx.read(), ...await dDown.read()]));
`;

/** Serves the project's files on loopback until disposed. */
function serveProject(): { origin: string; [Symbol.asyncDispose](): Promise<void> } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const path = new URL("." + new URL(request.url).pathname, ROOT);
    try {
      return new Response(await Deno.readFile(path), {
        headers: { "content-type": "application/typescript" },
      });
    } catch {
      return new Response("no such file", { status: 404 });
    }
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a script in an empty folder imports mod.ts by URL, is type-checked, and gets y and gradients", async () => {
  await using project = serveProject();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/main.ts`, script(project.origin));
    const run = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--quiet", "--no-lock", "--allow-import=127.0.0.1", "main.ts"],
      cwd: folder,
      env: { DENO_DIR: `${folder}/cache`, XDG_RUNTIME_DIR: "/tmp" },
    }).output();
    const text = new TextDecoder();
    assertEquals(run.code, 0, text.decode(run.stderr));
    // y = x x; dx = 2 x; dDown = h^T dy with h = x x: columns' sums of squares.
    const expected = [1, 4, 9, 16, 2, 4, 6, 8, 10, 10, 20, 20];
    assertEquals(JSON.parse(text.decode(run.stdout)), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
