/**
 * Variants of the user's own, from the modules that `--variant` names. They are measured and checked like those here.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileURLToPath, pathToFileURL } from "node:url";
import { traced } from "../../variants/traced.ts";
import type { Variant } from "../../variants/variant.ts";
import { quote, UsageError } from "../process/argument_values.ts";
import { readWhole } from "../process/files.ts";
import { plain } from "../report/shape.ts";
import { enumerate } from "../report/text.ts";

/** What each property of a variant must be. */
const RULES: Readonly<Record<string, { rule: string; holds: (value: unknown) => boolean }>> = {
  id: {
    rule: "a name of letters, digits, dots, dashes and underscores",
    holds: (value) =>
      typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value) && value !== "all",
  },
  origin: { rule: "a text", holds: isText },
  idea: { rule: "a text", holds: isText },
  saves: { rule: "a list of texts", holds: (value) => Array.isArray(value) && value.every(isText) },
  weightForm: {
    rule: '"separate", "combined" or "either"',
    holds: (value) => ["separate", "combined", "either"].some((form) => form === value),
  },
  refuses: { rule: "a function", holds: isFunction },
  forward: { rule: "a function", holds: isFunction },
  backward: { rule: "a function", holds: isFunction },
};

/** Hexadecimal digits that tell one text from another. */
const DIGEST_LENGTH = 16;

/** Deno's messages have colours. */
const COLOURS = /\p{Cc}\[[\d;]*m/gu;

/** An object with any of these was meant as a variant. */
const TELLING = ["forward", "backward", "weightForm"];

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** The URL of a module that `--variant` names by a path or a URL. */
export function moduleUrl(name: string): string {
  return /^[a-z]{2,}:/i.test(name) ? name : pathToFileURL(name).href;
}

/**
 * A digest of the text of modules: rows of one text do not compare with rows of another. What they import is not in it.
 *
 * @throws {FileError} If a file cannot be read.
 */
export function modulesDigest(modules: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of modules) {
    const url = moduleUrl(name);
    hash.update(url.startsWith("file:") ? readWhole(fileURLToPath(url)) : url);
  }
  return hash.digest("hex").slice(0, DIGEST_LENGTH);
}

/** What the user's modules print would stand between events, tables or a report on stdout: it goes to stderr. */
function printToStderr(): void {
  console.log = console.info = console.debug = console.error;
}

/**
 * The variants that modules export, in the order of the modules. From then on, what they print goes to stderr.
 *
 * @param taken Ids that other variants have.
 * @throws {UsageError} If a module does not load, exports no variant, or one that is not whole or whose id is taken.
 */
export async function ownVariants(modules: readonly string[], taken: readonly string[]): Promise<Variant[]> {
  const found: Variant[] = [];
  if (modules.length > 0) printToStderr();
  for (const name of modules) {
    const variants = variantsOf(name, await loaded(name));
    for (const { id } of variants) {
      if (![...taken, ...found.map(({ id }) => id)].includes(id)) continue;
      refuse(name, `the id of each variant must be its own: ${quote(id)} is taken`);
    }
    found.push(...variants);
  }
  return found.map(traced);
}

async function loaded(name: string): Promise<Record<string, unknown>> {
  try {
    return await import(moduleUrl(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return refuse(name, `the module must load: ${plain(reason.replaceAll(COLOURS, ""), 400)}`);
  }
}

function variantsOf(name: string, module: Record<string, unknown>): Variant[] {
  const values = new Map<unknown, string>();
  for (const [key, value] of Object.entries(module)) {
    for (const item of Array.isArray(value) ? value : [value]) values.set(item, key);
  }
  const meant = [...values].filter(([value]) => isMeant(value));
  if (meant.length === 0) {
    const exported = Object.keys(module);
    refuse(
      name,
      `the module must export a variant, an object with ${enumerate(Object.keys(RULES))}: it exports ${
        exported.length === 0 ? "nothing" : plain(enumerate(exported, 6), 100)
      }`,
    );
  }
  for (const [value, key] of meant) ensureWhole(value as object, { name, key });
  return meant.map(([value]) => value as Variant);
}

function isMeant(value: unknown): boolean {
  return typeof value === "object" && value !== null && TELLING.some((key) => key in value);
}

function ensureWhole(value: object, { name, key }: { name: string; key: string }): void {
  for (const [property, { rule, holds }] of Object.entries(RULES)) {
    const current = (value as Record<string, unknown>)[property];
    if (holds(current)) continue;
    const shown = typeof current === "string" ? quote(current) : plain(String(current), 60);
    refuse(name, `${property} of its export ${plain(key, 40)} must be ${rule}: current value is ${shown}`);
  }
}

function refuse(name: string, rule: string): never {
  throw new UsageError(`Cannot use --variant ${plain(name, 200)} as ${rule}`);
}
