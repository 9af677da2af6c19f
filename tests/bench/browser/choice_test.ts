import { assert, assertEquals, assertThrows } from "@std/assert";
import { AUTOMATIC, jobOfQuery, OFFERS, settingsOf } from "../../../bench/browser/choice.ts";
import { machineOf } from "../../../bench/browser/machine.ts";
import { ArgumentError } from "../../../bench/measure/shapes.ts";
import { variants } from "../../../variants/mod.ts";

const jobOf = (query: string) => jobOfQuery(new URLSearchParams(query));

Deno.test("an address without a query asks for every variant, forward and full, at sizes that are picked", () => {
  const job = jobOf("");
  assertEquals([job.groups, job.webgpu, job.automatic.types], [null, "browser", [
    { dtype: "float32", precision: "default" },
  ]]);
  assertEquals(
    job.automatic.rows.map(({ variant, mode }) => `${variant} ${mode}`),
    ["forward", "full"].flatMap((mode) => variants.map(({ id }) => `${id} ${mode}`)),
  );
  assertEquals(settingsOf(job), settingsOf(jobOf(`sizes=${AUTOMATIC}`)));
});

Deno.test("a query has the words of the command line", () => {
  const { groups } = jobOf(
    "sizes=af3-single,8x16x48&dtype=float16,bfloat16&precision=fastest&activation=gelu&modes=backward&variants=tuned",
  );
  assertEquals(
    groups!.map((
      { problem: { tokens, dim, hiddenDim, dtype }, rows },
    ) => [tokens, dim, hiddenDim, dtype, rows]),
    ["float16", "bfloat16"].flatMap((dtype) =>
      [[512, 384, 1536], [8, 16, 48]].map((
        size,
      ) => [...size, dtype, [{ variant: "tuned", mode: "backward" }]])
    ),
  );
  assert(groups!.every(({ problem }) => problem.precision === "fastest" && problem.activation === "gelu"));
});

Deno.test("everything that the form offers can be measured", () => {
  for (const { name, values } of OFFERS) for (const value of values) jobOf(`${name}=${value}`);
});

Deno.test("a query that asks for what there is not is refused by name", () => {
  for (
    const query of ["sizes=4y4", "dtype=float8", "variants=mine", "modes=sideways", "seed=1", "tokens=0"]
  ) {
    const error = assertThrows(() => jobOf(query), ArgumentError);
    assert(
      /Cannot use (--)?(sizes|dtype|variants|modes|tokens|the address) as/.test(error.message),
      error.message,
    );
  }
});

Deno.test("a query that misspells a name is told the one that is near", () => {
  for (
    const [query, meant] of [
      ["variants=tunde", "tuned"],
      ["sizes=lama-3-8b", "llama-3-8b"],
      ["dytpe=float32", "dtype"],
    ]
  ) {
    const { message } = assertThrows(() => jobOf(query), ArgumentError);
    assert(message.endsWith(`, did you mean ${meant}?`), message);
  }
});

Deno.test("the machine is the browser with its version, by its brands or by its user agent", () => {
  const agent =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
  const safari = machineOf({ userAgent: agent, hardwareConcurrency: 8 }, "1.0");
  assertEquals(safari, {
    system: "Macintosh",
    cores: 8,
    load: null,
    versions: { suite: "1.0", Safari: "26.0" },
  });
  const brands = ["Not)A;Brand", "Chromium", "Google Chrome"].map((brand, i) => ({
    brand,
    version: `${140 + i}`,
  }));
  const userAgentData = { platform: "Windows", brands };
  const chrome = machineOf({ userAgent: "", hardwareConcurrency: 4, userAgentData }, "1.0");
  assertEquals([chrome.system, chrome.versions], ["Windows", { suite: "1.0", "Google Chrome": "142" }]);
});
