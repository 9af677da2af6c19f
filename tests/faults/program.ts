/** bench.ts with another registry of variants. So faults reach the whole program, which itself has no switch for them. */
import { assert } from "@std/assert";
import { BENCH } from "../program.ts";

const ROOT = new URL("../../", import.meta.url);
const REGISTRY = 'from "./variants/mod.ts"';

/** Calls with the path of a bench.ts whose variants are those of `variants.ts` here. */
export async function withFaults(use: (program: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const text = await Deno.readTextFile(BENCH);
    assert(text.includes(REGISTRY), "bench.ts takes its variants from elsewhere now");
    const faulty = text.replace(REGISTRY, `from "${new URL("variants.ts", import.meta.url)}"`);
    await Deno.writeTextFile(`${folder}/bench.ts`, faulty.replaceAll('from "./', `from "${ROOT}`));
    for (const name of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(new URL(name, ROOT), `${folder}/${name}`);
    }
    await use(`${folder}/bench.ts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
