/**
 * The style of the page. It has one column on a phone, and is light or dark as the reader's system is.
 *
 * @module
 */

import { FAINT, GRID, INK } from "../charts/theme.ts";

/** Colours of charts that are hard to see on a dark page, and the colours that it shows instead. */
const ON_DARK: Record<string, string> = {
  [INK]: "var(--ink)",
  [FAINT]: "var(--faint)",
  [GRID]: "var(--line)",
  "#f3f4f6": "var(--panel)",
  "#332288": "#8f80e8",
  "#0072b2": "#3d9be0",
  "#6b2d5c": "#bf74ad",
  "#d5390e": "#ff6a3d",
  "#444444": "#8a8f96",
  "#777777": "#a9aeb5",
  "#a3a3a3": "#cfd3d8",
  "#5c6670": "#7d8894",
};

function darkRules(): string {
  return Object.entries(ON_DARK).flatMap(([color, dark]) => [
    `svg [fill="${color}"] { fill: ${dark}; }`,
    `svg [stroke="${color}"] { stroke: ${dark}; }`,
  ]).join("\n  ");
}

/** The style sheet. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --ink: ${INK}; --faint: ${FAINT}; --line: #d8dee4; --panel: #f6f8fa; --hot: #b3300b; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 90rem; padding: 1rem; background: var(--back); color: var(--ink); font: 15px/1.5 Helvetica, Arial, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
details { margin-top: .5rem; }
h3 { font-size: 1rem; margin: .75rem 0 .25rem; }
section ul { margin: 0; padding-left: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0 0 1rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
.warnings { border-left: 4px solid #d29922; padding: .25rem .75rem; margin: 0 0 1rem; background: var(--panel); list-style: none; }
.controls { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; padding: .5rem 0; background: var(--back); border-bottom: 1px solid var(--line); }
select, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .2rem .5rem; }
button { cursor: pointer; }
.scroll { overflow-x: auto; max-height: 34rem; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; white-space: nowrap; text-align: right; border-bottom: 1px solid var(--line); }
th[scope="row"], thead th:first-child { text-align: left; position: sticky; left: 0; background: var(--back); font-weight: normal; }
thead th { position: sticky; top: 0; background: var(--panel); z-index: 1; }
thead th:first-child { background: var(--panel); z-index: 2; }
thead button { border: 0; background: none; padding: 0; font-weight: bold; }
thead [aria-sort="ascending"] button::after { content: " ▲"; }
thead [aria-sort="descending"] button::after { content: " ▼"; }
tr.fastest > * { font-weight: bold; }
tr.skipped > * { color: var(--faint); }
tr.failed > * { color: var(--hot); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1rem; align-items: start; }
figure { margin: 0; padding: .25rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: calc(.68 * var(--width)); max-width: 36rem; height: auto; margin: 0 auto; }
/* Marks under a text that has no story of its own must still tell theirs. */
svg [aria-hidden="true"], svg [aria-hidden="true"] * { pointer-events: none; }
svg.marks > rect[fill="white"] { fill: transparent; }
svg [aria-label] { cursor: default; }
#tip { position: fixed; z-index: 3; max-width: min(22rem, 90vw); padding: .35rem .6rem; border-radius: 6px; background: var(--ink); color: var(--back); font-size: 13px; pointer-events: none; }
[hidden] { display: none !important; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --ink: #e6edf3; --faint: #9aa4af; --line: #30363d; --panel: #161b22; --hot: #ff7b54; }
  ${darkRules()}
}
@media print { .controls { display: none; } .scroll { max-height: none; } }
`;
