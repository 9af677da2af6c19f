import { type Activation, ACTIVATIONS, type ClampedSwiglu } from "../kernels/activation.ts";
import { checkOneOf, kindOf, readOnce } from "../kernels/gpu/arguments.ts";

/** The longest expression of an activation: ten times the length of known formulas. */
const MOST_CHARACTERS = 4000;

/** The deepest that brackets may be nested in an activation's expression. */
const MOST_NESTED = 100;

/** The most parameters of an activation, far more than known formulas have. */
const MOST_PARAMETERS = 16;

/**
 * Copies an activation and checks it. Each part is read once, because the caller's own may change before backward or be a
 * getter.
 *
 * @throws {TypeError} If it is neither a name, nor values for a name, nor expressions, or has another property.
 * @throws {RangeError} If there is no such name, an expression is too long or deep, or a value is out of its range.
 */
export function readActivation(activation: unknown): Activation {
  if (typeof activation === "string") {
    checkOneOf("activation", activation, ACTIVATIONS);
    return activation as Activation;
  }
  if (typeof activation !== "object" || activation === null) return refuseActivation(activation);
  return "name" in activation ? readClamped(activation) : readCustom(activation);
}

function refuseActivation(activation: unknown): never {
  throw new TypeError(
    `Cannot use activation as it must be a name or have wgsl and derivative, both expressions of x: current value is ${
      kindOf(activation)
    }`,
  );
}

function readClamped(activation: object): ClampedSwiglu {
  const { name, ...given } = readOnce("activation", activation, ["name", "alpha", "limit", "shift"]);
  checkOneOf("activation.name", name, ["clamped_swiglu"]);
  const rules = {
    alpha: [(value: number) => value > 0 && value < Infinity, "a finite number above 0"],
    limit: [(value: number) => value > 0, "a number above 0, or Infinity for no limit"],
    shift: [Number.isFinite, "a finite number"],
  } as const;
  const values = Object.entries(rules)
    .map(([key, [allows, rule]]) => [key, given[key as keyof typeof rules], allows, rule] as const)
    .filter(([_, value]) => value !== undefined)
    .map(([key, value, allows, rule]) => [key, checkedValue(`activation.${key}`, value, { allows, rule })]);
  return { name: "clamped_swiglu", ...Object.fromEntries(values) };
}

function readCustom(activation: object): Activation {
  const { wgsl, derivative, parameters } = readOnce("activation", activation, [
    "wgsl",
    "derivative",
    "parameters",
  ]);
  if (!isText(wgsl) || !isText(derivative)) return refuseActivation(activation);
  checkExpression("activation.wgsl", wgsl);
  checkExpression("activation.derivative", derivative);
  return parameters === undefined
    ? { wgsl, derivative }
    : { wgsl, derivative, parameters: readParameters("activation.parameters", parameters, ["x"]) };
}

/**
 * Copies the values that WGSL expressions use by name.
 *
 * @param taken Names that mean something else in the expressions.
 * @throws {TypeError} If it is no object.
 * @throws {RangeError} If there are too many, a name is none of WGSL's or taken, or a value is no finite float32.
 */
export function readParameters(
  argument: string,
  parameters: unknown,
  taken: readonly string[],
): Readonly<Record<string, number>> {
  const names = typeof parameters === "object" && parameters !== null ? Object.keys(parameters) : [];
  const values = Object.entries(readOnce(argument, parameters, names));
  if (values.length > MOST_PARAMETERS) {
    throw new RangeError(
      `Cannot use ${argument} as there must be at most ${MOST_PARAMETERS}: current value has ${values.length}`,
    );
  }
  checkNames(argument, values.map(([name]) => name), taken);
  const finite = { allows: Number.isFinite, rule: "a finite number" };
  return Object.fromEntries(
    values.map(([name, value]) => [name, checkedValue(`${argument}.${name}`, value, finite)] as const),
  );
}

/**
 * Checks names that WGSL expressions use.
 *
 * @throws {RangeError} If one is no name in WGSL, or taken.
 */
export function checkNames(argument: string, names: readonly string[], taken: readonly string[] = []): void {
  const bad = names.find((name) => !/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || taken.includes(name));
  if (bad === undefined) return;
  const rule = [
    "letters, digits and _, a letter first",
    ...taken.length > 0 ? [`not ${taken.join(", ")}`] : [],
  ];
  throw new RangeError(
    `Cannot use ${argument} as each name must be ${rule.join(", and ")}: current value is ${
      bad.slice(0, 80)
    }`,
  );
}

/** A number as float32 holds it, if that is allowed. */
function checkedValue(
  argument: string,
  value: unknown,
  { allows, rule }: { allows: (value: number) => boolean; rule: string },
): number {
  if (typeof value === "number" && allows(Math.fround(value))) return Math.fround(value);
  throw new RangeError(
    `Cannot use ${argument} as it must be ${rule} in float32: current value is ${kindOf(value)}`,
  );
}

/**
 * Bounds the length and depth of an expression. A compiler recurses for each operator and bracket, and one that runs
 * out of stack ends the process: no error could be caught.
 *
 * @throws {RangeError} If it exceeds them.
 */
export function checkExpression(name: string, text: string): void {
  if (text.length > MOST_CHARACTERS) {
    throw new RangeError(
      `Cannot use ${name} as it must have at most ${MOST_CHARACTERS} characters: current value has ${text.length}`,
    );
  }
  let depth = 0, deepest = 0;
  for (const character of text) {
    if ("([{".includes(character)) deepest = Math.max(deepest, ++depth);
    else if (")]}".includes(character)) depth--;
  }
  if (deepest <= MOST_NESTED) return;
  throw new RangeError(
    `Cannot use ${name} as its brackets must be nested at most ${MOST_NESTED} deep: current value is ${deepest}`,
  );
}

/** Whether a value is a string that is not blank. */
export const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";
