/**
 * What can be known of this machine without asking its GPU.
 *
 * @module
 */

import type { Machine } from "../report/context.ts";
import { writeAll } from "./files.ts";
import type { ProgressOutput } from "./progress.ts";
import { printable } from "../report/shape.ts";

/** The machine as this process sees it; what it may not see is left out. */
export function thisMachine(): Machine {
  const { os, arch } = Deno.build;
  const { deno, v8 } = Deno.version;
  return {
    system: `${os} ${arch}`,
    cores: navigator.hardwareConcurrency,
    load: permitted(() => Deno.loadavg()[0]),
    versions: { deno, v8 },
  };
}

/** To the start of the line, and all of it away. */
const ERASE = "\r\x1b[2K";

/** stderr, where progress goes. Where it takes no more, as on a full disk, the run goes on unseen. */
export function terminal(): ProgressOutput {
  const isTerminal = Deno.stderr.isTerminal();
  const write = (text: string) => void permitted(() => writeAll(Deno.stderr, text));
  return {
    write: (text) => write(printable(text)),
    erase: () => write(ERASE),
    isTerminal,
    columns: isTerminal ? permitted(() => Deno.consoleSize().columns) ?? 80 : Infinity,
    now: () => performance.now(),
  };
}

/** Variables without which Mesa's driver prints a warning wherever no desktop runs. */
export function driverVariables(): Record<string, string> {
  if (Deno.build.os !== "linux" || permitted(() => Deno.env.get("XDG_RUNTIME_DIR")) !== undefined) return {};
  return { XDG_RUNTIME_DIR: "/tmp" };
}

function permitted<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null; // not permitted, not known on this system, or not possible now
  }
}
