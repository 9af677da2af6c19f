/** Counts steps of work. Unlike time, a busy machine does not change them. */

type Method = (this: unknown, ...values: unknown[]) => unknown;

/** Look-ups, changes and steps of iteration of maps, sets and arrays. */
const COUNTED: readonly (readonly [object, readonly string[]])[] = [
  [Map.prototype, ["get", "has", "set", "delete"]],
  [Set.prototype, ["has", "add", "delete"]],
  [Object.getPrototypeOf(new Map().entries()), ["next"]],
  [Object.getPrototypeOf(new Set().values()), ["next"]],
  [Object.getPrototypeOf([].values()), ["next"]],
];

/** Array methods that look at each element. */
const SCANS = ["some", "find", "findIndex", "findLast", "findLastIndex", "filter", "map", "forEach"] as const;

/** The steps on maps, sets and arrays that a call takes. */
export function countingSteps(work: () => void): number {
  let steps = 0;
  const restore: (() => void)[] = [];
  const replace = (on: object, name: string, count: (self: unknown) => number) => {
    const methods = on as Record<string, Method>;
    const own = methods[name];
    methods[name] = function (...values) {
      steps += count(this);
      return own.apply(this, values);
    };
    restore.push(() => methods[name] = own);
  };
  for (const [on, names] of COUNTED) for (const name of names) replace(on, name, () => 1);
  for (const name of SCANS) replace(Array.prototype, name, (self) => (self as unknown[]).length);
  try {
    work();
  } finally {
    for (const each of restore) each();
  }
  return steps;
}
