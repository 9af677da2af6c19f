/**
 * Measures every variant of a SwiGLU block on this machine's GPU: checks each against a float64 oracle, times it, and
 * writes a report. `deno run -A bench.ts --help` lists the arguments.
 *
 * A run has two halves. A lost device ends the process that waits for it, so a child process does all that touches the
 * GPU, and this one keeps the report.
 *
 * Words:
 *
 * - A *problem* is one size in one dtype, with its activation and precision.
 * - A *row* is one variant in one mode of a problem.
 * - A *group* is rows of one problem that are sampled in turns.
 * - A *job* is groups and how they are measured. The parent makes one of all, and gives each child one of what is left.
 *
 * Parent, `bench` below:
 *
 * 1. Make the job of all groups.
 * 2. Start a child and give it a job. Where it dies, start another with the rows that are left. Rows of the other WebGPU
 *    get a child of their own (bench/commands/run.ts).
 * 3. Hand each row that the child tells to the report, which is on disk at once (bench/process/run_log.ts). Print the table
 *    of a problem when its last row is there.
 * 4. Measure the peers, each in a process of its own (bench/peers/run.ts).
 *
 * Child, `measureForParent` below, which calls `measure`. bench/measure/run.ts has these steps in this order:
 *
 * 1. Open the device, and calibrate its clock.
 * 2. Measure the ceilings, unless an earlier child did.
 * 3. Plan the rows on paper, at sizes that it picks if none were given. What cannot run is skipped with its reason.
 * 4. For each problem:
 *    - check: each row's outputs are compared with a reference, and a row that misses it gets no time;
 *    - warm up: the device works until its clocks are up;
 *    - profile: a first timing of each row tells how often its samples must repeat it;
 *    - sample in turns, rows in random order: single launches and wall time a fixed number of times, then GPU time until
 *      there is enough of it;
 *    - check again: each row runs once more on other inputs, and gets no time if it is wrong now. If it is right, it is told.
 *
 * @module
 */

import { ACTIVATIONS } from "./kernels/activation.ts";
import { variants } from "./variants/mod.ts";
import type { Variant } from "./variants/variant.ts";
import { compareFiles } from "./bench/commands/compare.ts";
import { listing } from "./bench/commands/list.ts";
import { modulesDigest, moduleUrl, ownVariants } from "./bench/commands/own_variants.ts";
import { Run } from "./bench/commands/run.ts";
import { BAD_ARGUMENTS, FAILED, OK } from "./bench/commands/status.ts";
import { tuneTiles, tuningIn } from "./bench/commands/tune.ts";
import type { Job } from "./bench/measure/job.ts";
import { jobOf, problemsOf, repeatsLine } from "./bench/measure/request.ts";
import { measure } from "./bench/measure/run.ts";
import { ArgumentError } from "./bench/measure/shapes.ts";
import { peers } from "./bench/peers/mod.ts";
import { resumeCommand, shellWord } from "./bench/process/again.ts";
import {
  type BenchOptions,
  type Command,
  parseArguments,
  restored,
  UsageError,
  variantModulesIn,
} from "./bench/process/arguments.ts";
import { FileError } from "./bench/process/files.ts";
import { helpText } from "./bench/process/flags.ts";
import { lockFolder } from "./bench/process/lock.ts";
import { layoutOf, terminal, thisMachine } from "./bench/process/machine.ts";
import { ensureWritable, existingReport, print, printError, REPORT_FILES } from "./bench/process/output.ts";
import { lineFromParent, tellParent } from "./bench/process/parent.ts";
import { ensureResumable, reportToResume, resumed, resumedLines } from "./bench/process/resume.ts";
import { RunLog } from "./bench/process/run_log.ts";
import { ReportError } from "./bench/report/reader.ts";
import type { Report } from "./bench/report/schema.ts";
import type { Ceilings } from "./bench/timing/ceilings.ts";

/** The first argument of the child process. */
const CHILD = "measuring-child";

const IDS = variants.map(({ id }) => id);

/** What the command line may name besides variants. */
const CHOICES = {
  activations: ACTIVATIONS,
  peers: peers.map(({ id }) => id),
};

/** What a user can cause, each told in one line. */
const EXPECTED = [UsageError, ArgumentError, FileError, ReportError, Deno.errors.NotCapable];

type BenchCommand = Command & { kind: "bench" };

/** What is asked for, and the variants that it can name. */
interface Understood {
  readonly command: Command;
  readonly all: readonly Variant[];
}

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === CHILD) return await measureForParent(args.slice(1));
  try {
    return await run(await understood(args), ["deno run -A bench.ts", ...args.map(shellWord)].join(" "));
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    printError((error as Error).message);
    return BAD_ARGUMENTS;
  }
}

/** Reads arguments. The modules of --variant come first, because other arguments may name their variants. */
async function understood(args: readonly string[]): Promise<Understood> {
  const own = await ownVariants(variantModulesIn(args), IDS);
  const all = [...variants, ...own];
  const choices = { ...CHOICES, variants: all.map(({ id }) => id), own: own.map(({ id }) => id) };
  return { command: parseArguments(args, choices), all };
}

async function run({ command, all }: Understood, line: string): Promise<number> {
  switch (command.kind) {
    case "help":
      print(helpText(command.topic, layoutOf("stdout")));
      return OK;
    case "list":
      print(listing({ variants: all, activations: ACTIVATIONS, peers, layout: layoutOf("stdout") }));
      return OK;
    case "compare": {
      const { text, passes } = compareFiles(command, layoutOf("stdout"));
      print(text);
      return passes ? OK : FAILED;
    }
    case "bench":
      return await bench(command, line);
    case "tune":
      return await tuneTiles(command.options, { variants: all, layout: layoutOf("stdout") });
  }
}

/** The parent: makes the job, has children measure it, and keeps the report. */
async function bench(asked: BenchCommand, line: string): Promise<number> {
  problemsOf(asked.options); // a bad size is told before a folder is made
  const { dryRun, resume, outputDir: folder } = asked.options;
  if (resume) reportToResume(folder);
  if (!dryRun) ensureWritable(folder, REPORT_FILES);
  using _lock = dryRun ? null : lockFolder(folder);
  const { table, fault } = tuningIn(folder);
  const machine = thisMachine();
  const { options, given, previous } = await startOf(asked, machine.versions);
  const settings = settingsOf(options, table?.entries.length ?? 0);
  const continued = previous && resumed(previous, { command: line, settings });
  const job: Job = {
    ...jobOf(withPickedSizes(options, previous)),
    tuning: table,
    // One report has one set of ceilings: fractions of others would not compare.
    ceilings: measuredCeilings(previous),
  };
  const log = new RunLog({ command: line, arguments: given, machine, settings, previous: continued }, {
    folder: dryRun ? null : folder,
    output: terminal(),
  });
  log.report.checkSeed = job.checkSeed;
  if (previous) { for (const text of resumedLines(previous, log.progress.layout)) log.progress.line(text); }
  const repeats = repeatsLine(options);
  if (repeats !== null) log.progress.line(`repeats   ${repeats}`);
  if (fault !== null) {
    log.take({ type: "warning", text: `${fault}. Its tiles are not used: delete it, and tune again.` });
  }
  const layout = layoutOf("stdout");
  const program = [import.meta.url, CHILD, ...options.variantModules.map(moduleUrl)];
  const again = resumeCommand(import.meta.url, { folder, json: options.json });
  return await new Run(job, { options, log, layout, resumeCommand: again, program }).toEnd();
}

/** What a run starts from: with --resume the folder's report, and its arguments under those given now. */
async function startOf(
  asked: BenchCommand,
  versions: Report["versions"],
): Promise<Pick<BenchCommand, "options" | "given"> & { previous: Report | null }> {
  const { resume, dryRun, json, outputDir } = asked.options;
  if (!resume) {
    // What is no report of ours is refused now, not when rows have been measured.
    if (!dryRun) existingReport(outputDir);
    return { ...asked, previous: null };
  }
  const previous = reportToResume(outputDir);
  await ensureResumable(previous, versions);
  const { command } = await understood(restored(previous.arguments ?? [], asked.given));
  const { options, given } = command as BenchCommand;
  return { options: { ...options, resume, dryRun, json, outputDir }, given, previous };
}

/** What changes the figures of a run. */
function settingsOf(options: BenchOptions, tuned: number): NonNullable<Report["settings"]> {
  const { adapter, seed, flush, minTimeMs, samples, memoryBudget, variantModules: modules } = options;
  const own: Record<string, string> = modules.length === 0 ? {} : { variantModules: modulesDigest(modules) };
  return { adapter, seed, flush, minTimeMs, samples, memoryBudget, tuned, ...own };
}

/** A run that picked its sizes goes on with these, whatever it would pick now. */
function withPickedSizes(options: BenchOptions, previous: Report | null): BenchOptions {
  const picked = options.sizes === null ? previous?.settings?.sizes?.toString() : undefined;
  return picked === undefined ? options : { ...options, sizes: picked, tokens: null };
}

/** The ceilings of a report, null where it has none yet. */
function measuredCeilings(previous: Report | null): Ceilings | null {
  if (previous === null) return null;
  const { fmaTflops: { float32, float16 = null }, matrixTflops = null, copyGBps } = previous.ceilings;
  if (float32 === null || copyGBps === null) return null;
  return { fmaTflops: { float32, float16 }, matrixTflops, copyGBps };
}

/** The child: measures what its parent tells, and tells what happens. `modules` have the user's own variants. */
async function measureForParent(modules: readonly string[]): Promise<number> {
  const job: Job = JSON.parse(await lineFromParent());
  try {
    await measure(job, [...variants, ...await ownVariants(modules, IDS)], tellParent);
    return OK;
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error));
    return FAILED;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
