/**
 * What NVIDIA's own tool tells of a GPU, if it is installed: the driver's version, and a second opinion on memory in use.
 *
 * @module
 */

import { isGranted } from "./machine.ts";
import type { DriverReport } from "../report/schema.ts";

const TOOL = "nvidia-smi";

const FIELDS = ["name", "driver_version", "memory.used", "clocks.sm", "temperature.gpu"];

/** Units of `nvidia-smi --format=nounits`. */
const MEBIBYTE = 2 ** 20;

/**
 * Reads one answer of `nvidia-smi`: the line of the GPU with this name, the first one if several have it.
 *
 * @returns null if no line fits.
 */
export function parseAnswer(text: string, device: string): DriverReport | null {
  for (const line of text.trim().split("\n")) {
    const [name, version, used, clock, temperature] = line.split(",").map((field) => field.trim());
    if (name === "" || version === undefined || !device.includes(name)) continue;
    return {
      version: `nvidia ${version}`,
      usedBytes: amount(used, MEBIBYTE),
      clockMhz: amount(clock, 1),
      temperatureCelsius: amount(temperature, 1),
    };
  }
  return null;
}

/** A figure, or null: what the tool does not know it writes as words. */
function amount(text: string | undefined, unit: number): number | null {
  const value = Number(text);
  return text !== undefined && text !== "" && Number.isFinite(value) && value >= 0 ? value * unit : null;
}

/** Asks the tool about a GPU. Null if the tool is missing, may not be run, or does not know the GPU. */
export async function askNvidia(device: string): Promise<DriverReport | null> {
  if (!/nvidia/i.test(device) || !isGranted({ name: "run", command: TOOL })) return null;
  try {
    const args = [`--query-gpu=${FIELDS.join()}`, "--format=csv,noheader,nounits"];
    const { success, stdout } = await new Deno.Command(TOOL, { args, stderr: "null" }).output();
    return success ? parseAnswer(new TextDecoder().decode(stdout), device) : null;
  } catch {
    return null;
  }
}
