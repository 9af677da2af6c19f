/**
 * The style of the page. It has one column on a phone, and is light or dark as the reader's system is.
 *
 * @module
 */

import { FAINT, GRID, INK, ON_DARK } from "../charts/theme.ts";

/** Colours of charts, and what a dark page shows instead. */
const DARK: Record<string, string> = {
  [INK]: "var(--ink)",
  [FAINT]: "var(--faint)",
  [GRID]: "var(--line)",
  "#f3f4f6": "var(--panel)",
  ...ON_DARK,
};

function darkRules(): string {
  return Object.entries(DARK).flatMap(([color, dark]) => [
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
details details { margin: .25rem 0 .25rem 1rem; }
h3 { font-size: 1rem; margin: .75rem 0 .25rem; }
section ul { margin: 0; padding-left: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0 0 1rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
html { scroll-padding-top: 4rem; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; padding: .5rem 0; background: var(--back); border-bottom: 1px solid var(--line); }
/* Above all that is sticky itself, such as the head of the table. On a phone it would cover too much of the page. */
@media (min-width: 48rem) { .controls { position: sticky; top: 0; z-index: 10; } }
.answer { list-style: none; padding: 0; margin: 0 0 .5rem; }
.answer li { margin: .35rem 0; }
.answer span { display: inline-block; min-width: 5rem; color: var(--faint); }
summary { cursor: pointer; }
select, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .2rem .5rem; }
button { cursor: pointer; }
.scroll { isolation: isolate; overflow: auto; max-height: 34rem; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; white-space: nowrap; text-align: right; border-bottom: 1px solid var(--line); }
@media (max-width: 40rem) { th[scope="row"] { white-space: normal; overflow-wrap: anywhere; min-width: 8.5rem; } }
th[scope="row"], thead th:first-child { text-align: left; position: sticky; left: 0; background: var(--back); font-weight: normal; }
thead th { position: sticky; top: 0; background: var(--panel); z-index: 1; }
thead th:first-child { background: var(--panel); z-index: 2; }
thead button { border: 0; background: none; padding: 0; font-weight: bold; }
thead [aria-sort="ascending"] button::after { content: " ▲"; }
thead [aria-sort="descending"] button::after { content: " ▼"; }
tr.fastest > * { font-weight: bold; }
tr.skipped > * { color: var(--faint); }
tr.failed > * { color: var(--hot); }
/* Figures of a row grow until they fill it, so that no row has a hole. */
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: stretch; }
.first { display: grid; gap: 1rem; margin-top: 1rem; }
@media (min-width: 60rem) {
  .first { grid-template: "answers charts" max-content "about charts" 1fr / 2fr 3fr; }
  .answers { grid-area: answers; }
  .first .charts { grid-area: charts; align-self: start; }
  .about { grid-area: about; }
}
.first h2 { margin: 0 0 .5rem; }
figure { flex: 1 1 24rem; min-width: 0; margin: 0; padding: .5rem .25rem; border: 1px solid var(--line); border-radius: 6px; }
@media (max-width: 26rem) { figure { flex-basis: 100%; } }
figure.wide { flex-basis: 100%; }
figure h3 { margin: 0 .25rem .25rem; }
figcaption { margin: .25rem; color: var(--faint); font-size: 12px; line-height: 1.4; }
figcaption p { margin: 0; }
/* A picture may grow, but its text gets no smaller: in a narrow window it scrolls. */
.picture { overflow-x: auto; padding-bottom: 6px; }
.picture svg { display: block; width: 100%; min-width: var(--width); max-width: calc(1.35 * var(--width)); height: auto; margin: 0 auto; }
.for-window { display: none; }
@media (min-width: 68rem) { .for-phone { display: none; } .for-window { display: block; } }
svg :focus-visible { outline: 3px solid var(--hot); outline-offset: 2px; }
/* Marks under a text that has no story of its own must still tell theirs. */
svg [aria-hidden="true"], svg [aria-hidden="true"] * { pointer-events: none; }
svg.marks > rect[fill="white"] { fill: transparent; }
svg [aria-label] { cursor: default; }
#tip { position: fixed; z-index: 3; max-width: min(22rem, 90vw); padding: .35rem .6rem; border-radius: 6px; background: var(--ink); color: var(--back); font-size: 13px; pointer-events: none; }
[hidden] { display: none !important; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --ink: #e6edf3; --faint: #9aa4af; --line: #30363d; --panel: #161b22; --hot: #ff7b54; }
  ${darkRules()}
  /* The gaps between marks. White text on a mark stays white. */
  svg [stroke="white"] { stroke: var(--back); }
}
@media print { .controls { display: none; } .scroll { max-height: none; } }
`;
