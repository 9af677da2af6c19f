import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import axe from "npm:axe-core@4.11.0";
import { renderPage } from "../../../bench/page/mod.ts";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { ChromiumPage, findChromium, type Screen } from "../../chromium.ts";
import { type FixtureOptions, syntheticReport } from "../report/fixture.ts";

const chromium = findChromium();

const WINDOW: Screen = { width: 1280, height: 800 };
const PHONE: Screen = { width: 390, height: 844, mobile: true };

/** The page of a synthetic report, drawn with charts, in a file that is removed afterwards. */
async function inBrowser(
  options: FixtureOptions,
  test: (page: ChromiumPage) => Promise<void>,
): Promise<void> {
  const file = Deno.makeTempFileSync({ suffix: ".html" });
  try {
    const report = syntheticReport({ faults: true, peers: true, samples: 9, ...options });
    const svg = (spec: Parameters<typeof renderSvg>[0]) => renderSvg(spec, { continued: true });
    Deno.writeTextFileSync(file, await renderPage([{ report, source: "run" }], { draw: svg }));
    await using page = await ChromiumPage.open(chromium!);
    await page.goto(`file://${file}`);
    await test(page);
    assertEquals(page.complaints, []);
  } finally {
    Deno.removeSync(file);
  }
}

/** Chooses a value of a filter as a reader does. */
const choose = (key: string, value: string) =>
  `(() => { const filter = document.querySelector('[data-filter=${key}]'); filter.value = ${
    JSON.stringify(value)
  }; ` +
  `filter.dispatchEvent(new Event("change")); })()`;

/** So many that a chart of all of them is wider than a phone. */
const SIZES: [number, number, number][] = [[1, 1024, 2816], [64, 1024, 2816], [512, 1024, 2816], [
  2048,
  2048,
  5632,
]];

/** Elements that are shown, as an expression. */
const shown = (selector: string) =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].filter((one) => one.checkVisibility())`;

/** Scrolls, and waits until it is drawn. */
const scrollTo = (y: string) =>
  `scrollTo(0, ${y}); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`;

/** The sizes of all texts that are shown, in pixels of the screen; each with its beginning. */
const TEXT_SIZES = `(() => {
  const sizes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || !element.checkVisibility() || element.closest("desc, title, script") !== null) continue;
    const matrix = element.closest("svg") === null ? null : element.getScreenCTM();
    const scale = matrix === null ? 1 : Math.hypot(matrix.a, matrix.b);
    sizes.push({ size: parseFloat(getComputedStyle(element).fontSize) * scale, text: node.data.slice(0, 30) });
  }
  return sizes;
})()`;

/** Whether each filter is on top where it stands, so that it can be clicked. */
const FILTERS_ON_TOP = `[...document.querySelectorAll("select")].every((filter) => {
  const { x, y, width, height } = filter.getBoundingClientRect();
  return document.elementFromPoint(x + width / 2, y + height / 2) === filter;
})`;

interface Violation {
  id: string;
  impact: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** What axe-core finds on the page that is serious or critical. */
async function faultsOf(page: ChromiumPage): Promise<string[]> {
  const violations = await page.evaluate<Violation[]>(
    `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations)`,
  );
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes: [{ target, failureSummary }] }) => `${id}: ${target}: ${failureSummary}`);
}

const skipped = chromium === null ? " (SKIPPED: Chromium is not installed)" : "";

Deno.test({
  name: `report.html works in a browser${skipped}`,
  ignore: chromium === null,
  fn: async (t) => {
    await inBrowser({ sizes: SIZES }, async (page) => {
      const status = () => page.evaluate<string>(`document.getElementById("status").textContent`);
      await t.step(
        "the answer and a whole chart stand above the fold; machine and warnings are folded",
        async () => {
          for (const screen of [WINDOW, PHONE]) {
            await page.show(screen);
            const bottoms = await page.evaluate<number[]>(
              `[...${shown(".answer li")}, ${
                shown("figure[data-kind=times] svg")
              }[0]].map((one) => one.getBoundingClientRect().bottom)`,
            );
            assertEquals(bottoms.length, 4);
            for (const bottom of bottoms) assert(bottom < screen.height, `${bottom} at ${screen.width}`);
          }
          assert(await page.evaluate(`document.querySelectorAll("details").length > 2`));
          assertEquals(await page.evaluate(`document.querySelectorAll("details[open]").length`), 0);
          await page.show(WINDOW);
        },
      );
      await t.step("filters show the rows and charts that were chosen", async () => {
        assertEquals(await status(), "11 rows, 11 charts");
        await page.evaluate(choose("mode", ""));
        assertEquals(await status(), "33 rows, 32 charts");
        await page.evaluate(choose("mode", "backward"));
        assertEquals(
          await page.evaluate(`[...new Set(${shown("tbody tr")}.map((row) => row.children[3].textContent))]`),
          ["backward"],
        );
        assertEquals(await status(), "11 rows, 11 charts");
        const titles = await page.evaluate<string[]>(
          `${shown("figure h3")}.map((title) => title.textContent)`,
        );
        assertEquals(titles.filter((title) => /\b(forward|full)\b/.test(title)), []);
        assertEquals(titles.filter((title) => title.endsWith("under the ceilings: backward")).length, 1);
        await page.evaluate(choose("size", ""));
        assertEquals(await status(), "44 rows, 38 charts");
        await page.evaluate(choose("size", "T 512, D 1024, H 2816"));
        assertEquals(await status(), "11 rows, 11 charts");
      });
      await t.step("the table sorts by a column both ways, rows without a figure last", async () => {
        const times = () =>
          page.evaluate<string[]>(`${shown("tbody tr")}.map((row) => row.children[1].dataset.key)`);
        const sort =
          `[...document.querySelectorAll("thead button")].find((button) => button.textContent === "Time").click()`;
        await page.evaluate(sort);
        const up = await times();
        assertEquals(up.slice(-2), ["", ""]);
        const numbers = up.slice(0, -2).map(Number);
        assertEquals(numbers.length, 9);
        assertEquals(numbers, numbers.toSorted((a, b) => a - b));
        await page.evaluate(sort);
        assertEquals((await times()).slice(0, -2).map(Number), numbers.toReversed());
        assertEquals(await page.evaluate(`document.querySelector("[aria-sort]").textContent`), "Time");
      });
      const tip = () =>
        page.evaluate<string | null>(
          `document.getElementById("tip").hidden ? null : document.getElementById("tip").textContent`,
        );
      await t.step("a mark under the pointer tells its story", async () => {
        await page.evaluate(scrollTo("0"));
        const at = await page.evaluate<{ x: number; y: number; story: string }>(
          `(() => { const mark = ${shown("figure[data-kind=times] path[aria-roledescription=point]")}[0];
          const box = mark.getBoundingClientRect();
          return { x: box.x + box.width / 2, y: box.y + box.height / 2, story: mark.getAttribute("aria-label") }; })()`,
        );
        await page.point(at.x, at.y);
        assertMatch(at.story, /^pytorch, backward: [\d.]+ µs gpu time/);
        assertEquals(await tip(), at.story);
        await page.point(1, 1);
        assertEquals(await tip(), null);
      });
      await t.step("filters and marks work by keyboard alone", async () => {
        await page.evaluate(`document.activeElement.blur(); ${scrollTo("0")}`);
        await page.press("Tab");
        assertEquals(await page.evaluate("document.activeElement.dataset.filter"), "mode");
        await page.press("ArrowDown");
        assertMatch(await page.evaluate<string>("document.activeElement.value"), /^full$/);
        assertEquals(
          await page.evaluate(`[...new Set(${shown("tbody tr")}.map((row) => row.children[3].textContent))]`),
          ["full"],
        );
        const label = () => page.evaluate<string | null>(`document.activeElement.getAttribute("aria-label")`);
        for (let i = 0; i < 5 && !(await label())?.startsWith("pytorch, full: "); i++) {
          await page.press("Tab");
        }
        const first = await label();
        assertMatch(first!, /^pytorch, full: /);
        assertEquals(await tip(), first);
        await page.press("ArrowRight");
        assertMatch((await label())!, /^alphafold3, full: /);
        assertEquals(await tip(), await label());
        await page.press("End");
        assertNotEquals(await label(), first);
        await page.press("Home");
        assertEquals(await label(), first);
        await page.press("Escape");
        assertEquals(await tip(), null);
        await page.press("Tab");
        assertEquals(await page.evaluate(`document.activeElement.closest("figure[data-kind=times]")`), null);
      });
      await t.step("nothing covers the filters, wherever the page and the table are scrolled", async () => {
        // In so low a window the head of the table, which sticks too, reaches the filters.
        await page.show({ ...WINDOW, height: 300 });
        await page.evaluate(`document.querySelector(".scroll").scrollTop = 40`);
        const [table, height] = await page.evaluate<[number, number]>(
          `[document.querySelector(".scroll").getBoundingClientRect().top + scrollY, document.documentElement.scrollHeight]`,
        );
        for (const y of [0, height / 2, table - 25, table, table + 25, height]) {
          await page.evaluate(scrollTo(String(y)));
          assert(await page.evaluate(FILTERS_ON_TOP), `at ${y}`);
        }
        await page.show(WINDOW);
      });
      await t.step("figures fill every row", async () => {
        for (const mode of ["", "full"]) {
          await page.evaluate(choose("mode", mode));
          const holes = await page.evaluate<number[]>(
            `[...document.querySelectorAll(".charts")].flatMap((charts) => {
              const ends = new Map();
              for (const one of charts.children) {
                if (!one.checkVisibility()) continue;
                const { top, right } = one.getBoundingClientRect();
                ends.set(top, Math.max(ends.get(top) ?? 0, right));
              }
              return [...ends.values()].map((end) => charts.getBoundingClientRect().right - end);
            })`,
          );
          assert(holes.length > 4);
          for (const hole of holes) assert(Math.abs(hole) < 1, `${hole} pixels`);
        }
      });
      await t.step(
        "a phone shows it without scrolling sideways, times beside names, in text of 12 pixels",
        async () => {
          await page.show(PHONE);
          assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 390);
          const [heading, right] = await page.evaluate<[string, number]>(
            `(() => { const time = document.querySelectorAll("thead th")[1];
          return [time.textContent, time.getBoundingClientRect().right]; })()`,
          );
          assertEquals(heading, "Time");
          assert(right < 390, `the column of times ends at ${right}`);
          await page.evaluate(`document.querySelectorAll("details").forEach((one) => one.open = true)`);
          const texts = await page.evaluate<{ size: number; text: string }[]>(TEXT_SIZES);
          assert(texts.length > 300, `${texts.length} texts`);
          assertEquals(texts.filter(({ size }) => size < 11.99), []);
        },
      );
      await t.step("a dark page is dark, and its text light", async () => {
        await page.show({ ...WINDOW, dark: true });
        const [back, text, title] = await page.evaluate<string[]>(
          `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
          getComputedStyle(document.querySelector("figure:not([hidden]) svg text")).fill]`,
        );
        const light = (color: string) => Math.max(...color.match(/\d+/g)!.slice(0, 3).map(Number));
        assert(light(back) < 40 && light(text) > 200 && light(title) > 200, `${back} ${text} ${title}`);
        assert((await page.screenshot()).length > 10_000);
      });
    });
  },
});

Deno.test({
  name: `axe-core finds nothing serious on the page, in a light window and on a dark phone${skipped}`,
  ignore: chromium === null,
  fn: () =>
    // It looks at every element, hidden ones too, so that the page is small.
    inBrowser({ sizes: [[4, 8, 16], [8, 8, 16]], modes: ["full"] }, async (page) => {
      await page.evaluate(axe.source);
      for (const screen of [WINDOW, { ...PHONE, dark: true }]) {
        await page.show(screen);
        assertEquals(await faultsOf(page), [], `${screen.width}`);
      }
      // What it finds where there is something.
      await page.evaluate(`${shown("svg")}[0].removeAttribute("aria-label")`);
      assertMatch((await faultsOf(page)).join(), /svg-img-alt/);
    }),
});
