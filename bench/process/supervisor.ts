/**
 * Runs children one after another until their work is done, whatever happens to them or to this process.
 *
 * @module
 */

import { Child, type ChildOptions } from "./child.ts";
import { FileError } from "./files.ts";

/** Work that children do. */
export interface ChildWork {
  /** What the next child is told; null if nothing is left to do. */
  next(): unknown;
  /** Takes what a child tells. */
  take(event: unknown): void;
  /** A child ended, and there is work left. */
  died(reason: string): void;
}

/** Why a run ended before its work was done. */
export interface Stop {
  /** The exit status. */
  status: number;
  /** The last words; empty for none. */
  message: string;
}

/** How children are started. */
export type ChildCommand = Pick<ChildOptions, "args" | "env" | "deadlineMs">;

/** Runs children, and stops when it is told to, by a signal too. */
export class Supervisor {
  readonly #command: ChildCommand;
  readonly #interrupted: () => Stop;
  #child: Child | null = null;
  #stop: Stop | null = null;
  readonly #abort = new AbortController();

  /** @param interrupted What a signal means when it comes. */
  constructor(command: ChildCommand, { interrupted }: { interrupted: () => Stop }) {
    this.#command = command;
    this.#interrupted = interrupted;
  }

  /** Aborted when the run is stopped. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Stops the run: the child ends, and no other begins. The first reason counts. */
  stop(status: number, message: string): void {
    this.#stop ??= { status, message };
    this.#abort.abort();
    this.#child?.kill();
  }

  /**
   * Calls what writes files. One that cannot be written stops the run: going on would lose what it measures.
   *
   * @param status The exit status then.
   */
  guarded(status: number, write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.stop(status, error.message);
    }
  }

  /** Does something during which Ctrl-C, SIGTERM and SIGHUP stop the run in order. @returns Why it was stopped; null if it was not. */
  async supervised(run: () => Promise<void>): Promise<Stop | null> {
    const interrupt = () => {
      const { status, message } = this.#interrupted();
      this.stop(status, message);
    };
    const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) Deno.addSignalListener(signal, interrupt);
    try {
      await run();
    } finally {
      for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
    }
    return this.#stop;
  }

  /** Runs children until no work is left, or the run is stopped. */
  async runChildren(work: ChildWork): Promise<void> {
    for (let job = work.next(); job !== null && this.#stop === null; job = work.next()) {
      this.#child = new Child({
        ...this.#command,
        input: JSON.stringify(job),
        onLine: (line) => {
          if (this.#stop === null) work.take(JSON.parse(line));
        },
      });
      const { ok, reason } = await this.#child.end;
      if (this.#stop !== null || ok && work.next() === null) return;
      work.died(ok ? "the measuring process ended before its work was done" : reason);
    }
  }
}
