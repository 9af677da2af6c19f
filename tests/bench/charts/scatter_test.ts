import { assert, assertEquals } from "@std/assert";
import type { Spec } from "../../../bench/charts/chart.ts";
import { type Point, scatterPanel } from "../../../bench/charts/scatter.ts";

function pointsAt(...places: [number, number][]): Point[] {
  return places.map(([x, y], i) => ({ variant: `variant ${i}`, x, y, tip: "" }));
}

/** The shifts of all points, and how many have a line to a dot where they belong. */
function drawn(points: readonly Point[]): { shifts: [number, number][]; dots: number } {
  const order = points.map(({ variant }) => variant);
  const panel = scatterPanel(points, { order, x: { title: "x" }, y: { title: "y" }, width: 200, legend: 2 });
  const [lines, dots, symbols] = (panel.layer as { data: { values: Spec[] } }[]).map(({ data }) =>
    data.values
  );
  assertEquals(lines, dots);
  return { shifts: symbols.map(({ dx, dy }) => [Number(dx), Number(dy)]), dots: dots.length };
}

Deno.test("symbols that lie apart stay where they belong", () => {
  assertEquals(drawn(pointsAt([1, 1], [2, 2], [1, 2])), { shifts: [[0, 0], [0, 0], [0, 0]], dots: 0 });
  assertEquals(drawn(pointsAt([1, 1])), { shifts: [[0, 0]], dots: 0 });
});

Deno.test("symbols of one place stand in a ring, each where it can be seen, and the others stay", () => {
  for (const count of [2, 3, 9]) {
    const same = Array.from({ length: count }, (): [number, number] => [5, 5]);
    const { shifts, dots } = drawn(pointsAt([1, 1], ...same));
    assertEquals([shifts[0], dots], [[0, 0], count]);
    const ring = shifts.slice(1);
    for (const [i, [x, y]] of ring.entries()) {
      for (const [other, at] of ring.slice(i + 1)) assert(Math.hypot(x - other, y - at) > 10, `${count}`);
    }
  }
});

Deno.test("values that differ by less than a symbol's width share a place on a logarithmic axis too", () => {
  const { shifts, dots } = drawn(pointsAt([1, 1], [1000, 1000], [1010, 1005]));
  assertEquals([dots, shifts[0]], [2, [0, 0]]);
  assert(shifts[1].some((shift) => shift !== 0) && shifts[2].some((shift) => shift !== 0));
});
