import { gateFormulas } from "../../activation_wgsl.ts";
import { lines, range } from "../../text.ts";
import { operandCounts } from "../config.ts";
import {
  placeOf,
  type RegisterForm,
  registerFormOf,
  type SubgroupConfig,
  type SubgroupStorage,
  vectorOf,
  vectorsIn,
} from "./config.ts";
import { componentOf } from "./operands.ts";
import { EIGHT, type SharedTile, sharedTiles, threadsOf } from "./tile.ts";

/**
 * One operand's way from device memory through registers into its tile in workgroup memory, as WGSL text. Rows stay as
 * they lie: matrices of a transposed operand are loaded from there by columns.
 */
export interface SubgroupLoader {
  /** Once: each thread's place in the matrix and in the tile, and its registers. */
  readonly setup: string;
  /** The place of a step along K. */
  begin(step: string): string;
  /** Moves the place on by one step. */
  readonly advance: string;
  /** Fills the registers. Elements beyond the matrix hold anything. */
  readonly fetch: string;
  /** Sets what lies beyond K to zero, as NaN of another matrix times zero would be NaN; in the step that K ends inside. */
  readonly mask: string;
  /** Writes the registers to the tile. */
  readonly commit: string;
}

/** A matrix in device memory that an operand is loaded from. */
interface OperandSource {
  /** The name of its storage buffer. */
  readonly buffer: string;
  readonly storage: SubgroupStorage;
  /** WGSL of its first element in the buffer. */
  readonly offset: string;
}

/** What a loader needs to know of its operand. */
interface Operand {
  readonly name: "a" | "b";
  readonly tile: SharedTile;
  /** Whether a row's elements follow K. */
  readonly alongK: boolean;
  /** Column blocks side by side, or g and u of a gated A. */
  readonly sources: readonly OperandSource[];
  readonly gated: boolean;
}

const SIZE = { a: "m", b: "n" } as const;

/** The loaders of both operands. Tiles lie one after the other, A's first. */
export function subgroupLoaders(config: SubgroupConfig): Record<"a" | "b", SubgroupLoader> {
  const { layout, gatedA } = config;
  const counts = operandCounts(config);
  const tiles = sharedTiles(config.tile, config);
  const sources = (name: "a" | "b", first: number, count: number): OperandSource[] =>
    range(count).map((i) => {
      const slot = config.slots[first + i];
      return { buffer: `s${slot}`, storage: config.storage[slot], offset: `p.${name}_${i}` };
    });
  return {
    a: loader(config, {
      name: "a",
      tile: tiles.a,
      alongK: layout !== "tn",
      sources: sources("a", 0, counts.a),
      gated: gatedA,
    }),
    b: loader(config, {
      name: "b",
      tile: tiles.b,
      alongK: layout === "nt",
      sources: sources("b", counts.a, counts.b),
      gated: false,
    }),
  };
}

function loader(config: SubgroupConfig, operand: Operand): SubgroupLoader {
  const { name, tile, alongK, sources, gated } = operand;
  const { tileK } = config.tile;
  const threads = threadsOf(config.tile);
  // Gate and up lie side by side in the tile, or below each other where rows follow K; g and u of a gated A become one.
  const blocks = gated ? 1 : sources.length;
  const forms = sources.map((source) => registerFormOf(source.storage));
  const width = forms.includes("floats") ? 4 : EIGHT;
  const vector = vectorOf(config);
  const rows = alongK ? tile.rows / blocks : tile.rows;
  const perRow = tile.cols / width / (alongK ? 1 : blocks);
  const perBlock = alongK ? vectorsIn(config, rows * tile.stride) : perRow * width / vector;
  const rowsAtOnce = threads / perRow;
  const items = range(Math.max(1, rows / rowsAtOnce));
  const idle = rows < rowsAtOnce;
  const thread = idle ? `min(tid, ${rows * perRow - 1}u)` : "tid";
  const row = (i: number) => `(${name}_row + ${i * rowsAtOnce}u)`;
  // By eights goes all of an operand or nothing of it.
  const unit = Math.min(...sources.map(({ storage }) => storage.eights ? 8 : storage.aligned ? 4 : 1));
  const inUnits = (elements: string) => unit === 1 ? elements : `(${elements}) >> ${Math.log2(unit)}u`;
  const stride = alongK ? "1u" : `p.stride_${name}`;
  const at = (i: number) =>
    alongK
      ? `min(origin_${name} + ${row(i)}, p.${SIZE[name]} - 1u) * p.stride_${name} + ${name}_col`
      : `${row(i)} * p.stride_${name} + min(origin_${name} + ${name}_col, (p.${SIZE[name]} - 1u) & ~${
        width - 1
      }u)`;
  const register = (source: number, i: number) => `${name}_${source}_${i}`;
  const each = (text: (source: number, i: number) => string) =>
    lines(items.flatMap((i) => range(sources.length).map((source) => text(source, i))));
  const target = (source: number, i: number) =>
    `${name}_to + ${vectorsIn(config, i * rowsAtOnce * tile.stride) + (gated ? 0 : source * perBlock)}u`;
  // Four elements each: h of a gated A, computed once for both ways to store it.
  const gate = gated
    ? items.flatMap((i) =>
      gatedFloats(config, sources, [0, 1].map((source) => register(source, i)))
        .map((value, half) => `let h_${i}_${half} = ${value};`)
    )
    : [];
  const valuesAt = (source: number, i: number): Values =>
    gated
      ? { form: "floats", of: range(width / 4).map((half) => `h_${i}_${half}`) }
      : valuesOf(config, sources[source], register(source, i));
  const puts = (suffix: Put["suffix"]) =>
    items.flatMap((i) =>
      range(blocks).map((block) =>
        put(config, name, { target: target(block, i), values: valuesAt(block, i), block, suffix })
      )
    );
  const commit = config.magnitudes === null
    ? lines([...gate, ...puts("")])
    : lines([...gate, "if (special) {", ...puts("_special"), "} else {", ...puts(""), "}"]);
  return {
    setup: lines([
      `let ${name}_row = ${thread} / ${perRow}u;`,
      `let ${name}_col = ${thread} % ${perRow}u * ${width}u;`,
      `let ${name}_to = ${
        placeOf(config, `${name === "a" ? "A_TILE" : "B_TILE"} + ${name}_row * ${tile.stride}u`)
      } + ${name}_col / ${vector}u;`,
      ...items.map((i) => `let ${name}_at_${i} = ${inUnits(at(i))};`),
      each((source, i) => declare(forms[source], register(source, i))),
    ]),
    begin: (step) =>
      lines(
        sources.map(({ offset }, source) =>
          `var ${name}_place_${source} = ${inUnits(`${offset} + ${step} * ${tileK}u * ${stride}`)};`
        ),
      ),
    advance: lines(
      sources.map((_, source) => `${name}_place_${source} += ${inUnits(`${tileK}u * ${stride}`)};`),
    ),
    fetch: each((source, i) =>
      fetch({ ...sources[source], unit }, register(source, i), `${name}_place_${source} + ${name}_at_${i}`)
    ),
    mask: alongK
      ? lines([
        `let ${name}_left = rest - min(rest, ${name}_col);`,
        each((source, i) => keepFirst(forms[source], register(source, i), `${name}_left`)),
      ])
      : lines(
        items.map((i) =>
          `if (${row(i)} >= rest) { ${
            lines(range(sources.length).map((source) => keepFirst(forms[source], register(source, i), null)))
          } }`
        ),
      ),
    commit: idle ? `if (tid < ${rows * perRow}u) {\n${commit}\n}` : commit,
  };
}

const VECTOR = { words: "vec4u", halves: "vec4<f16>", floats: "vec4f" } as const;

/** Registers of a form. */
const registersOf = (form: RegisterForm, register: string) =>
  form === "halves" ? [`${register}_0`, `${register}_1`] : [register];

function declare(form: RegisterForm, register: string): string {
  return registersOf(form, register).map((name) => `var ${name} = ${VECTOR[form]}();`).join(" ");
}

function fetch(
  { buffer, storage, unit }: OperandSource & { unit: number },
  register: string,
  place: string,
): string {
  if (storage.eights) return `${register} = ${buffer}[${place}];`;
  const load = unit === 4 ? `vector_${buffer}` : `load_${buffer}`;
  return registersOf(registerFormOf(storage), register)
    .map((name, half) => `${name} = ${load}(${place} + ${half * 4 / unit}u);`).join(" ");
}

/** Keeps the first elements, or none. */
function keepFirst(form: RegisterForm, register: string, count: string | null): string {
  if (count === null) {
    return registersOf(form, register).map((name) => `${name} = ${VECTOR[form]}();`).join(" ");
  }
  return registersOf(form, register).map((name, half) =>
    `${name} = keep_${form}(${name}, ${half === 0 ? count : `${count} - min(${count}, 4u)`});`
  ).join(" ");
}

/** Elements as WGSL expressions, and what they are: all eight words, or four of another form each. */
interface Values {
  readonly form: RegisterForm;
  readonly of: readonly string[];
}

/** Elements as they are where they need neither a scale nor a split, else as floats. */
function valuesOf({ operands, magnitudes }: SubgroupConfig, source: OperandSource, register: string): Values {
  const form = registerFormOf(source.storage);
  const { dtype } = source.storage;
  const asTheyAre = operands === "float16" && magnitudes === null;
  if (form === "words") {
    return asTheyAre && dtype === "float16"
      ? { form, of: [register] }
      : { form: "floats", of: ["xy", "zw"].map((pair) => `widen_${dtype}(${register}.${pair})`) };
  }
  const names = registersOf(form, register);
  if (form === "halves") {
    return asTheyAre ? { form, of: names } : { form: "floats", of: names.map((name) => `vec4f(${name})`) };
  }
  return { form, of: names };
}

/** h = act(g) u. */
function gatedFloats(
  config: SubgroupConfig,
  sources: readonly OperandSource[],
  registers: readonly string[],
): string[] {
  const [g, u] = sources.map((source, i) =>
    valuesOf({ ...config, operands: "rounded" }, source, registers[i]).of
  );
  return g.map((gate, half) => gateFormulas(config.activation).hidden(`activate(${gate})`, u[half]));
}

/** Elements on their way to the tile. */
interface Put {
  readonly target: string;
  readonly values: Values;
  /** Their column block. */
  readonly block: number;
  /** Of the functions that make them float16, where they become that. */
  readonly suffix: "" | "_special";
}

/** Stores elements to the tile as what matrices multiply: float32, float16, or both float16 parts of a split operand. */
function put(config: SubgroupConfig, name: "a" | "b", { target, values, block, suffix }: Put): string {
  const { form, of } = values;
  if (form === "words") return store(config, target, ["xy", "zw"].map((pair) => `${of[0]}.${pair}`));
  if (form === "halves") return store(config, target, of.map((half) => `bitcast<vec2u>(${half})`));
  const scale = config.magnitudes === null ? "" : ` * scale_${name}${name === "b" ? `_${block}` : ""}`;
  const scaled = of.map((value, i) => `let v${i} = ${scale ? `(${value})${scale}` : value};`).join(" ");
  const as = (convert: string) => of.map((_, i) => `${convert}${suffix}(v${i})`);
  if (config.operands === "float32") return `{ ${scaled} ${storeFloats(target, of.length)} }`;
  if (config.operands !== "split") return `{ ${scaled} ${store(config, target, as("rounded"))} }`;
  const low = `${target} + ${placeOf(config, name === "a" ? "A_LOW" : "B_LOW")}`;
  return `{ ${scaled} ${store(config, target, as("high"))} ${store(config, low, as("low"))} }`;
}

/** Stores float16 elements, four in each vec2u. */
function store(config: SubgroupConfig, target: string, fours: readonly string[]): string {
  if (vectorOf(config) === 8) return `memory[${target}] = vec4u(${fours.join(", ")});`;
  return fours.map((four, i) => `memory[${target}${i === 0 ? "" : ` + ${i}u`}] = ${four};`).join(" ");
}

/** Stores v0 and the following as float32 elements. */
function storeFloats(target: string, vectors: number): string {
  return range(4 * vectors)
    .map((i) => `memory[${target} + ${i}u] = v${Math.floor(i / 4)}[${i % 4}];`).join(" ");
}

/** Module scope: what the text of loaders calls. */
export function loaderWgsl({ operands }: Pick<SubgroupConfig, "operands">): string {
  return LOADER_WGSL + (componentOf(operands) === "f16" ? FLOAT16_WGSL : WITHOUT_FLOAT16_WGSL);
}

const LOADER_WGSL = `
fn within(count: u32) -> vec4<bool> { return vec4u(0u, 1u, 2u, 3u) < vec4u(count); }
fn keep_floats(v: vec4f, count: u32) -> vec4f { return select(vec4f(), v, within(count)); }
fn keep_words(v: vec4u, count: u32) -> vec4u {
  let even = select(vec4u(), vec4u(0xffffu), vec4u(0u, 2u, 4u, 6u) < vec4u(count));
  let odd = select(vec4u(), vec4u(0xffff0000u), vec4u(1u, 3u, 5u, 7u) < vec4u(count));
  return v & (even | odd);
}
fn widen_bfloat16(w: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(w.x << 16u, w.x & 0xffff0000u, w.y << 16u, w.y & 0xffff0000u));
}`;

/** Where WGSL may lack the type f16. */
const WITHOUT_FLOAT16_WGSL = `
fn widen_float16(w: vec2u) -> vec4f { return vec4f(unpack2x16float(w.x), unpack2x16float(w.y)); }`;

/** What makes elements float16. */
const FLOAT16_WGSL = `
fn widen_float16(w: vec2u) -> vec4f { return vec4f(bitcast<vec4<f16>>(w)); }
fn keep_halves(v: vec4<f16>, count: u32) -> vec4<f16> { return select(vec4<f16>(), v, within(count)); }
fn rounded(v: vec4f) -> vec2u { return bitcast<vec2u>(vec4<f16>(v)); }
// By bits: a compiler takes v - f32(f16(v)) for zero.
fn top(v: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(0xffffe000u)); }
fn high(v: vec4f) -> vec2u { return rounded(top(v)); }
fn low(v: vec4f) -> vec2u { return rounded(v - top(v)); }
// Where an operand has infinities: infinity times a part that is zero would be NaN. So only zero has parts that are zero,
// and both parts of what is not finite are that.
fn marked(part: vec4f, v: vec4f) -> vec2u {
  let finite = (bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
  return rounded(select(v, sign(v) * max(abs(part), vec4f(0x1p-24)), finite));
}
fn high_special(v: vec4f) -> vec2u { return marked(top(v), v); }
fn low_special(v: vec4f) -> vec2u { return marked(v - top(v), v); }
fn rounded_special(v: vec4f) -> vec2u { return marked(v, v); }`;
