/** Runs bench.ts and plot.ts as users do: as processes, each with a folder of its own. */
import { parseReport } from "../bench/report/reader.ts";
import type { Report } from "../bench/report/schema.ts";

export const BENCH = new URL("../bench.ts", import.meta.url).pathname;
export const PLOT = new URL("../plot.ts", import.meta.url).pathname;

/** As few samples as there can be. */
export const QUICK = ["--samples", "3", "--min-time", "1"];
export const TINY = [...QUICK, "--sizes", "4x8x8"];

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface StartOptions {
  readonly permissions?: readonly string[];
  readonly env?: Record<string, string>;
  /** bench.ts if not given. */
  readonly program?: string;
}

/** A running program, for what must happen meanwhile. */
export interface Running {
  readonly process: Deno.ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts bench.ts. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const { permissions = ["-A"], env = {}, program = BENCH } = options;
  return follow(Deno.execPath(), ["run", "--no-prompt", ...permissions, program, ...args], env);
}

/** Starts any command and keeps what it says. */
export function follow(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Running {
  const process = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const text = async (stream: ReadableStream<Uint8Array>) => await new Response(stream).text();
  const ended = Promise.all([process.status, text(process.stdout), text(process.stderr)])
    .then(([{ code }, stdout, stderr]): Ended => ({ code, stdout, stderr }));
  return { process, ended };
}

/** Runs bench.ts with its output in a folder. */
export function bench(folder: string, ...args: string[]): Promise<Ended> {
  return start([...args, "--output-dir", folder]).ended;
}

/** Calls with an empty folder, gone afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The report in a folder, which must be a valid one. */
export function reportIn(folder: string): Report {
  return parseReport(Deno.readTextFileSync(`${folder}/swiglu.json`), "swiglu.json");
}

/** Names of all that is in a folder, sorted. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** Waits until a row is in the report's file. */
export async function firstRow(folder: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (filesIn(folder).includes("swiglu.json") && reportIn(folder).rows.length > 0) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("no row came within 30 s");
}
