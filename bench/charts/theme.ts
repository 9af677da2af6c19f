/**
 * Colours, symbols and the look that all charts share.
 *
 * @module
 */

/** How one variant is drawn in every chart. */
export interface Style {
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
const STYLES: Record<string, Style> = {
  "pytorch": { color: "#332288", shape: "square" },
  "alphafold3": { color: "#56b4e9", shape: "circle" },
  "alphafold3-combined": { color: "#0072b2", shape: "diamond" },
  "alphafold3-checkpointed": { color: "#6b2d5c", shape: "triangle-up" },
  "alphafold3-fused": { color: "#8cd17d", shape: "cross" },
  "liger": { color: "#e0ac1c", shape: "triangle-down" },
  "unsloth": { color: "#9c755f", shape: "triangle-right" },
  "tuned": { color: "#d5390e", shape: STAR },
};

/** Colours of other projects, and of variants that have no style above. */
const OTHERS: readonly string[] = ["#444444", "#777777", "#a3a3a3", "#5c6670", "#8a7f74", "#b9b0a6"];
const OTHER_SHAPES: readonly string[] = [
  "circle",
  "square",
  "diamond",
  "triangle-down",
  "cross",
  "triangle-left",
  "triangle-up",
];

/** The known projects. Each looks the same whichever of them a chart shows. */
const KNOWN_OTHERS: readonly string[] = [
  "pytorch-eager",
  "jax-js",
  "onnxruntime-web",
  "tensorflow-js",
  "pytorch-eager-tf32",
  "pytorch-compile",
  "pytorch-compile-tf32",
  "liger",
  "unsloth",
].map((id) => `peer:${id}`);

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

/** The styles of ids, which must be in the order of {@link inOrder}. */
export function stylesOf(ordered: readonly string[]): Style[] {
  let others = KNOWN_OTHERS.length;
  return ordered.map((id) => {
    if (Object.hasOwn(STYLES, id)) return STYLES[id];
    const known = KNOWN_OTHERS.indexOf(id);
    const i = known < 0 ? others++ : known;
    return { color: OTHERS[i % OTHERS.length], shape: OTHER_SHAPES[i % OTHER_SHAPES.length] };
  });
}

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
    subtitleFontSize: 11,
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
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    labelOverlap: "greedy",
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelLimit: 0,
    labelFontSize: 11,
    orient: "bottom",
    title: null,
    symbolStrokeWidth: 1,
    rowPadding: 4,
    columnPadding: 16,
  },
} as const;
