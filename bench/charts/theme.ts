/**
 * Colours, symbols and the look that all charts share.
 *
 * @module
 */

/** How one variant is drawn in every chart. */
export interface VariantStyle {
  color: string;
  /** Name of a symbol, or its path in a square from -1 to 1. */
  shape: string;
}

const STAR =
  "M0,-1L0.25,-0.34L0.95,-0.31L0.4,0.13L0.59,0.81L0,0.42L-0.59,0.81L-0.4,0.13L-0.95,-0.31L-0.25,-0.34Z";

/**
 * Every variant, in the order of the registry. A test names one that is missing. The colours make the least difference
 * between any two as large as possible, to readers who see all colours and to readers with each kind of colour blindness. A
 * test keeps them apart. Only `tuned` has a hot colour.
 */
const STYLES: Record<string, VariantStyle> = {
  "pytorch": { color: "#332288", shape: "square" },
  "alphafold3": { color: "#56b4e9", shape: "circle" },
  "alphafold3-combined": { color: "#0072b2", shape: "diamond" },
  "alphafold3-checkpointed": { color: "#6b2d5c", shape: "triangle-up" },
  "alphafold3-fused": { color: "#8cd17d", shape: "cross" },
  "liger": { color: "#e0ac1c", shape: "triangle-down" },
  "unsloth": { color: "#9c755f", shape: "triangle-right" },
  "tuned": { color: "#d5390e", shape: STAR },
};

/**
 * The known projects. The colours are chosen as those of the variants are, and differ from these too. They are neither so
 * light nor so dark that a white or a dark page would hide them.
 */
const KNOWN_OTHERS: Record<string, VariantStyle> = {
  "peer:pytorch-eager": { color: "#696969", shape: "circle" },
  "peer:jax-js": { color: "#3ca53c", shape: "square" },
  "peer:onnxruntime-web": { color: "#d200b4", shape: "diamond" },
  "peer:tensorflow-js": { color: "#964b2d", shape: "triangle-down" },
  "peer:pytorch-eager-tf32": { color: "#9696a5", shape: "cross" },
  "peer:pytorch-compile": { color: "#692dff", shape: "triangle-left" },
  "peer:pytorch-compile-tf32": { color: "#8796ff", shape: "triangle-up" },
  "peer:liger": { color: "#c3a596", shape: "triangle-right" },
  "peer:unsloth": { color: "#964bf0", shape: "wedge" },
};

/** Colours and symbols of what is not known. */
const OTHERS: readonly string[] = ["#444444", "#777777", "#a3a3a3", "#5c6670", "#8a7f74", "#b9b0a6"];
const OTHER_SHAPES: readonly string[] = ["circle", "square", "diamond", "triangle-down", "cross"];

/** What stands before the id of a variant that ran on another WebGPU. */
const ELSEWHERE = /^dawn:/;

/** How much of a variant's colour is left where it ran on another WebGPU. The rest is white. */
const PALE = 0.5;

/** The ids that have a colour of their own. */
export const KNOWN_VARIANTS: readonly string[] = Object.keys(STYLES);

/** Ids in the order in which they are shown: known variants first, then the others as they come. */
export function inOrder(ids: Iterable<string>): string[] {
  const given = new Set(ids);
  return [
    ...KNOWN_VARIANTS.filter((id) => given.has(id)),
    ...[...given].filter((id) => !Object.hasOwn(STYLES, id)),
  ];
}

/** The ids of other projects that have a colour of their own. */
export const KNOWN_PEERS: readonly string[] = Object.keys(KNOWN_OTHERS);

/** The style of an id that has one of its own. On another WebGPU a variant looks the same, but paler. */
function ownStyle(id: string): VariantStyle | null {
  for (const styles of [STYLES, KNOWN_OTHERS]) if (Object.hasOwn(styles, id)) return styles[id];
  const variant = id.replace(ELSEWHERE, "");
  if (variant === id || !Object.hasOwn(STYLES, variant)) return null;
  return { ...STYLES[variant], color: paler(STYLES[variant].color) };
}

/** The styles of ids, which must be in the order of {@link inOrder}. */
export function stylesOf(ordered: readonly string[]): VariantStyle[] {
  let others = 0;
  return ordered.map((id) => {
    const own = ownStyle(id);
    if (own !== null) return own;
    const i = others++;
    return { color: OTHERS[i % OTHERS.length], shape: OTHER_SHAPES[i % OTHER_SHAPES.length] };
  });
}

function paler(color: string): string {
  const channels = [1, 3, 5].map((at) =>
    Math.round(255 + PALE * (parseInt(color.slice(at, at + 2), 16) - 255))
  );
  return `#${channels.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

/** Colours of marks that are hard to see on a dark page, and the colours that it shows instead. */
export const ON_DARK: Readonly<Record<string, string>> = {
  "#332288": "#d8d8f0",
  "#6b2d5c": "#904884",
  "#44248c": "#8f80e8",
  "#444444": "#8a8f96",
  "#5c6670": "#7d8894",
};

/** Colours of text and lines. They are dark, because every chart has a white background of its own. */
export const INK = "#1f2328";
export const FAINT = "#6a737d";
export const GRID = "#e4e7eb";

/** Relative luminance of `#rrggbb`, 0 to 1. Source: WCAG 2.2, "relative luminance". */
export function luminance(color: string): number {
  const linear = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/** Colour of text on a light colour. It stays dark on a dark page, where INK becomes light. */
export const INK_ON_COLOR = "#000000";

/** Black or white, whichever is easier to read on a colour. They are equal at a luminance of 0.18. */
export function inkOn(color: string): string {
  return luminance(color) > 0.18 ? INK_ON_COLOR : "#ffffff";
}

/** The least size of text, in pixels. A phone shows charts at their own size. */
export const FONT_SIZE = 12;

/** Pixels of a character of text, as a part of its size. It fits wide fonts such as DejaVu Sans. */
export const CHARACTER_WIDTH = 0.6;

/** How much wider bold text is. */
export const BOLD = 1.12;

/** Pixels that a text of {@link FONT_SIZE} takes. */
export function widthOf(text: string): number {
  return Math.ceil(text.length * CHARACTER_WIDTH * FONT_SIZE);
}

/** The configuration of every chart. Labels have no limit, so that none is cut to an ellipsis. */
export const CONFIG = {
  background: "white",
  font: "Helvetica, Arial, 'DejaVu Sans', sans-serif",
  padding: 12,
  view: { stroke: GRID },
  title: {
    anchor: "start",
    color: INK,
    fontSize: 15,
    subtitleColor: FAINT,
    subtitleFontSize: FONT_SIZE,
    subtitlePadding: 5,
    offset: 14,
    limit: 0,
  },
  axis: {
    labelColor: INK,
    titleColor: INK,
    gridColor: GRID,
    domainColor: FAINT,
    tickColor: FAINT,
    labelLimit: 0,
    titleLimit: 0,
    labelFontSize: FONT_SIZE,
    titleFontSize: FONT_SIZE,
    titleFontWeight: "normal",
    labelOverlap: "greedy",
    labelSeparation: 6,
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelLimit: 0,
    labelFontSize: FONT_SIZE,
    orient: "bottom",
    title: null,
    symbolStrokeWidth: 1,
    rowPadding: 4,
    columnPadding: 16,
  },
} as const;
