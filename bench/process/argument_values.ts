/**
 * Values of arguments, each checked against its rule.
 *
 * @module
 */

import { type FlagName, FLAGS } from "./flags.ts";
import { orMeant } from "../report/nearest.ts";
import { plain } from "../report/shape.ts";
import { enumerate } from "../report/text.ts";

/** An argument that cannot be used; its message is one line that names it and says what is accepted. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The value if it is one of those accepted. */
export function oneOf<T extends string>(name: FlagName, text: string, accepted: readonly T[]): T {
  const found = accepted.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot use --${name} as it must be ${either(accepted)}: current value is ${quote(text)}${
      orMeant(text, accepted)
    }`,
  );
}

/** The values of a comma list, or `all`, in the order of those accepted. */
export function listOf<T extends string>(name: FlagName, text: string, accepted: readonly T[]): T[] {
  if (text.trim() === "all") return [...accepted];
  const names = text.split(",").map((part) => part.trim());
  for (const part of names) {
    if (accepted.some((choice) => choice === part)) continue;
    throw new UsageError(
      `Cannot use --${name} as each name in its comma list must be ${either(accepted)}: current value is ${
        quote(part)
      }${orMeant(part, accepted)}`,
    );
  }
  return accepted.filter((choice) => names.includes(choice));
}

/** What a number may be. */
export interface Limits {
  least: number;
  most: number;
  whole?: boolean;
}

/** A number in decimal digits, without exponent. */
export function numberOf(name: FlagName, text: string, { least, most, whole = false }: Limits): number {
  const value = (whole ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const kind = whole ? "a whole number" : "a number";
  throw new UsageError(
    `Cannot use --${name} as it must be ${kind} from ${least} to ${most}: current value is ${quote(text)}`,
  );
}

const BYTE_UNITS: Record<string, number> = {
  "": 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A size such as `800000000` or `1.5GiB`. */
export function bytesOf(name: FlagName, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  const unit = match !== null && Object.hasOwn(BYTE_UNITS, match[2]) ? BYTE_UNITS[match[2]] : NaN;
  const bytes = Math.floor(Number(match?.[1]) * unit);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(
    `Cannot use --${name} as it must be a number of bytes such as 800000000 or 1.5GiB: current value is ${
      quote(text)
    }`,
  );
}

function either(accepted: readonly string[]): string {
  if (accepted.length === 0) return "left out (none is available)";
  return enumerate(accepted).replace(/ and (?=[^ ]+$)/, " or ");
}

/** How an argument is written and what it means. */
export function formOf(name: FlagName): string {
  const flag = FLAGS.find((flag) => flag.name === name)!;
  return `--${name} ${flag.value}, ${flag.help[0].toLowerCase()}${flag.help.slice(1)}`;
}

/** Text on one line, in quotes. */
export function quote(text: string): string {
  return JSON.stringify(plain(text, 60));
}
