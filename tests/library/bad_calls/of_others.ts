// deno-lint-ignore-file no-explicit-any no-sparse-arrays -- bad calls are those that the types forbid
import { explain, gatedLinearUnit, plan, Tensor } from "../../../mod.ts";
import { type Bad, block, disposed, gpu, halfGate, halfX, names } from "./setting.ts";

const { x, gate, down, gateUp } = block;
const alignment = gpu.capabilities.minStorageBufferOffsetAlignment;
const sizes = (problem: any, options?: any) => () =>
  explain(gpu, { tokens: 2, dim: 2, hiddenDim: 2, ...problem }, options);
const unit = (...args: any[]) => () => (gatedLinearUnit as any)(gpu, ...args);
const tensor = (shape: any, options?: any) => () => Tensor.empty(gpu, shape, options);
const values = (array: any, shape: any, options?: any) => () => Tensor.from(gpu, array, shape, options);
const wrap = (...args: any[]) => () => (Tensor.wrap as any)(gpu, ...args);

/** Bad calls of everything else by what is called. */
export const OF_OTHERS: Record<string, Bad[]> = {
  "problems": [
    [
      () => (explain as any)(gpu, null),
      TypeError,
      "use problem as it must be an object: current value is null",
    ],
    [
      sizes({ tokens: -1 }),
      RangeError,
      "use problem.tokens as it must be a whole number from 0 up: current value is -1",
    ],
    [
      sizes({ dim: 0 }),
      RangeError,
      "use problem.dim as it must be a whole number from 1 up: current value is 0",
    ],
    [
      sizes({ dim: -1 }),
      RangeError,
      "use problem.dim as it must be a whole number from 1 up: current value is -1",
    ],
    [
      sizes({ dim: 1.5 }),
      RangeError,
      "use problem.dim as it must be a whole number from 1 up: current value is 1.5",
    ],
    [
      sizes({ hiddenDim: NaN }),
      RangeError,
      "use problem.hiddenDim as it must be a whole number from 1 up: current value is NaN",
    ],
    [
      sizes({ hiddenDim: "9" }),
      RangeError,
      "use problem.hiddenDim as it must be a whole number from 1 up: current value is 9",
    ],
    [
      sizes({ dtype: "int8" }),
      RangeError,
      "use problem.dtype as it must be one of float32, float16, bfloat16: current value is int8",
    ],
    [
      sizes({ dtype: "bfloat16", weightDtype: "float16" }),
      RangeError,
      "use problem.weightDtype as it must be dtype, bfloat16, or one of both float32: current value is float16",
    ],
    [
      sizes({ activation: "elu" }),
      RangeError,
      `use activation as it must be one of ${names}: current value is elu`,
    ],
    [sizes({}, null), TypeError, "use options as it must be an object: current value is null"],
    [
      sizes({}, { weightForm: "fused" }),
      RangeError,
      "use weightForm as it must be one of separate, combined: current value is fused",
    ],
    [
      sizes({}, { layout: "in" }),
      RangeError,
      "use layout as it must be one of in,out, out,in: current value is in",
    ],
    [
      sizes({}, { interleaved: true }),
      RangeError,
      "use interleaved as weightForm must be combined: current value is separate",
    ],
    [
      () => plan(gpu, { tokens: 2, dim: 2, hiddenDim: 2, ...{ dType: "float16" } }),
      TypeError,
      "use problem.dType as problem may have tokens, dim, hiddenDim, dtype, weightDtype, activation, precision only",
    ],
    [
      () => plan(gpu, { tokens: 2, dim: 2, hiddenDim: 2 }, { training: true, ...{ encoder: null } }),
      TypeError,
      "use options.encoder as options may have activation, precision, implementation, memoryBudget, training, weightForm, layout, interleaved, output, wrt, into, tokensPerExpert only",
    ],
    [
      () => plan(gpu, { tokens: 2, dim: 2, hiddenDim: Infinity }),
      RangeError,
      "use problem.hiddenDim as it must be a whole number from 1 up: current value is Infinity",
    ],
  ],
  "gatedLinearUnit": [
    [unit(null, gateUp), TypeError, "use x as it must be a Tensor: current value is null"],
    [unit(x, null), TypeError, "use weight as it must be a Tensor: current value is null"],
    [unit(x, {}), TypeError, "use weight.gate as it must be a Tensor: current value is undefined"],
    [unit(x, { gate }), TypeError, "use weight.up as it must be a Tensor: current value is undefined"],
    ...["down", "gateBias"].map((name): Bad => [
      unit(x, { gate, up: gate, [name]: down }),
      TypeError,
      `use weight.${name} as weight may have gate, up, gateUp, layout, interleaved only`,
    ]),
    [unit(x, gate), RangeError, "use weight as its shape must be [20,2,18]: current value is [20,36]"],
    [
      unit(x, { gate, up: down }),
      RangeError,
      "use weight.up as its shape must be [20,36]: current value is [36,20]",
    ],
    [
      unit(x, { gate: down, up: down }),
      RangeError,
      'use weight.gate as its shape must be [20,20]: current value is [36,20], which would fit layout "out,in"',
    ],
    [
      unit(halfX, { gate: halfGate, up: halfGate }),
      TypeError,
      "use weight.gate as its dtype must be x's, bfloat16, or float32: current value is float16",
    ],
    [
      unit(x, gateUp, { precision: "low" }),
      RangeError,
      "use precision as it must be one of highest, default, tf32, fastest, float16-sums, strassen: current value is low",
    ],
  ],
  "tensors": [
    [
      values(new Float32Array(3), [2, 2]),
      RangeError,
      "make tensor as values must be the 4 elements of shape [2,2]: current value is 3",
    ],
    [
      values(undefined, [2]),
      RangeError,
      "make tensor as values must be the 2 elements of shape [2]: current value is undefined",
    ],
    [
      values([1, 2], [2]),
      TypeError,
      "fill tensor as values must be a Float32Array, Float64Array, Float16Array, Uint16Array or Uint8Array: current value is Array",
    ],
    [
      values(new Int32Array(2), [2]),
      TypeError,
      "fill tensor as values must be a Float32Array, Float64Array, Float16Array, Uint16Array or Uint8Array: current value is Int32Array",
    ],
    [
      values(new Uint16Array(2), [2]),
      TypeError,
      "fill tensor as a Uint16Array holds bits of float16 or bfloat16: current value of dtype is float32",
    ],
    ...[[2, 0], [0], [], [2.5], [NaN], [-3]].map((shape): Bad => [
      tensor(shape),
      RangeError,
      `make tensor as its shape must be whole numbers, the last from 1 up: current value is [${shape}]`,
    ]),
    ...[[[2, , 3], "[2,undefined,3]"], [[, 2], "[undefined,2]"], [[2, Symbol("s")], "[2,Symbol(s)]"]].map((
      [shape, value],
    ): Bad => [
      tensor(shape),
      RangeError,
      `make tensor as its shape must be whole numbers, the last from 1 up: current value is ${value as string}`,
    ]),
    [tensor([2], { dType: "float16" }), TypeError, "use options.dType as options may have dtype, label only"],
    [tensor([2], null), TypeError, "use options as it must be an object: current value is null"],
    [
      tensor([2], { label: Symbol("s") }),
      TypeError,
      "use label as it must be a string: current value is Symbol(s)",
    ],
    [
      () => (Tensor.wrap as any)(null, x.buffer, [2]),
      TypeError,
      "use gpu as it must be a Gpu: current value is null",
    ],
    [
      tensor(7),
      RangeError,
      "make tensor as its shape must be whole numbers, the last from 1 up: current value is 7",
    ],
    [
      tensor([2], { dtype: "int8" }),
      RangeError,
      "make tensor as dtype must be one of float32, float16, bfloat16: current value is int8",
    ],
    [wrap(null, [2]), TypeError, "wrap tensor as buffer must be a GPUBuffer: current value is null"],
    [
      wrap({ size: 64, usage: 8 }, [2]),
      RangeError,
      "wrap tensor as buffer.usage must include STORAGE: current value is 8",
    ],
    [
      wrap(x.buffer, [2], { byteOffset: 4 }),
      RangeError,
      `wrap tensor as byteOffset must be a multiple of ${alignment} (minStorageBufferOffsetAlignment): current value is 4`,
    ],
    [
      wrap(x.buffer, [960]),
      RangeError,
      "wrap tensor as buffer must hold its bytes up to 3840: current value is 960",
    ],
    [() => x.reshape([7]), RangeError, "reshape x as it has 240 elements: current value is [7]"],
    [
      () => x.write(new Float32Array(1)),
      RangeError,
      "write x as values must have 240 elements: current value is 1",
    ],
    [() => disposed.buffer, TypeError, "use tensor as it is disposed"],
  ],
};
