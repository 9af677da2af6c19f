/**
 * Checks of untrusted JSON. Each is a function of a value and its place. It throws a {@link ReportError} of one line, which
 * names the file, the JSON path, the rule and the value.
 *
 * @module
 */

/** A report that cannot be read; its message is one line. */
export class ReportError extends Error {
  override name = "ReportError";
}

/** The place of a value: the file's name and the JSON path. */
export interface ValuePlace {
  name: string;
  path: string;
}

/** Throws a {@link ReportError} unless the value keeps the rule. A value that passes has the type `T`. */
export interface Check<T = unknown> {
  (value: unknown, at: ValuePlace): void;
  /** For types only. It is never set. */
  readonly of?: T;
  /** The fields of a record, in the order of their declaration. */
  readonly fields?: Fields;
  /** The check that each element of a list must pass. */
  readonly element?: Check;
  /** Whether a record may lack the field. */
  readonly optional?: boolean;
}

/** Checks by the names of a record's fields. */
export type Fields = Readonly<Record<string, Check>>;

/** A check of a field that a record may lack. */
export type Optional<T> = Check<T> & { readonly optional: true };

/** The type of what passes a check. */
export type TypeOf<C extends Check> = C extends Check<infer T> ? T : never;

/** The type of a record of these fields. */
export type RecordOf<F extends Fields> =
  & { [K in keyof F as F[K] extends { readonly optional: true } ? never : K]: TypeOf<F[K]> }
  & { [K in keyof F as F[K] extends { readonly optional: true } ? K : never]?: TypeOf<F[K]> };

/** Characters that control a terminal: they move a cursor, ring a bell or turn the direction of text. Line breaks too. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu;

/** Text on one line, cut to `length` characters. Control characters become spaces. */
export function plain(text: string, length = 80): string {
  const flat = text.slice(0, 4 * length).replace(CONTROLS, " ");
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

/** Lines that are safe to print: control characters in them, which a report may hold, become spaces. */
export function printable(text: string): string {
  return text.split("\n").map((line) => line.replace(CONTROLS, " ")).join("\n");
}

/** A value as JSON on one line that is safe to print. Control characters are escaped, so that nothing is lost. */
export function printableJson(value: unknown): string {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(CONTROLS, (characters) => Array.from(characters, escape).join(""));
}

/** A value in a few words. Of lists and objects it tells only the kind, because they may be very long. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(plain(value, 40));
  return value === undefined ? "missing" : String(value);
}

/** Throws a {@link ReportError} about a value that breaks a rule. */
export function refuse(value: unknown, at: ValuePlace, rule: string): never {
  const name = plain(at.name, 200);
  throw new ReportError(
    `Cannot read the report ${name} as ${plain(at.path, 120)} must be ${rule}: current value is ${
      describe(value)
    }`,
  );
}

/** Any string. */
export const text: Check<string> = (value, at) => {
  if (typeof value !== "string") refuse(value, at, "a string");
};

/** A string with something in it. */
export const filledText: Check<string> = (value, at) => {
  if (typeof value !== "string" || value.trim() === "") refuse(value, at, "a string that is not empty");
};

/** True or false. */
export const flag: Check<boolean> = (value, at) => {
  if (typeof value !== "boolean") refuse(value, at, "true or false");
};

/** No measurement lies beyond these. Within them, no product or ratio of two figures overflows or underflows a double. */
const LEAST = 1e-60, MOST = 1e60;

/** 0, or a number from 1e-60 to 1e60. */
export const amount: Check<number> = (value, at) => {
  if (value !== 0 && !isFigure(value)) refuse(value, at, `0 or a number from ${LEAST} to ${MOST}`);
};

/** A number from 1e-60 to 1e60. */
export const positive: Check<number> = (value, at) => {
  if (!isFigure(value)) refuse(value, at, `a number from ${LEAST} to ${MOST}`);
};

function isFigure(value: unknown): boolean {
  return typeof value === "number" && value >= LEAST && value <= MOST;
}

/** A whole number of at least 1 that a double holds exactly. */
export const count: Check<number> = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    refuse(value, at, "a whole number of at least 1");
  }
};

/** A whole number of at least 0 that a double holds exactly. */
export const byteCount: Check<number> = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    refuse(value, at, "a whole number of at least 0");
  }
};

/** One of the given strings. */
export function oneOf<T extends string>(choices: readonly T[]): Check<T> {
  return (value, at) => {
    if (typeof value !== "string" || !choices.includes(value as T)) {
      refuse(value, at, choices.map((choice) => JSON.stringify(choice)).join(" or "));
    }
  };
}

/** Null, or what passes the other check. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  const { fields, element } = check;
  return Object.assign((value: unknown, at: ValuePlace) => {
    if (value !== null) check(value, at);
  }, { fields, element });
}

/** As the other check, but a record may lack the field. */
export function optional<T>(check: Check<T>): Optional<T> {
  const { fields, element } = check;
  return Object.assign((value: unknown, at: ValuePlace) => check(value, at), {
    fields,
    element,
    optional: true as const,
  });
}

/** A list whose every element passes. */
export function list<T>(element: Check<T>): Check<T[]> {
  return Object.assign((value: unknown, at: ValuePlace) => {
    if (!Array.isArray(value)) return refuse(value, at, "a list");
    value.forEach((one, i) => element(one, { name: at.name, path: `${at.path}[${i}]` }));
  }, { element });
}

/** Two numbers, the lower first. */
export function interval(end: Check<number>): Check<[number, number]> {
  const both = list(end);
  return (value, at) => {
    both(value, at);
    const ends = value as number[];
    if (ends.length !== 2) refuse(value, at, "a list of two numbers");
    if (ends[0] > ends[1]) refuse(ends.join(", "), at, "an interval whose first end is the lower");
  };
}

/** Anything that is neither a list nor an object. */
export const scalar: Check<string | number | boolean | null> = (value, at) => {
  if (value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)) return;
  refuse(value, at, "a string, a number, true, false or null");
};

/** A check with one more rule, about several fields together. */
export function rule<C extends Check>(check: C, more: (value: TypeOf<C>, at: ValuePlace) => void): C {
  const both = (value: unknown, at: ValuePlace) => {
    check(value, at);
    more(value as TypeOf<C>, at);
  };
  return Object.assign(both, { fields: check.fields }) as unknown as C;
}

/** An object with any names. Each value must pass. */
export function dictionary<T>(check: Check<T>): Check<Record<string, T>> {
  return (value, at) => {
    for (const [key, element] of Object.entries(object(value, at))) {
      check(element, { name: at.name, path: `${at.path}[${JSON.stringify(plain(key, 40))}]` });
    }
  };
}

/** An object that has all fields; only optional ones may be missing. Names that are not listed are ignored. */
export function record<F extends Fields>(fields: F): Check<RecordOf<F>> & { readonly fields: F } {
  const check = (value: unknown, at: ValuePlace) => {
    const own = object(value, at);
    for (const [key, field] of Object.entries(fields)) {
      const has = Object.hasOwn(own, key);
      if (!has && field.optional) continue;
      field(has ? own[key] : undefined, { name: at.name, path: `${at.path}.${key}` });
    }
  };
  return Object.assign(check, { fields });
}

function object(value: unknown, at: ValuePlace): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(value, at, "an object");
  }
  return value as Record<string, unknown>;
}
