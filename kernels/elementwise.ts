import { type Activation, activationKey } from "./activation.ts";
import { activationWgsl, uniformsWgsl } from "./activation_wgsl.ts";
import { floatBits } from "./gpu/dispatch.ts";
import type { Kernel } from "./gpu/kernel.ts";
import type { Recorder } from "./gpu/recorder.ts";
import { boundLaunch, type Launch, offsetsAndStrides, withParameters } from "./launch.ts";
import { packingWgsl, type Storage, storagesOf, storageWgsl } from "./storage.ts";
import { indented, ownName, range, withOwnNames } from "./text.ts";
import { stepOf, type View, viewBytes } from "./view.ts";

const THREADS = 256;

/** An element-wise kernel: every output is a WGSL expression of the inputs' names, four elements at a time. */
export interface Elementwise {
  /** What it computes, for reports. */
  readonly label: string;
  readonly inputs: Readonly<Record<string, View>>;
  /** Output views, and the values written to them. A view may be an input too: all values are computed before. */
  readonly outputs: readonly { readonly to: View; readonly value: string }[];
  /** What `activate` and `activate_derivative` compute in the expressions. */
  readonly activation?: Activation;
  /** Values of names that the expressions use besides the inputs', each an f32. They are uniforms. Default: none. */
  readonly parameters?: Readonly<Record<string, number>>;
}

/**
 * Records an element-wise kernel over views of one shape.
 *
 * @throws {RangeError} If the views differ in shape.
 */
export function elementwise(recorder: Recorder, op: Elementwise): void {
  recorder.dispatch(boundLaunch(elementwiseLaunch(op), recorder.capabilities));
}

/**
 * The launch of an element-wise kernel over views of one shape.
 *
 * @throws {RangeError} If the views differ in shape.
 */
export function elementwiseLaunch(op: Elementwise): Launch {
  const { rows, cols, views } = merged(op);
  const inputs = Object.keys(op.inputs).length;
  const vectors = Math.ceil(cols / 4);
  return {
    ...withParameters(activationOf(op)),
    views,
    kernel: (slots) =>
      elementwiseKernel(op, {
        storage: storagesOf(views, { slots, inputs }),
        slots,
        steps: views.map(stepOf),
      }),
    uniforms: [
      rows,
      cols,
      vectors,
      ...offsetsAndStrides(views),
      ...Object.values(op.parameters ?? {}).map(floatBits),
    ],
    workgroups: [Math.ceil(rows * vectors / THREADS), null, 1],
    flops: 0,
    bytes: views.reduce((sum, view) => sum + viewBytes(view), 0),
  };
}

/** The views of an operation. If none of them has gaps between its rows, each is seen as one long row. */
function merged(op: Elementwise): { rows: number; cols: number; views: View[] } {
  const views = [...Object.values(op.inputs), ...op.outputs.map(({ to }) => to)];
  const [{ rows, cols }] = views;
  for (const view of views) {
    if (view.rows !== rows || view.cols !== cols) {
      throw new RangeError(
        `Cannot compute ${op.label} as ${view.tensor.label} must be [${rows},${cols}]: ` +
          `current value is [${view.rows},${view.cols}]`,
      );
    }
  }
  if (views.some((view) => view.stride !== cols * stepOf(view))) return { rows, cols, views };
  const whole = rows * cols;
  return {
    rows: 1,
    cols: whole,
    views: views.map((view) => ({ ...view, rows: 1, cols: whole, stride: whole })),
  };
}

/** The activation, if an expression uses it. */
function activationOf({ outputs, activation = "silu" }: Elementwise): Activation | null {
  return outputs.some(({ value }) => value.includes("activate")) ? activation : null;
}

function elementwiseKernel(
  op: Elementwise,
  { storage, slots, steps }: Pick<Text, "storage" | "slots" | "steps">,
): Kernel {
  const names = Object.keys(op.inputs);
  const parameters = Object.keys(op.parameters ?? {});
  const values = op.outputs.map(({ value }) => value);
  const activation = activationOf(op);
  const layout = storage.map((s) => `${s.dtype}${s.access}${s.aligned}`);
  return {
    key: [
      "elementwise",
      names,
      parameters,
      values,
      activation && activationKey(activation),
      slots,
      steps,
      layout,
    ].join("|"),
    label: op.label,
    access: storage.map((s) => s.access),
    wgsl: () => indented(elementwiseWgsl({ names, parameters, values, storage, slots, steps, activation })),
  };
}

interface Text {
  readonly names: readonly string[];
  readonly parameters: readonly string[];
  readonly values: readonly string[];
  readonly storage: readonly Storage[];
  readonly slots: readonly number[];
  /** Elements from one to the next of a row, of each view. */
  readonly steps: readonly number[];
  readonly activation: Activation | null;
}

function elementwiseWgsl({ names, parameters, values, storage, slots, steps, activation }: Text): string {
  const place = (view: number) =>
    `p.at_${view} + row * p.stride_${view} + col${steps[view] === 1 ? "" : ` * ${steps[view]}u`}`;
  const each = (view: number, c: number) => `${place(view)} + ${c * steps[view]}u`;
  const four = (view: number) =>
    steps[view] === 1
      ? `load_s${slots[view]}(${place(view)})`
      : `vec4f(${range(4).map((c) => `load_one_s${slots[view]}(${each(view, c)})`).join(", ")})`;
  const loads = [
    ...names.map((name, i) => `  let ${ownName(name)} = ${four(i)};`),
    ...parameters.map((name, i) => `  let ${ownName(name)} = bitcast<f32>(p.value_${i});`),
  ];
  const own = [...names, ...parameters];
  const results = values.map((value, i) => `  let out_${i} = ${withOwnNames(value, own)};`);
  const stores = values.map((_, i) => {
    const view = names.length + i;
    const slot = slots[view];
    if (storage[slot].aligned) return `  store_s${slot}(${place(view)}, out_${i});`;
    return range(4).map((c) =>
      `  if (col + ${c}u < p.cols) { store_one_s${slot}(${each(view, c)}, out_${i}[${c}]); }`
    ).join("\n");
  });
  const places = slots.flatMap((_, view) => [`at_${view}`, `stride_${view}`]);
  const fields = [...places, ...parameters.map((_, i) => `value_${i}`)];
  return `${uniformsWgsl(["rows", "cols", "vectors", ...fields], activation)}
${storage.map((s, slot) => storageWgsl(`s${slot}`, slot, s)).join("\n")}
@group(0) @binding(${storage.length}) var<uniform> p: Params;
${packingWgsl(storage.map((s) => s.dtype))}
${activation ? activationWgsl(activation) : ""}

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  var row = 0u;
  if (p.rows > 1u) { row = i / p.vectors; }
  if (row >= p.rows) { return; }
  let col = (i - row * p.vectors) * 4u;
  if (col >= p.cols) { return; }
${[...loads, ...results, ...stores].join("\n")}
}
`;
}
