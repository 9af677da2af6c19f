import type { AdapterChoice } from "../../kernels/gpu/device.ts";
import { Child } from "../process/child.ts";
import type { CeilingsReport, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import type { Group, RowSpec } from "../measure/job.ts";
import type { Mode } from "../measure/shapes.ts";
import { type Peer, type PeerEvent, type PeerJob, type Program, refusal, rowId } from "./peer.ts";
import { measuredRow, skippedRow } from "./row.ts";
import { Subject } from "./subject.ts";

/** How peers are measured. */
export interface PeerOptions {
  readonly adapter: AdapterChoice;
  /** Whether the adapter of the report is software, on the CPU. */
  readonly software: boolean;
  /** The ceilings that were measured in the same run. */
  readonly ceilings: CeilingsReport;
  readonly seed: number;
  /** Least number of samples for each row. Null takes the adapter's default. */
  readonly samples: number | null;
  /** Milliseconds of samples for each row. Null takes the adapter's default. */
  readonly minTimeMs: number | null;
  /** Whether the last-level cache is emptied before each sample, where a peer's samples are single runs. */
  readonly flush: boolean;
  /** Seconds of silence after which a peer's process is ended. */
  readonly timeoutSeconds: number;
  /** Environment variables that the processes get besides those of this process. */
  readonly env?: Record<string, string>;
  /** Ends the running process, and starts no other. Rows that are not finished are left out. */
  readonly signal?: AbortSignal;
  /** Called when work on a row begins or goes on. */
  begin?(row: RowSpec, doing: string): void;
}

/** As for variants, but with fewer samples, because each sample of a peer is many runs and a wait. */
const RULE = {
  hardware: { samples: 10, minTimeMs: 250, warmUpMs: 300 },
  software: { samples: 6, minTimeMs: 100, warmUpMs: 0 },
};

/**
 * Measures rows of one problem whose variants are peers, `peer:ID`. It emits each row as soon as it is finished. If a peer
 * cannot be measured or believed, its row is skipped and says why.
 *
 * @throws {TypeError} If a row's variant is no peer.
 */
export async function measurePeers(
  { problem, rows }: Group,
  { peers, ...options }: PeerOptions & { peers: readonly Peer[] },
  emit: (row: Row) => void,
): Promise<void> {
  let subject: Subject | null = null;
  try {
    for (const [variant, specs] of Map.groupBy(rows, ({ variant }) => variant)) {
      const peer = peers.find((peer) => rowId(peer) === variant);
      if (!peer) throw new TypeError(`Cannot measure ${variant} as no peer has this id`);
      const modes: Mode[] = [];
      for (const { mode } of specs) {
        const reason = refusal(peer, { problem, mode, software: options.software });
        if (reason === null) modes.push(mode);
        else emit(skippedRow(peer, { problem, mode, reason }));
      }
      if (modes.length === 0 || options.signal?.aborted) continue;
      try {
        subject ??= new Subject(problem, options);
      } catch (error) {
        if (!isOfFiles(error)) throw error;
        const reason = `its inputs cannot be written: ${error.message}`;
        for (const mode of modes) emit(skippedRow(peer, { problem, mode, reason }));
        continue;
      }
      await runPeer(peer, modes, { ...options, subject, emit });
    }
  } finally {
    subject?.dispose();
  }
}

type PeerRunOptions = PeerOptions & { readonly subject: Subject; emit(row: Row): void };

/** Measures a peer's modes in one process. If it ends too early, a new process measures the modes that are left. */
export async function runPeer(
  peer: Peer,
  modes: readonly Mode[],
  options: PeerRunOptions,
): Promise<void> {
  const run = new PeerRun(peer, modes, options);
  while (run.left.length > 0 && !options.signal?.aborted) await run.process();
}

class PeerRun {
  /** Modes that have no row yet. */
  left: readonly Mode[];
  readonly #peer: Peer;
  readonly #options: PeerRunOptions;
  #ready: (PeerEvent & { type: "ready" }) | null = null;
  /** The mode that is being measured. */
  #current: Mode | null = null;

  constructor(peer: Peer, modes: readonly Mode[], options: PeerRunOptions) {
    this.#peer = peer;
    this.left = modes;
    this.#options = options;
  }

  /** Runs one process to its end. After it, at least one more mode has its row. */
  async process(): Promise<void> {
    const before = this.left.length;
    this.#current = null;
    const reason = await this.#follow();
    if (this.#options.signal?.aborted) return;
    const died = `its process ended before it was done${reason === "" ? "" : `: ${reason}`}`;
    if (this.#current !== null) this.#skip([this.#current], died);
    else if (this.left.length === before) this.#skip(this.left, died);
  }

  /** Starts a process, and takes its events until it ends. @returns Why it ended, empty where it did so by itself. */
  async #follow(): Promise<string> {
    const { env, signal, timeoutSeconds, subject } = this.#options;
    let child: Child;
    subject.clearOutputs();
    try {
      child = new Child({
        ...commandOf(this.#peer.program, subject.folder),
        env: { NO_COLOR: "1", ...env },
        input: JSON.stringify(this.#job()),
        deadlineMs: 1000 * timeoutSeconds,
        onLine: (line) => this.#take(eventOf(line)),
      });
    } catch (error) {
      const { runtime } = this.#peer.program;
      if (error instanceof Deno.errors.NotFound) {
        this.#skip(this.left, `there is no ${runtime} on this machine`);
      } else if (error instanceof Deno.errors.PermissionDenied) {
        this.#skip(this.left, `${runtime} cannot be started`);
      } else throw error;
      return "";
    }
    const kill = () => child.kill();
    signal?.addEventListener("abort", kill);
    const { reason } = await child.end;
    signal?.removeEventListener("abort", kill);
    return reason;
  }

  #take(event: PeerEvent | null): void {
    if (event === null || this.#options.signal?.aborted) return;
    if ("mode" in event && !this.left.includes(event.mode)) return;
    if (event.type === "unavailable") this.#skip(this.left, told(event.reason));
    if (event.type === "ready") this.#ready = event;
    if (event.type === "begin") {
      this.#current = event.mode;
      this.#options.begin?.({ variant: rowId(this.#peer), mode: event.mode }, event.doing);
    }
    if (event.type === "skipped") this.#skip([event.mode], told(event.reason));
    if (event.type === "measured") this.#measured(event);
  }

  #measured(event: PeerEvent & { type: "measured" }): void {
    const { subject, ceilings, seed } = this.#options;
    const { problem } = subject;
    const { mode } = event;
    const ready = this.#ready;
    if (ready === null) return this.#skip([mode], "it told figures before it told its name");
    try {
      const errors = subject.errorsOf(mode);
      const sampled = subject.reference.rows !== null;
      this.#settle(
        measuredRow(this.#peer, { problem, mode, ready, measured: event, errors, sampled, ceilings, seed }),
      );
    } catch (error) {
      if (!(error instanceof RangeError || isOfFiles(error))) throw error;
      this.#skip([mode], `its outputs cannot be read: ${error.message}`);
    }
  }

  #skip(modes: readonly Mode[], reason: string): void {
    const { problem } = this.#options.subject;
    for (const mode of modes) this.#settle(skippedRow(this.#peer, { problem, mode, reason }));
  }

  #settle(row: Row): void {
    if (!this.left.includes(row.mode)) return;
    this.left = this.left.filter((mode) => mode !== row.mode);
    if (this.#current === row.mode) this.#current = null;
    this.#options.emit(row);
  }

  #job(): PeerJob {
    const { adapter, flush, software, samples, minTimeMs, subject: { problem, folder, reference } } =
      this.#options;
    const rule = RULE[software ? "software" : "hardware"];
    return {
      problem,
      modes: this.left,
      folder,
      rows: reference.rows,
      units: reference.units,
      samples: samples ?? rule.samples,
      timeNs: (minTimeMs ?? rule.minTimeMs) * 1e6,
      warmUpMs: rule.warmUpMs,
      adapter,
      flush,
    };
  }
}

/** The command that starts a program. It grants only the permissions that a library needs to compute. */
function commandOf(
  { runtime, module, args = [] }: Program,
  folder: string,
): { command?: string; args: string[] } {
  if (runtime !== "deno") return { command: runtime, args: [pathOf(module), ...args] };
  const permissions = ["--no-prompt", "--allow-read", "--allow-env", `--allow-write=${folder}`];
  // The project's configuration and lock file do not know a peer's packages.
  return { args: ["run", "--quiet", "--no-config", "--no-lock", ...permissions, module, ...args] };
}

function pathOf(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

const EVENTS: readonly string[] = [
  "unavailable",
  "ready",
  "begin",
  "skipped",
  "measured",
] satisfies PeerEvent["type"][];

/** True for an error of the system, such as ENOSPC. A missing permission is none. */
function isOfFiles(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof Deno.errors.NotCapable) && "code" in error &&
    typeof error.code === "string";
}

/** A peer's reason as one line. It may be any value. */
function told(reason: unknown): string {
  return typeof reason === "string" && reason !== "" ? plain(reason, 300) : "it gives no reason";
}

/** The event in a line. Null where a line holds none, because libraries may print anything. */
function eventOf(line: string): PeerEvent | null {
  try {
    const value = JSON.parse(line);
    return EVENTS.includes(value?.type) ? value : null;
  } catch {
    return null;
  }
}
