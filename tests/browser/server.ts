/** Serves the project's modules to a browser on this machine. `http://localhost` may use WebGPU, a file may not. */
import { stripTypeScriptTypes } from "node:module";

const ROOT = new URL("../../", import.meta.url);

/** The page itself: empty, its modules are imported afterwards. */
const PAGE = '<!doctype html><title>swiglu</title><link rel="icon" href="data:,">';

/** A server of every module below the root, as JavaScript: no bundler, the browser follows the imports itself. */
export function serveModules(): { address: string } & AsyncDisposable {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/") return reply(PAGE, "text/html");
    if (!pathname.endsWith(".ts")) return new Response(null, { status: 404 });
    const source = await Deno.readTextFile(new URL(`.${pathname}`, ROOT));
    return reply(stripTypeScriptTypes(source, { mode: "transform" }), "text/javascript");
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function reply(body: string, type: string): Response {
  return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
}
