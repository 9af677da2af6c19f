/**
 * Checks of arguments of public calls. Callers without types may pass anything, even proxies and getters that throw.
 */

/** Describes a value in few characters, for an error message. */
export function kindOf(value: unknown): string {
  try {
    if (typeof value === "function") return "a function";
    if (value === null || typeof value !== "object") return String(value).slice(0, 80);
    const { name } = value.constructor;
    return typeof name === "string" && name !== "" ? name.slice(0, 80) : "object";
  } catch {
    return "object";
  }
}

/** Whether a value is a command encoder, of whatever implementation of WebGPU. */
export function isEncoder(value: unknown): value is GPUCommandEncoder {
  return typeof (value as GPUCommandEncoder | null)?.beginComputePass === "function";
}

/**
 * Copies the named properties of an object. Each is read once, as a getter may give another value the next time.
 *
 * @throws {TypeError} If it is no object, or has an own property that is not among the names.
 */
export function readOnce<Name extends string>(
  argument: string,
  value: unknown,
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Cannot use ${argument} as it must be an object: current value is ${kindOf(value)}`);
  }
  const stray = Object.keys(value).find((key) => !names.some((name) => name === key));
  if (stray !== undefined) {
    throw new TypeError(
      `Cannot use ${argument}.${stray.slice(0, 80)} as ${argument} may have ${names.join(", ")} only`,
    );
  }
  const given = value as Record<Name, unknown>;
  return Object.fromEntries(names.map((name) => [name, given[name]])) as Partial<Record<Name, unknown>>;
}

/**
 * Checks a value against a list of names.
 *
 * @throws {RangeError} If it is none of them.
 */
export function checkOneOf(name: string, value: unknown, values: readonly string[]): void {
  if (typeof value === "string" && values.includes(value)) return;
  throw new RangeError(
    `Cannot use ${name} as it must be one of ${values.join(", ")}: current value is ${kindOf(value)}`,
  );
}
