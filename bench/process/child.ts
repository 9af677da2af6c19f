/**
 * A child process that is told one line and answers with many.
 *
 * @module
 */

import { plain } from "../report/shape.ts";

/** What to start, and how to follow it. */
export interface ChildOptions {
  /** The program. Default: Deno itself. */
  command?: string;
  /** Its arguments. */
  args: readonly string[];
  /** Environment variables of the child, besides its parent's. */
  env?: Record<string, string>;
  /** The line that the child is told. Its stdin then stays open, and is closed when the parent ends, which tells the child. */
  input: string;
  /** Milliseconds of silence after which the child is killed. */
  deadlineMs: number;
  /** Takes each whole line of its stdout. A process that dies while it writes may leave half a line, which does not count. */
  onLine(line: string): void;
}

/** How a child ended. */
export interface ChildEnd {
  /** Whether it ended by itself with status 0. */
  ok: boolean;
  /** Why it ended otherwise, on one line: its own last words if it had any. */
  reason: string;
}

/** So many lines of stderr are kept. The last ones tell why a process died. */
const LAST_LINES = 40;

/** A child's output is read for so long after its end. Not to the output's end, as a process that it left behind may keep it open for ever. */
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

  /** Ends the child at once, if it has not ended already. */
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

/** Takes each whole line until the signal. @returns What follows the last one: a process may die in the middle of a line. */
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

/** The line that tells most: the message of a panic or an error, else the last line that is not empty. */
function lastWordsOf(lines: readonly string[]): string {
  const words = lines.map((line) => plain(line, 300).trim()).filter((line) => line !== "");
  const panic = words.findIndex((line) => line.includes("panicked at"));
  if (panic >= 0) return words.slice(panic, panic + 2).join(" ");
  return words.find((line) => /\berror\b/i.test(line)) ?? words.at(-1) ?? "";
}
