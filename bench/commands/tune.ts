/**
 * `bench.ts tune`, and the table that it leaves for later runs.
 *
 * @module
 */

import { DawnError } from "../../kernels/gpu/dawn.ts";
import { NoAdapterError } from "../../kernels/gpu/device.ts";
import { parseTuning, TUNING_SCHEMA, TuningError, type TuningTable } from "../../kernels/matmul/tuning.ts";
import type { Layout } from "../report/layout.ts";
import type { Variant } from "../../variants/variant.ts";
import { problemsOf } from "../measure/request.ts";
import { tune } from "../measure/tune.ts";
import { type BenchOptions, UsageError } from "../process/arguments.ts";
import { FileError, textIn } from "../process/files.ts";
import { lockFolder } from "../process/lock.ts";
import { ensureWritable, print, printError } from "../process/output.ts";
import { TUNING_FILE, TuningLog, tuningPath } from "../process/tuning_log.ts";
import { NO_ADAPTER, OK, withRemedy } from "./status.ts";

/** What is tuned where no sizes are given. */
const TUNED_SIZES = "4096";

/** Searches the tiles of every product of the chosen variants and sizes, and adds them to the folder's table. */
export async function tuneTiles(
  options: BenchOptions,
  { variants, layout }: { variants: readonly Variant[]; layout: Layout },
): Promise<number> {
  const [webgpu, ...others] = options.webgpus;
  if (others.length > 0) {
    throw new UsageError(`Cannot tune as --webgpu must name one: current value is ${options.webgpus}`);
  }
  const problems = problemsOf({ ...options, sizes: options.sizes ?? TUNED_SIZES })!;
  ensureWritable(options.outputDir, [TUNING_FILE]);
  using _lock = lockFolder(options.outputDir);
  const { table: earlier, fault } = tuningIn(options.outputDir);
  if (fault !== null) throw new UsageError(`${fault}: delete it, or choose another --output-dir`);
  const log = new TuningLog(options.outputDir, { schema: TUNING_SCHEMA, earlier, layout });
  try {
    await tune({
      adapter: options.adapter,
      webgpu,
      problems,
      variants: variants.filter(({ id }) => options.variants.includes(id)),
      onAdapter: (name, products) => {
        log.adapter(name);
        printError(`${name}: ${products} products\n${log.heading}`);
      },
      onEntry: (entry) => print(log.entry(entry)),
    });
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DawnError)) throw error;
    printError(withRemedy(error.message));
    return NO_ADAPTER;
  }
  printError(`tuning    ${log.path}`);
  return OK;
}

/** What `tune` found earlier, or what is wrong with it. */
export function tuningIn(folder: string): { table: TuningTable | null; fault: string | null } {
  const path = tuningPath(folder);
  try {
    const text = textIn(path);
    return { table: text === null ? null : parseTuning(text, path), fault: null };
  } catch (error) {
    if (!(error instanceof TuningError || error instanceof FileError)) throw error;
    return { table: null, fault: error.message };
  }
}
