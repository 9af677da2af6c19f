/**
 * The script of the page: filters, sorting, tooltips, and saving of the data. It never makes markup from text.
 *
 * @module
 */

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

function showTip(event) {
  const mark = event.target.closest("svg path[aria-label], svg text[aria-label], svg line[aria-label]");
  tip.hidden = mark === null;
  if (mark === null) return;
  tip.textContent = mark.getAttribute("aria-label");
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = Math.max(8, Math.min(event.clientX + 12, room)) + "px";
  const below = event.clientY + 16;
  const above = event.clientY - tip.offsetHeight - 12;
  tip.style.top = (below + tip.offsetHeight < innerHeight ? below : Math.max(8, above)) + "px";
}
for (const name of ["pointerover", "pointermove", "click"]) document.addEventListener(name, showTip);
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

document.getElementById("download").addEventListener("click", () => {
  const text = document.getElementById("data").textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "swiglu.json";
  link.click();
  URL.revokeObjectURL(link.href);
});
`;
