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

/** Throws a {@link ReportError} unless the value keeps the rule; what passes has the type `T`. */
export interface Check<T = unknown> {
  (value: unknown, at: Place): void;
  /** For types only: nothing is ever there. */
  readonly of?: T;
  /** The fields of a record, in the order of their declaration. */
  readonly fields?: Fields;
  /** Of a list: what each element must pass. */
  readonly element?: Check;
  /** Whether a record may lack it. */
  readonly optional?: boolean;
}

/** Checks by the names of a record's fields. */
export type Fields = Readonly<Record<string, Check>>;

/** A check that says that a record may lack the field. */
export type Optional<T> = Check<T> & { readonly optional: true };

/** What passes a check. */
export type TypeOf<C extends Check> = C extends Check<infer T> ? T : never;

/** What passes a record of these fields. */
export type RecordOf<F extends Fields> =
  & { [K in keyof F as F[K] extends { readonly optional: true } ? never : K]: TypeOf<F[K]> }
  & { [K in keyof F as F[K] extends { readonly optional: true } ? K : never]?: TypeOf<F[K]> };

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

/** Nothing is measured beyond these; within them neither products nor ratios of two figures leave a double. */
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

/** Null, or what the other check lets through. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  const { fields, element } = check;
  return Object.assign((value: unknown, at: Place) => {
    if (value !== null) check(value, at);
  }, { fields, element });
}

/** As the other check; but a record may lack the field. */
export function optional<T>(check: Check<T>): Optional<T> {
  const { fields, element } = check;
  return Object.assign((value: unknown, at: Place) => check(value, at), {
    fields,
    element,
    optional: true as const,
  });
}

/** A list whose every element passes. */
export function list<T>(element: Check<T>): Check<T[]> {
  return Object.assign((value: unknown, at: Place) => {
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

/** A check with one rule more, about fields together. */
export function rule<C extends Check>(check: C, more: (value: TypeOf<C>, at: Place) => void): C {
  const both = (value: unknown, at: Place) => {
    check(value, at);
    more(value as TypeOf<C>, at);
  };
  return Object.assign(both, { fields: check.fields }) as unknown as C;
}

/** An object with any names whose every value passes. */
export function dictionary<T>(check: Check<T>): Check<Record<string, T>> {
  return (value, at) => {
    for (const [key, element] of Object.entries(object(value, at))) {
      check(element, { name: at.name, path: `${at.path}[${JSON.stringify(plain(key, 40))}]` });
    }
  };
}

/** An object with all fields but the optional ones; names that are not listed are let be. */
export function record<F extends Fields>(fields: F): Check<RecordOf<F>> & { readonly fields: F } {
  const check = (value: unknown, at: Place) => {
    const own = object(value, at);
    for (const [key, field] of Object.entries(fields)) {
      const has = Object.hasOwn(own, key);
      if (!has && field.optional) continue;
      field(has ? own[key] : undefined, { name: at.name, path: `${at.path}.${key}` });
    }
  };
  return Object.assign(check, { fields });
}

function object(value: unknown, at: Place): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(value, at, "an object");
  }
  return value as Record<string, unknown>;
}
