/**
 * The script of the page: filters, sorting, tooltips of marks, by pointer and by keyboard, and saving of the data. It never makes markup from text.
 *
 * @module
 */

/** The source by which a policy allows a script that stands in a page, and no other: its hash. */
export async function sourceOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}

/** The script, as it stands in the page. */
export const SCRIPT = `"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const filters = all("select[data-filter]");
const filtered = all("[data-mode], [data-dtype], [data-size], [data-source]");
const status = document.getElementById("status");

function applyFilters() {
  const chosen = filters.filter((filter) => filter.value !== "");
  for (const element of filtered) {
    element.hidden = chosen.some((filter) => {
      const own = element.dataset[filter.dataset.filter];
      return own !== undefined && own !== filter.value;
    });
  }
  const shown = (selector) => all(selector).filter((element) => !element.hidden).length;
  status.textContent = shown("tbody tr") + " rows, " + shown("figure") + " charts";
}
for (const filter of filters) filter.addEventListener("change", applyFilters);
applyFilters();

const body = document.querySelector("tbody");
const keyOf = (row, column) => row.children[column].dataset.key;

function compareKeys(a, b) {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}

function sortBy(heading, column) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of all("thead th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const rows = all("tr", body);
  const filled = rows.filter((row) => keyOf(row, column) !== "");
  filled.sort((a, b) => (descending ? -1 : 1) * compareKeys(keyOf(a, column), keyOf(b, column)));
  body.append(...filled, ...rows.filter((row) => keyOf(row, column) === ""));
}
all("thead th").forEach((heading, column) => {
  heading.firstElementChild.addEventListener("click", () => sortBy(heading, column));
});

const tip = document.getElementById("tip");
const MARK = "svg path[aria-label], svg text[aria-label], svg line[aria-label]";

function showTip(mark, x, y) {
  tip.hidden = mark === null;
  if (mark === null) return;
  tip.textContent = mark.getAttribute("aria-label");
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = Math.max(8, Math.min(x + 12, room)) + "px";
  const below = y + 16;
  const above = y - tip.offsetHeight - 12;
  tip.style.top = (below + tip.offsetHeight < innerHeight ? below : Math.max(8, above)) + "px";
}
for (const name of ["pointerover", "pointermove", "click"]) {
  document.addEventListener(name, (event) => showTip(event.target.closest(MARK), event.clientX, event.clientY));
}
addEventListener("scroll", () => { if (document.activeElement.matches(MARK) === false) tip.hidden = true; }, { passive: true });

// A chart is one stop of the Tab key. Arrows go from mark to mark, Home and End to the first and the last.
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function focusMark(marks, at) {
  const next = Math.max(0, Math.min(at, marks.length - 1));
  marks.forEach((mark, i) => mark.setAttribute("tabindex", i === next ? "0" : "-1"));
  marks[next].focus();
}
for (const svg of all("svg")) {
  // A title element would show a tooltip of its own beside that of the marks.
  const title = svg.querySelector(":scope > title");
  if (title !== null) {
    svg.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  const marks = all(MARK.replaceAll("svg ", ":scope "), svg).filter((mark) => mark.closest("[aria-hidden=true]") === null);
  marks.forEach((mark, i) => mark.setAttribute("tabindex", i === 0 ? "0" : "-1"));
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    focusMark(marks, marks.indexOf(event.target) + step);
  });
  svg.addEventListener("focusin", (event) => {
    const box = event.target.getBoundingClientRect();
    showTip(event.target.closest(MARK), box.right, box.bottom);
  });
  svg.addEventListener("focusout", () => { tip.hidden = true; });
}

document.getElementById("download").addEventListener("click", () => {
  const text = document.getElementById("data").textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "swiglu.json";
  link.click();
  URL.revokeObjectURL(link.href);
});
`;
