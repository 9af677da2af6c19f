import { kindOf, readOnce } from "../kernels/gpu/arguments.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { checkShape, checkTensor } from "./checks.ts";
import { type GradientName, inputOf } from "./gradients.ts";

/**
 * Reads the inputs that are differentiated by, as the gradients that are wanted; none if these are all.
 *
 * @throws {TypeError} If it is no array.
 * @throws {RangeError} If it is empty, or one is no input of the block.
 */
export function readWrt(wrt: unknown, names: readonly GradientName[]): ReadonlySet<GradientName> | undefined {
  if (wrt === undefined) return undefined;
  const rule = `an array of ${names.map(inputOf).join(", ")}, of one at least`;
  if (!Array.isArray(wrt)) {
    throw new TypeError(`Cannot use wrt as it must be ${rule}: current value is ${kindOf(wrt)}`);
  }
  const inputs = Array.from(wrt.slice(0, 16));
  const stray = inputs.find((input) => !names.some((name) => inputOf(name) === input));
  if (inputs.length === 0 || stray !== undefined || inputs.includes(undefined)) {
    const current = inputs.length === 0 ? "none" : kindOf(stray);
    throw new RangeError(`Cannot use wrt as it must be ${rule}: current value is ${current}`);
  }
  const wanted = names.filter((name) => inputs.includes(inputOf(name)));
  return wanted.length === names.length ? undefined : new Set(wanted);
}

/** The properties of `into`: by the names of gradients that are wanted. */
function readInto(
  into: unknown,
  wanted: readonly GradientName[],
): [GradientName, unknown][] {
  if (into === undefined) return [];
  const given = Object.entries(readOnce("into", into, wanted)) as [GradientName, unknown][];
  return given.filter(([_, value]) => value !== undefined);
}

/** What a caller's tensors that gradients are added to must fit. */
export interface Targets {
  readonly wanted: readonly GradientName[];
  /** The shape of each gradient. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The type of a new gradient. */
  readonly dtypeOf: (name: GradientName) => DType;
  /** The tensors that the call reads, by name. */
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/**
 * Reads and checks the tensors that gradients are added to.
 *
 * @throws {TypeError} If one is not usable, of another gradient or dtype, or shares bytes with an input or another.
 * @throws {RangeError} If one has another shape than its gradient.
 */
export function checkInto(
  gpu: Gpu,
  into: unknown,
  { wanted, shapes, dtypeOf, inputs }: Targets,
): Partial<Record<GradientName, Tensor>> {
  const read = readInto(into, wanted);
  for (const [name, tensor] of read) {
    checkTensor(gpu, tensor, `into.${name}`);
    checkShape(tensor, `into.${name}`, shapes[name]);
    checkTargetType(`into.${name}`, tensor.dtype, dtypeOf(name));
  }
  const targets = Object.fromEntries(read) as Partial<Record<GradientName, Tensor>>;
  checkApart(targets, inputs);
  return targets;
}

/**
 * Checks that tensors which are written share no bytes with others.
 *
 * @throws {TypeError} If they do.
 */
export function checkApart(
  into: Partial<Record<GradientName, Tensor>>,
  inputs: Readonly<Record<string, Tensor>>,
): void {
  const targets = Object.entries(into).map(([name, tensor]) => [`into.${name}`, tensor] as const);
  targets.forEach(([name, tensor], i) => {
    const others = [...Object.entries(inputs), ...targets.slice(0, i)];
    const other = others.find(([_, other]) => overlap(tensor, other));
    if (!other) return;
    throw new TypeError(
      `Cannot use ${name} as it must share no bytes with another argument: current value shares some with ${
        other[0]
      }`,
    );
  });
}

function overlap(a: Tensor, b: Tensor): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength;
}

function checkTargetType(name: string, given: unknown, dtype: DType): asserts given is DType {
  if (given === "float32" || given === dtype) return;
  const rule = dtype === "float32" ? "float32" : `float32 or ${dtype}`;
  throw new TypeError(`Cannot use ${name} as its dtype must be ${rule}: current value is ${kindOf(given)}`);
}

/**
 * Reads the types of tensors that gradients are added to, for a plan.
 *
 * @throws {TypeError} If it is no object, has another gradient, or one is of another type than a call allows.
 */
export function readTargetTypes(
  into: unknown,
  { wanted, dtypeOf }: Pick<Targets, "wanted" | "dtypeOf">,
): Partial<Record<GradientName, DType>> {
  const read = readInto(into, wanted);
  for (const [name, type] of read) checkTargetType(`into.${name}`, type, dtypeOf(name));
  return Object.fromEntries(read) as Partial<Record<GradientName, DType>>;
}
