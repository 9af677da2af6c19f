// deno-lint-ignore-file no-explicit-any -- bad calls are those that the types forbid
import {
  explain,
  gatedLinearUnit,
  gatedLinearUnitWithGrad,
  swiglu,
  swigluWithGrad,
  variants,
} from "../../../mod.ts";
import {
  type Bad,
  block,
  call,
  disposed,
  foreign,
  gone,
  gpu,
  half,
  halfGate,
  halfX,
  names,
  option,
  weights,
} from "./setting.ts";

const { x, gate, up, down, gateUp } = block;
const weight = (parts: any) => call(x, { ...weights, ...parts });
const ids = variants.map(({ id }) => id).join(", ");
const circular: Record<string, unknown> = {};
circular.self = circular;
const expressions = "it must be a name or have wgsl and derivative, both expressions of x";

/** Bad calls of swiglu by the argument that is bad. */
export const OF_SWIGLU: Record<string, Bad[]> = {
  "the device": [
    [
      () => (swiglu as any)(null, x, weights),
      TypeError,
      "use gpu as it must be a Gpu: current value is null",
    ],
    [
      () => (swiglu as any)({}, x, weights),
      TypeError,
      "use gpu as it must be a Gpu: current value is Object",
    ],
    [
      () => swiglu(gone, x, weights),
      TypeError,
      "use gpu as it must not be disposed: current value is disposed",
    ],
    [
      () => (explain as any)("gpu", {}),
      TypeError,
      "use gpu as it must be a Gpu: current value is gpu",
    ],
    [
      () => (gatedLinearUnit as any)(1, x, gateUp),
      TypeError,
      "use gpu as it must be a Gpu: current value is 1",
    ],
  ],
  "x": [
    [call(null, weights), TypeError, "use x as it must be a Tensor: current value is null"],
    [call(undefined, weights), TypeError, "use x as it must be a Tensor: current value is undefined"],
    [
      call(new Float32Array(4), weights),
      TypeError,
      "use x as it must be a Tensor: current value is Float32Array",
    ],
    [call([1, 2], weights), TypeError, "use x as it must be a Tensor: current value is Array"],
    [call(disposed, weights), TypeError, "use x as it must not be disposed: current value is disposed"],
    [call(foreign, weights), TypeError, "use x as it must be of this Gpu: current value is of another"],
    [
      call(halfX, { gate: half, up: half, down: half, layout: "out,in" }),
      RangeError,
      "use weights.down as its shape must be [20,36]: current value is [36,20]",
    ],
    [
      call(halfX, { gate: halfGate, up: halfGate, down: half }),
      TypeError,
      "use weights.gate as its dtype must be x's, bfloat16, or float32: current value is float16",
    ],
    [
      call(gate, weights),
      RangeError,
      'use weights.gate as its shape must be [36,36]: current value is [20,36], which would fit layout "out,in"',
    ],
  ],
  "weights": [
    [
      call(x, null),
      TypeError,
      "use weights as they must be { gate, up, down } or { gateUp, down }: current value is null",
    ],
    [
      call(x, "gate"),
      TypeError,
      "use weights as they must be { gate, up, down } or { gateUp, down }: current value is gate",
    ],
    [call(x, {}), TypeError, "use weights.gate as it must be a Tensor: current value is undefined"],
    [call(x, { gate, down }), TypeError, "use weights.up as it must be a Tensor: current value is undefined"],
    [call(x, { gateUp }), TypeError, "use weights.down as it must be a Tensor: current value is undefined"],
    [
      call(x, { gateUp: 3, down }),
      TypeError,
      "use weights.gateUp as it must be a Tensor: current value is 3",
    ],
    [
      call(x, { ...weights, gateUp }),
      TypeError,
      "use weights as they must have either gateUp or gate and up: current value has both",
    ],
    ...["gateBias", "upBias", "downBias", "b1", "w1"].map((name): Bad => [
      weight({ [name]: gate }),
      TypeError,
      `use weights.${name} as weights may have gate, up, gateUp, down, layout, interleaved only`,
    ]),
    [
      call(x, { gateUp, down, gate_up_proj_bias: gate }),
      TypeError,
      "use weights.gate_up_proj_bias as weights may have gate, up, gateUp, down, layout, interleaved only",
    ],
    [
      weight({ layout: "out-in" }),
      RangeError,
      "use weights.layout as it must be one of in,out, out,in: current value is out-in",
    ],
    [
      weight({ interleaved: true }),
      TypeError,
      "use weights.interleaved as gate and up must be one tensor, gateUp: current value is two",
    ],
    [
      call(x, { gateUp, down, interleaved: 1 }),
      TypeError,
      "use weights.interleaved as it must be true or false: current value is 1",
    ],
    [
      call(x, { gate: down, up: down, down: gate }),
      RangeError,
      'use weights.gate as its shape must be [20,20]: current value is [36,20], which would fit layout "out,in"',
    ],
    [
      weight({ layout: "out,in" }),
      RangeError,
      'use weights.gate as its shape must be [20,20]: current value is [20,36], which would fit layout "in,out"',
    ],
    [
      call(x, { gateUp, down, interleaved: true }),
      RangeError,
      "use weights.gateUp as its shape must be [20,36,2]: current value is [20,2,36], which would fit interleaved false",
    ],
    [
      call(x, { gateUp, down, layout: "out,in", interleaved: true }),
      RangeError,
      'use weights.gateUp as its shape must be [72,20]: current value is [20,2,36], which would fit layout "in,out" and interleaved false',
    ],
    [
      weight({ gate: down }),
      RangeError,
      "use weights.gate as its shape must be [20,20]: current value is [36,20]",
    ],
    [
      weight({ up: down }),
      RangeError,
      "use weights.up as its shape must be [20,36]: current value is [36,20]",
    ],
    [
      weight({ down: up }),
      RangeError,
      "use weights.down as its shape must be [36,20]: current value is [20,36]",
    ],
    [
      weight({ up: gateUp }),
      RangeError,
      "use weights.up as its shape must be [20,36]: current value is [20,2,36]",
    ],
    [
      call(x, { gateUp: gate, down }),
      RangeError,
      "use weights.gateUp as its shape must be [20,2,18]: current value is [20,36]",
    ],
    [
      weight({ down: half }),
      TypeError,
      "use weights.down as its dtype must be weights.gate's, float32: current value is float16",
    ],
    [
      weight({ up: disposed }),
      TypeError,
      "use weights.up as it must not be disposed: current value is disposed",
    ],
    [
      weight({ down: foreign }),
      TypeError,
      "use weights.down as it must be of this Gpu: current value is of another",
    ],
  ],
  "options": [
    [option(null), TypeError, "use options as it must be an object: current value is null"],
    [option("fast"), TypeError, "use options as it must be an object: current value is fast"],
    [
      option({ activation: "swish" }),
      RangeError,
      `use activation as it must be one of ${names}: current value is swish`,
    ],
    [
      option({ activation: "" }),
      RangeError,
      `use activation as it must be one of ${names}: current value is `,
    ],
    [option({ activation: null }), TypeError, `use activation as ${expressions}: current value is null`],
    [
      option({ activation: { wgsl: "x" } }),
      TypeError,
      `use activation as ${expressions}: current value is Object`,
    ],
    ...["helpers", "self"].map((name): Bad => [
      option({ activation: { wgsl: "x", derivative: "vec4f(1)", [name]: circular } }),
      TypeError,
      `use activation.${name} as activation may have wgsl, derivative, parameters only`,
    ]),
    ...([
      [{ alpha: 0 }, "alpha", "a finite number above 0", "0"],
      [{ alpha: Infinity }, "alpha", "a finite number above 0", "Infinity"],
      [{ alpha: 1e-46 }, "alpha", "a finite number above 0", "1e-46"],
      [{ limit: -7 }, "limit", "a number above 0, or Infinity for no limit", "-7"],
      [{ limit: NaN }, "limit", "a number above 0, or Infinity for no limit", "NaN"],
      [{ limit: null }, "limit", "a number above 0, or Infinity for no limit", "null"],
      [{ shift: 1e39 }, "shift", "a finite number", "1e+39"],
      [{ shift: "1" }, "shift", "a finite number", "1"],
    ] as const).map(([values, name, rule, current]): Bad => [
      option({ activation: { name: "clamped_swiglu", ...values } }),
      RangeError,
      `use activation.${name} as it must be ${rule} in float32: current value is ${current}`,
    ]),
    [
      option({ activation: { name: "silu" } }),
      RangeError,
      "use activation.name as it must be one of clamped_swiglu: current value is silu",
    ],
    [
      option({ activation: { name: "clamped_swiglu", beta: 1 } }),
      TypeError,
      "use activation.beta as activation may have name, alpha, limit, shift only",
    ],
    ...([
      [{ beta: NaN }, "activation.parameters.beta as it must be a finite number in float32", "NaN"],
      [{ beta: "1" }, "activation.parameters.beta as it must be a finite number in float32", "1"],
      ...["x", "2a", "_a", "a b", ""].map((name) =>
        [
          { [name]: 1 },
          "activation.parameters as each name must be letters, digits and _, a letter first, and not x",
          name,
        ] as const
      ),
    ] as const).map(([parameters, rule, current]): Bad => [
      option({ activation: { wgsl: "x", derivative: "vec4f(1)", parameters } }),
      RangeError,
      `use ${rule}: current value is ${current}`,
    ]),
    [
      option({
        activation: {
          wgsl: "x",
          derivative: "vec4f(1)",
          parameters: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, i])),
        },
      }),
      RangeError,
      "use activation.parameters as there must be at most 16: current value has 17",
    ],
    [
      option({ activation: { wgsl: "x", derivative: "x", parameters: null } }),
      TypeError,
      "use activation.parameters as it must be an object: current value is null",
    ],
    [
      option({ implementation: circular }),
      RangeError,
      `use implementation as it must be null or one of ${ids}: current value is Object`,
    ],
    [
      option({ activation: { wgsl: " ", derivative: "x" } }),
      TypeError,
      `use activation as ${expressions}: current value is Object`,
    ],
    [
      option({ precision: "double" }),
      RangeError,
      "use precision as it must be one of highest, default, tf32, fastest, float16-sums, strassen: current value is double",
    ],
    [
      option({ precision: null }),
      RangeError,
      "use precision as it must be one of highest, default, tf32, fastest, float16-sums, strassen: current value is null",
    ],
    [
      option({ implementation: "cudnn" }),
      RangeError,
      `use implementation as it must be null or one of ${ids}: current value is cudnn`,
    ],
    [
      option({ implementation: 3 }),
      RangeError,
      `use implementation as it must be null or one of ${ids}: current value is 3`,
    ],
    ...[NaN, -1, 0, Infinity, "1 GiB"].map((memoryBudget): Bad => [
      option({ memoryBudget }),
      RangeError,
      `use memoryBudget as it must be null or bytes above 0: current value is ${memoryBudget}`,
    ]),
    [
      option({ activaton: "gelu" }),
      TypeError,
      "use options.activaton as options may have activation, precision, implementation, memoryBudget, encoder only",
    ],
    [
      () => (gatedLinearUnit as any)(gpu, x, gateUp, { accuracy: "high" }),
      TypeError,
      "use options.accuracy as options may have activation, precision, implementation, memoryBudget, encoder only",
    ],
    ...[
      option({ layout: "out,in" }),
      () => (gatedLinearUnit as any)(gpu, x, gateUp, { layout: "out,in" }),
      () => (gatedLinearUnitWithGrad as any)(gpu, x, gateUp, { layout: "out,in" }),
      () => (swigluWithGrad as any)(gpu, x, weights, { layout: "out,in" }),
    ].map((call): Bad => [
      call,
      TypeError,
      "use options.layout as it belongs to the weights: { gate, up, down, layout }",
    ]),
    [
      option({ encoder: {} }),
      TypeError,
      "use encoder as it must be a GPUCommandEncoder: current value is Object",
    ],
    [
      option({ encoder: null }),
      TypeError,
      "use encoder as it must be a GPUCommandEncoder: current value is null",
    ],
  ],
};
