import { assert, assertEquals } from "@std/assert";
import type { Spec } from "../../../bench/charts/chart.ts";
import { type Point, scatterPanel, spread } from "../../../bench/charts/scatter.ts";

const pointsAt = (...places: [number, number][]) =>
  places.map(([x, y], i): Point => ({ variant: `variant ${i}`, x, y, tip: "" }));

function panelOf(points: readonly Point[]) {
  const order = points.map(({ variant }) => variant);
  const panel = scatterPanel(points, { order, x: { title: "x" }, y: { title: "y" }, width: 200 });
  const [lines, keys, names, symbols] = panel.layer as { data: { values: Spec[] }; mark: Spec }[];
  return { height: panel.height as number, lines, keys, names, symbols };
}

Deno.test("points stay where their figures are, however many share a place", () => {
  const points = pointsAt([5, 5], [5, 5], [5, 5], [1, 1]);
  const { symbols } = panelOf(points);
  assertEquals(symbols.data.values.map(({ x, y }) => [x, y]), points.map(({ x, y }) => [x, y]));
  assertEquals(Object.keys(symbols.mark).filter((key) => /offset/i.test(key)), []);
});

Deno.test("every point has a name beside the panel, with a line from it to the point", () => {
  const { lines, keys, names } = panelOf(pointsAt([1, 1], [2, 2], [2, 2]));
  assertEquals(names.data.values.map(({ variant }) => variant), ["variant 0", "variant 1", "variant 2"]);
  assertEquals([lines.data, keys.data], [names.data, names.data]);
});

Deno.test("names stand apart, within the panel, in the order of their points", () => {
  for (const ys of [[50, 50, 50, 50], [0, 1, 2], [199, 198], [10, 100, 101, 190]]) {
    const places = spread(ys.map((wanted) => ({ wanted, x: 0 })), 200);
    const sorted = ys.map((y, i) => ({ y, place: places[i] })).toSorted((a, b) =>
      a.y - b.y || a.place - b.place
    );
    for (const [i, { place }] of sorted.entries()) {
      assert(place >= 7 && place <= 193, `${place}`);
      if (i > 0) assert(place - sorted[i - 1].place >= 14.99, `${ys}: ${places}`);
    }
  }
  assertEquals(spread([{ wanted: 30, x: 0 }, { wanted: 100, x: 0 }], 200), [30, 100]);
});

Deno.test("a panel is as high as its names need", () => {
  const many = pointsAt(...Array.from({ length: 30 }, (_, i): [number, number] => [i, 1]));
  assert(panelOf(many).height >= 30 * 15);
});
