import { assert, assertEquals } from "@std/assert";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { logTicks, quantity, tickLabels } from "../../../bench/charts/axes.ts";

/** The parts of a channel that this file looks at. */
interface Channel {
  scale: { type: string; domain?: [number, number] };
  axis: { title: string; values?: number[] };
}

const channel = (values: number[], log?: boolean) =>
  quantity("x", values, { title: "time, ms", log }) as unknown as Channel;

Deno.test("logTicks() are round, inside the axis, and few", () => {
  assertEquals(logTicks(1.5, 60), [2, 5, 10, 20, 50]);
  assertEquals(logTicks(2.1e-7, 4.5e-7), [3e-7, 4e-7]);
  assertEquals(logTicks(0.5, 3000), [1, 10, 100, 1000]);
  for (const [low, high] of [[1e-12, 1e12], [3, 4], [1, 1e5]]) {
    const ticks = logTicks(low, high);
    assert(ticks.length >= 1 && ticks.length <= 8, `${low} to ${high}: ${ticks}`);
    assert(ticks.every((tick) => tick >= low && tick <= high));
  }
});

Deno.test("quantity() is logarithmic where values spread far, and says so nowhere else", () => {
  assertEquals(channel([10, 12, 15]).scale.type, "linear");
  assertEquals(channel([10, 12, 150]).scale.type, "log");
  assertEquals(channel([0, 12, 150]).scale.type, "linear");
  assertEquals(channel([10, 12], true).scale.type, "log");
});

Deno.test("quantity() leaves room around the values and a wide axis around a single one", () => {
  const { scale } = channel([10, 1000]);
  assert(scale.domain![0] < 9 && scale.domain![1] > 1100);
  assertEquals(channel([100, 100.5]).scale.domain?.map(Math.round), [80, 121]);
  assertEquals(channel([0, 0]).scale.domain, [0, 1]);
});

Deno.test("the domain of a linear axis is told, with room around the values, and never below 0", () => {
  const { domain } = channel([10, 12, 20]).scale;
  assert(domain![0] > 8 && domain![0] < 10 && domain![1] > 20 && domain![1] < 22);
  assertEquals(channel([0, 10]).scale.domain![0], 0);
});

Deno.test("ticks read 20 G, not 2e+10", async () => {
  const spec = {
    width: 300,
    data: { values: [{ x: 2e9 }, { x: 4e12 }] },
    mark: "point",
    encoding: { x: quantity("x", [2e9, 4e12], { title: "work, FLOP" }) },
  };
  const texts = [...(await renderSvg(spec)).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
  assertEquals(texts.filter((text) => /\d/.test(text)), ["10 G", "100 G", "1 T"]);
  assertEquals(tickLabels(1, 500), { format: "~r" });
  assertEquals(tickLabels(1e-7, 1e-5), { format: ".0e" });
});
