import { type Activation, activationKey } from "../../activation.ts";
import { activationWgsl, gateFormulas, uniformsWgsl } from "../../activation_wgsl.ts";
import { workspace } from "../../gpu/steps.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { type Launch, offsetsOf, type PlannedStep, withParameters } from "../../launch.ts";
import { packingWgsl, type Storage, storagesOf, storageWgsl } from "../../storage.ts";
import { indented, range } from "../../text.ts";
import { columnRange, matrix, type View, viewBytes } from "../../view.ts";
import { operandsOf } from "../parts.ts";
import type { Sized } from "../request.ts";

const THREADS = 256;

/** Vectors that a thread loads before it looks at the first. */
const AT_ONCE = 4;

/** Workgroups that keep the memory of a large GPU busy: four on each of 132 multiprocessors. */
const MOST_WORKGROUPS = 528;

/** The largest magnitudes of a product's operands, with the steps that stand before and after the product. */
export interface LargestMagnitudes {
  readonly before: readonly PlannedStep[];
  /**
   * One tensor [2, operands] for each product, float32: of A (of a gated A, h), then of each B, the largest magnitude; then
   * whether it has infinities or NaN, infinity or zero.
   */
  readonly tensors: readonly Tensor[];
  readonly after: readonly PlannedStep[];
}

/**
 * Finds the largest finite magnitude of each operand: what it is scaled by into float16's range. Infinity and NaN do not
 * count, so that they leave the scale of the others alone.
 */
export function magnitudesOf(sized: Sized): LargestMagnitudes {
  const { products, gatedA, activation } = sized;
  const all = range(products).map((product) => {
    const { a, b } = operandsOf(sized, product);
    const operands: MagnitudeOperand[] = [
      gatedA ? { views: a, activation } : { views: a, activation: null },
      ...b.map((view) => ({ views: [view], activation: null })),
    ];
    const tensor = workspace("largest magnitudes", [2, operands.length], "float32");
    const steps = operands.flatMap((operand, i) =>
      magnitudeSteps(operand, columnRange(matrix(tensor), i, 1))
    );
    return { tensor, steps };
  });
  return {
    before: all.flatMap(({ tensor, steps }) => [{ make: tensor }, ...steps]),
    tensors: all.map(({ tensor }) => tensor),
    after: all.map(({ tensor }) => ({ release: tensor })),
  };
}

/** One matrix, or g and u of h = act(g) * u. */
interface MagnitudeOperand {
  readonly views: readonly View[];
  readonly activation: Activation | null;
}

function magnitudeSteps(operand: MagnitudeOperand, to: View): PlannedStep[] {
  const [{ rows, cols }] = operand.views;
  const workgroups = Math.min(MOST_WORKGROUPS, Math.ceil(rows * Math.ceil(cols / 4) / THREADS));
  if (workgroups === 1) return [{ launch: magnitudeLaunch(operand, to) }];
  const partial = workspace("magnitudes", [2, workgroups], "float32");
  const rest = { views: [matrix(partial)], activation: null };
  return [
    { make: partial },
    { launch: magnitudeLaunch(operand, matrix(partial)) },
    { launch: magnitudeLaunch(rest, to) },
    { release: partial },
  ];
}

/** Each workgroup looks at its share: there are as many as `to` has columns. What it finds can be looked at the same way. */
function magnitudeLaunch({ views, activation }: MagnitudeOperand, to: View): Launch {
  const [{ rows, cols, stride, tensor }] = views;
  return {
    ...withParameters(activation),
    views: [...views, to],
    kernel: (all) => {
      const storage = storagesOf([...views, to], { slots: all, inputs: views.length });
      const label = `largest magnitude of ${activation === null ? tensor.label : "h"}`;
      return magnitudeKernel({ storage, slots: all.slice(0, -1), activation }, label);
    },
    uniforms: [rows, cols, stride, ...offsetsOf([...views, to]), to.stride],
    workgroups: [to.cols, 1, 1],
    flops: 0,
    bytes: views.reduce((sum, view) => sum + viewBytes(view), 0),
  };
}

/** What the text of this kernel depends on. */
interface MagnitudeConfig {
  /** The buffers of the operand's views, then the output's. */
  readonly storage: readonly Storage[];
  /** The buffer of each view of the operand. */
  readonly slots: readonly number[];
  readonly activation: Activation | null;
}

function magnitudeKernel({ storage, slots, activation }: MagnitudeConfig, label: string): Kernel {
  const inputs = storage.slice(0, -1);
  const layout = inputs.map(({ dtype, aligned }) => `${dtype}${aligned}`);
  const valueAt = (j: number) =>
    activation === null ? `v_${j}_0` : gateFormulas(activation).hidden(`activate(v_${j}_0)`, `v_${j}_1`);
  return {
    key: ["magnitude", layout, slots, activation && activationKey(activation)].join("|"),
    label,
    access: storage.map(({ access }) => access),
    wgsl: () =>
      indented(
        `${
          uniformsWgsl([
            "rows",
            "cols",
            "stride",
            ...slots.map((_, i) => `at_${i}`),
            "to",
            "stride_to",
          ], activation)
        }
${inputs.map((input, slot) => storageWgsl(`s${slot}`, slot, input)).join("\n")}
${storageWgsl("output", inputs.length, { dtype: "float32", access: "read_write", aligned: false })}
@group(0) @binding(${storage.length}) var<uniform> p: Params;
${packingWgsl(inputs.map(({ dtype }) => dtype))}
${activation === null ? "" : activationWgsl(activation)}
var<workgroup> shared_found: array<vec2u, ${THREADS}>;

// The bits of the largest finite magnitude of four elements, and those of infinity if one is not finite.
fn look(v: vec4f, col: u32) -> vec2u {
  let bits = bitcast<vec4u>(v) & vec4u(0x7fffffffu);
  let finite = bits < vec4u(0x7f800000u);
  let inside = vec4u(col, col + 1u, col + 2u, col + 3u) < vec4u(p.cols);
  let most = select(vec4u(), bits, finite & inside);
  let special = select(vec4u(), vec4u(0x7f800000u), !finite & inside);
  return vec2u(
    max(max(most.x, most.y), max(most.z, most.w)),
    max(max(special.x, special.y), max(special.z, special.w)),
  );
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let vectors = (p.cols + 3u) >> 2u;
  var found = vec2u();
  let all = p.rows * vectors;
  let step = groups.x * ${THREADS}u;
  for (var i = group.x * ${THREADS}u + tid; i < all; i += ${AT_ONCE}u * step) {
    // Beyond the end the last vector is looked at again, which changes nothing.
${range(AT_ONCE).map((j) => loadAt(j, slots)).join("\n")}
${range(AT_ONCE).map((j) => `    found = max(found, look(${valueAt(j)}, col_${j}));`).join("\n")}
  }
  shared_found[tid] = found;
  for (var half = ${THREADS / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (tid < half) { shared_found[tid] = max(shared_found[tid], shared_found[tid + half]); }
  }
  if (tid == 0u) {
    store_one_output(p.to + group.x, bitcast<f32>(shared_found[0].x));
    store_one_output(p.to + p.stride_to + group.x, bitcast<f32>(shared_found[0].y));
  }
}
`,
      ),
  };
}

/** Loads the vectors that a thread looks at as its number `j`. */
function loadAt(j: number, slots: readonly number[]): string {
  const loads = slots.map((slot, view) =>
    `    let v_${j}_${view} = load_s${slot}(p.at_${view} + row_${j} * p.stride + col_${j});`
  );
  return `    let at_${j} = min(i + ${j}u * step, all - 1u);
    let row_${j} = at_${j} / vectors;
    let col_${j} = (at_${j} - row_${j} * vectors) * 4u;
${loads.join("\n")}`;
}
