/**
 * Checks on untrusted JSON: each is a function of a value and its place, and throws a {@link ReportError} of one
 * line that names the file, the JSON path, the rule and the value.
 *
 * @module
 */

/** A report that cannot be read; its message is one line. */
export class ReportError extends Error {
  override name = "ReportError";
}

/** Where a value stands: the file's name and the JSON path. */
export interface Place {
  name: string;
  path: string;
}

/** Throws a {@link ReportError} unless the value keeps the rule. */
export type Check = (value: unknown, at: Place) => void;

/** Characters that move a cursor, ring a bell, or turn the direction of what follows; line breaks are among them. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu;

/** Text on one line, without control characters and directional overrides, cut to `length`. */
export function plain(text: string, length = 80): string {
  const flat = text.slice(0, 4 * length).replace(CONTROLS, " ");
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

/** Lines as a terminal may have them: what a report or a table of tiles holds cannot command it. */
export function printable(text: string): string {
  return text.split("\n").map((line) => line.replace(CONTROLS, " ")).join("\n");
}

/** A value as JSON on one line, the characters that {@link printable} takes away escaped: a terminal may have it whole. */
export function printableJson(value: unknown): string {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(CONTROLS, (characters) => Array.from(characters, escape).join(""));
}

/** A value in a few words: lists and objects by their kind, as printing them could be endless. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(plain(value, 40));
  return value === undefined ? "missing" : String(value);
}

/** Throws the one kind of error that this module knows. */
export function refuse(value: unknown, at: Place, rule: string): never {
  const name = plain(at.name, 200);
  throw new ReportError(
    `Cannot read the report ${name} as ${plain(at.path, 120)} must be ${rule}: current value is ${
      describe(value)
    }`,
  );
}

/** Any string. */
export const text: Check = (value, at) => {
  if (typeof value !== "string") refuse(value, at, "a string");
};

/** A string with something in it. */
export const filledText: Check = (value, at) => {
  if (typeof value !== "string" || value.trim() === "") refuse(value, at, "a string that is not empty");
};

/** True or false. */
export const flag: Check = (value, at) => {
  if (typeof value !== "boolean") refuse(value, at, "true or false");
};

/** Nothing is measured beyond these; within them neither products nor ratios of two figures leave a double. */
const LEAST = 1e-60, MOST = 1e60;

/** 0, or a number from 1e-60 to 1e60. */
export const amount: Check = (value, at) => {
  if (value !== 0 && !isFigure(value)) refuse(value, at, `0 or a number from ${LEAST} to ${MOST}`);
};

/** A number from 1e-60 to 1e60. */
export const positive: Check = (value, at) => {
  if (!isFigure(value)) refuse(value, at, `a number from ${LEAST} to ${MOST}`);
};

function isFigure(value: unknown): boolean {
  return typeof value === "number" && value >= LEAST && value <= MOST;
}

/** A whole number of at least 1 that a double holds exactly. */
export const count: Check = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    refuse(value, at, "a whole number of at least 1");
  }
};

/** A whole number of at least 0 that a double holds exactly. */
export const byteCount: Check = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    refuse(value, at, "a whole number of at least 0");
  }
};

/** One of the given strings. */
export function oneOf(choices: readonly string[]): Check {
  return (value, at) => {
    if (typeof value !== "string" || !choices.includes(value)) {
      refuse(value, at, choices.map((choice) => JSON.stringify(choice)).join(" or "));
    }
  };
}

/** Null, or what the other check lets through. */
export function nullable(check: Check): Check {
  return (value, at) => {
    if (value !== null) check(value, at);
  };
}

/** A list whose every element passes. */
export function list(check: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(value, at, "a list");
    value.forEach((element, i) => check(element, { name: at.name, path: `${at.path}[${i}]` }));
  };
}

/** An object with any names whose every value passes. */
export function dictionary(check: Check): Check {
  return (value, at) => {
    for (const [key, element] of Object.entries(object(value, at))) {
      check(element, { name: at.name, path: `${at.path}[${JSON.stringify(plain(key, 40))}]` });
    }
  };
}

/** An object with all the required names and some of the optional ones; names that are not listed are let be. */
export function record(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  return (value, at) => {
    const own = object(value, at);
    for (const [key, check] of Object.entries(required)) {
      check(Object.hasOwn(own, key) ? own[key] : undefined, { name: at.name, path: `${at.path}.${key}` });
    }
    for (const [key, check] of Object.entries(optional)) {
      if (Object.hasOwn(own, key)) check(own[key], { name: at.name, path: `${at.path}.${key}` });
    }
  };
}

function object(value: unknown, at: Place): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(value, at, "an object");
  }
  return value as Record<string, unknown>;
}
