/**
 * Builds the bench as a page into a folder that any static host can serve: `deno task site`, or `deno task site FOLDER`.
 *
 * @module
 */

const HERE = new URL(".", import.meta.url);

/** What the browser loads as scripts. */
export const ENTRIES = ["page.ts", "measuring_worker.ts", "drawing_worker.ts"];

const COPIED = ["index.html", "style.css"];

/** Builds the page. @throws {Error} If it cannot be bundled or written; the message tells what the bundler said. */
export async function build(folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform", "browser", "--minify", "--outdir", folder],
      ...["--config", new URL("../../deno.json", HERE).pathname],
      ...ENTRIES.map((entry) => new URL(entry, HERE).pathname),
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
  for (const file of COPIED) await Deno.copyFile(new URL(file, HERE), `${folder}/${file}`);
}

if (import.meta.main) {
  const [folder = "site"] = Deno.args;
  await build(folder);
  console.log(`The page is in ${folder}: serve that folder by any static host, over https or from localhost`);
}
