/** The project's files under an address, as people meet them who have no clone. */
const ROOT = new URL("../", import.meta.url);

const TYPES: Readonly<Record<string, string>> = { ts: "application/typescript", json: "application/json" };

/** Serves the project's files on loopback until disposed. */
export function serveProject(): { origin: string } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const type = TYPES[pathname.slice(pathname.lastIndexOf(".") + 1)] ?? "text/plain";
    try {
      const body = await Deno.readFile(new URL(`.${pathname}`, ROOT));
      return new Response(body, { headers: { "content-type": type } });
    } catch {
      return new Response("no such file", { status: 404 });
    }
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
