/**
 * What can be known of this machine without asking its GPU.
 *
 * @module
 */

import suite from "../../deno.json" with { type: "json" };
import type { Machine } from "../report/context.ts";
import { writeAll } from "./files.ts";
import type { ProgressOutput } from "./progress.ts";
import { betweenPaint, type Layout } from "../report/layout.ts";
import { printable } from "../report/shape.ts";

/** The machine as this process sees it. What it is not permitted to see is left out. */
export function thisMachine(): Machine {
  const { os, arch } = Deno.build;
  const { deno, v8 } = Deno.version;
  return {
    system: `${os} ${arch}`,
    cores: navigator.hardwareConcurrency,
    load: isGranted({ name: "sys", kind: "loadavg" }) ? permitted(() => Deno.loadavg()[0]) : null,
    versions: { suite: suite.version, deno, v8 },
  };
}

/** To the start of the line, and all of it away. */
const ERASE = "\r\x1b[2K";

/** Columns of a terminal that does not tell them. */
const USUAL_COLUMNS = 80;

/** A narrower terminal is written as if it had so many columns. */
const LEAST_COLUMNS = 40;

/** The layout of what goes to a stream. */
export function layoutOf(stream: "stdout" | "stderr"): Layout {
  const isTerminal = Deno[stream].isTerminal();
  const columns = (isTerminal ? consoleColumns() : null) ?? namedColumns() ??
    (isTerminal ? USUAL_COLUMNS : Infinity);
  return { columns: Math.max(columns, LEAST_COLUMNS), coloured: isTerminal && !Deno.noColor };
}

/** Columns as the terminal tells them; null where it does not, or tells 0. */
function consoleColumns(): number | null {
  return permitted(() => Deno.consoleSize().columns) || null;
}

/** Columns by the variable that stands for them where no terminal tells them. */
function namedColumns(): number | null {
  if (!isGranted({ name: "env", variable: "COLUMNS" })) return null;
  const text = Deno.env.get("COLUMNS") ?? "";
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : null;
}

/** stderr, where progress goes. If it takes no more, as on a full disk, the run goes on unseen. */
export function terminal(): ProgressOutput {
  const write = (text: string) => void permitted(() => writeAll(Deno.stderr, text));
  return {
    write: (text) => write(betweenPaint(text, printable)),
    erase: () => write(ERASE),
    isTerminal: Deno.stderr.isTerminal(),
    layout: layoutOf("stderr"),
    now: () => performance.now(),
  };
}

/** Without these variables Mesa's driver prints a warning on a machine where no desktop runs. */
export function driverVariables(): Record<string, string> {
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.build.os !== "linux") return {};
  if (isGranted({ name: "env", variable }) && Deno.env.get(variable) !== undefined) return {};
  return { [variable]: "/tmp" };
}

/** Whether something is permitted already. If it is not, Deno would ask the user on a terminal, and wait. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function permitted<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null; // not permitted, not known on this system, or not possible now
  }
}
