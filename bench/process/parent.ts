/**
 * The child's side of {@link Child}: one line in, many lines out.
 *
 * @module
 */

/**
 * Reads the line that the parent tells. From then on this process ends when the parent does, as nobody else would end it.
 *
 * @throws {TypeError} If stdin ends before a line does.
 */
export async function lineFromParent(): Promise<string> {
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new TypeError("Cannot read a job as stdin must hold a line: it ended");
    text += value;
  }
  void untilEnd(reader);
  return text.slice(0, text.indexOf("\n"));
}

async function untilEnd(reader: ReadableStreamDefaultReader<string>): Promise<never> {
  while (!(await reader.read()).done);
  Deno.exit(1);
}

/** Tells the parent a value, as one line. The line is written when this returns. */
export function tellParent(value: unknown): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
