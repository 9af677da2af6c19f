/**
 * Builds the bench as a page into a folder that any static host can serve: `deno task site`, or `deno task site FOLDER`.
 *
 * @module
 */

import { SCRIPT, sourceOf } from "../page/script.ts";

const HERE = new URL(".", import.meta.url);

/** What the browser loads as scripts. */
export const ENTRIES = ["page.ts", "measuring_worker.ts", "drawing_worker.ts"];

const INDEX = "index.html";
const COPIED = ["style.css"];

/** Rewrites what not every browser with WebGPU understands yet, such as `using`. The lock file does not need to know it. */
const LOWER = [
  "run",
  "--allow-all",
  "--no-lock",
  "npm:esbuild@0.25.10",
  "--target=es2022",
  "--minify",
  "--allow-overwrite",
];

/** Builds the page. @throws {Error} If it cannot be bundled or written; the message tells what the bundler said. */
export async function build(folder: string): Promise<void> {
  await deno([
    ...["bundle", "--platform", "browser", "--outdir", folder],
    ...["--config", new URL("../../deno.json", HERE).pathname],
    ...ENTRIES.map((entry) => new URL(entry, HERE).pathname),
  ]);
  const scripts = ENTRIES.map((entry) => `${folder}/${entry.replace(/ts$/, "js")}`);
  await deno([...LOWER, `--outdir=${folder}`, ...scripts]);
  for (const file of COPIED) await Deno.copyFile(new URL(file, HERE), `${folder}/${file}`);
  await Deno.writeTextFile(`${folder}/${INDEX}`, await index());
}

/**
 * The page itself. Its policy also binds the report that it shows in a frame, so it allows the scripts that stand in both.
 * Workers are files and have no policy: the charts' library compiles functions in its one.
 */
async function index(): Promise<string> {
  const html = await Deno.readTextFile(new URL(INDEX, HERE));
  const own = /<script type="module">([^]*?)<\/script>/.exec(html)![1];
  const sources = await Promise.all([own, SCRIPT].map(sourceOf));
  return html.replace("SCRIPTS", sources.join(" "));
}

async function deno([command, ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, "--quiet", ...args],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const [folder = "site"] = Deno.args;
  await build(folder);
  console.log(`The page is in ${folder}: serve that folder by any static host, over https or from localhost`);
}
