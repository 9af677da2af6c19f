/**
 * A child process that is told one line and answers with many.
 *
 * @module
 */

import { plain } from "../report/shape.ts";

/** What to start, and how to follow it. */
export interface ChildOptions {
  /** The program; Deno itself if not given. */
  command?: string;
  /** Its arguments. */
  args: readonly string[];
  /** Variables that the child gets beside its parent's. */
  env?: Record<string, string>;
  /** The line that the child is told; its stdin then stays open, so that its end tells it of its parent's. */
  input: string;
  /** Milliseconds of silence after which the child is killed. */
  deadlineMs: number;
  /** Each whole line of its stdout: half a line, which a process leaves that dies while it writes, is none. */
  onLine(line: string): void;
}

/** How a child ended. */
export interface ChildEnd {
  /** Whether it ended by itself with status 0. */
  ok: boolean;
  /** Why it ended otherwise, on one line; its own last words where it had some. */
  reason: string;
}

/** Lines of stderr that are kept, as the last of them tell why a process died. */
const LAST_LINES = 40;

/** For so long after a child's end its output is read on: a process that it left behind may keep it open for ever. */
const LEFTOVER_MS = 1000;

/** A running child. */
export class Child {
  /** How it ended; never rejects. */
  readonly end: Promise<ChildEnd>;
  readonly #process: Deno.ChildProcess;
  #timedOut = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  /** @throws {Deno.errors.NotFound} If there is no such program. */
  constructor(options: ChildOptions) {
    this.#process = new Deno.Command(options.command ?? Deno.execPath(), {
      args: [...options.args],
      env: options.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.end = this.#follow(options);
  }

  /** Ends the child at once; one that has ended already is let be. */
  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It is dead already.
    }
  }

  async #follow({ input, deadlineMs, onLine }: ChildOptions): Promise<ChildEnd> {
    const { stdin, stdout, stderr, status } = this.#process;
    const writer = stdin.getWriter();
    const lastWords: string[] = [];
    const arm = () => {
      clearTimeout(this.#deadline);
      this.#deadline = setTimeout(() => {
        this.#timedOut = true;
        this.kill();
      }, deadlineMs);
    };
    arm();
    const cut = new AbortController();
    let leftover: ReturnType<typeof setTimeout> | undefined;
    const over = status.then(() => leftover = setTimeout(() => cut.abort(), LEFTOVER_MS));
    try {
      await Promise.all([
        over,
        writer.write(new TextEncoder().encode(`${input}\n`)).catch(() => {}), // it died before it listened
        eachLine(stdout, cut.signal, (line) => {
          arm();
          onLine(line);
        }),
        eachLine(stderr, cut.signal, (line) => {
          lastWords.push(line);
          if (lastWords.length > LAST_LINES) lastWords.shift();
        }).then((rest) => lastWords.push(rest)),
      ]);
    } finally {
      clearTimeout(leftover);
      clearTimeout(this.#deadline);
      this.kill();
      await writer.close().catch(() => {});
    }
    const { success, code, signal } = await status;
    if (this.#timedOut) {
      return { ok: false, reason: `nothing happened for ${deadlineMs / 1000} s: it was ended` };
    }
    if (success) return { ok: true, reason: "" };
    const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
    const why = lastWordsOf(lastWords);
    return { ok: false, reason: `the measuring process ${how}${why === "" ? "" : `: ${why}`}` };
  }
}

/** Takes each line until the signal; returns what stands behind the last one, as a process leaves it that dies. */
async function eachLine(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  take: (line: string) => void,
): Promise<string> {
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(new TextDecoderStream(), { signal })) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      lines.forEach(take);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return rest;
}

/** The line that tells most: a panic's or an error's message, else the last that says anything. */
function lastWordsOf(lines: readonly string[]): string {
  const words = lines.map((line) => plain(line, 300).trim()).filter((line) => line !== "");
  const panic = words.findIndex((line) => line.includes("panicked at"));
  if (panic >= 0) return words.slice(panic, panic + 2).join(" ");
  return words.find((line) => /\berror\b/i.test(line)) ?? words.at(-1) ?? "";
}
