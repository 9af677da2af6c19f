import { assert, assertEquals } from "@std/assert";
import { type Column, fitted, line } from "../../../bench/report/text.ts";
import { random } from "./fixture.ts";

Deno.test("a space stands between any two cells, whatever their lengths and the width", () => {
  const next = random(3);
  const below = (most: number) => Math.floor(most * next());
  for (let i = 0; i < 2000; i++) {
    const columns = Array.from({ length: 2 + below(6) }, (_, at): Column => ({
      heading: "",
      width: 1 + below(9),
      align: at === 0 || next() < 0.3 ? "left" : "right",
      ...next() < 0.3 ? { leaves: below(3) } : {},
    }));
    const lines = [1, 2].map(() => columns.map((_, at) => "abcdefghijkl"[at].repeat(1 + below(14))));
    const kept = fitted(columns, { lines, width: 20 + below(80) });
    for (const cells of lines) {
      const words = line(cells, kept).split(/ +/).filter((word) => word !== "");
      assertEquals(words.slice(1), kept.slice(1).map(({ index }) => cells[index]), line(cells, kept));
    }
  }
});

Deno.test("fitted() narrows the first column only when no other may leave, and never below what a name needs", () => {
  const columns: Column[] = [
    { heading: "", width: 5, align: "left" },
    { heading: "", width: 10, align: "right", leaves: 2 },
    { heading: "", width: 10, align: "right", leaves: 1 },
    { heading: "", width: 10, align: "right" },
  ];
  const widths = (width: number) =>
    fitted(columns, { lines: [["n".repeat(19), "1", "2", "3"]], width }).map((
      { index, width },
    ) => [index, width]);
  assertEquals(widths(50), [[0, 20], [1, 10], [2, 10], [3, 10]]);
  assertEquals(widths(49), [[0, 20], [1, 10], [3, 10]]);
  assertEquals(widths(39), [[0, 20], [3, 10]]);
  assertEquals(widths(25), [[0, 15], [3, 10]]);
  assertEquals(widths(20), [[0, 12], [3, 10]]);
  assert(widths(Infinity).length === 4);
});
