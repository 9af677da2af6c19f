import { assertEquals } from "@std/assert";
import { FLAGS } from "../../../bench/process/flags.ts";

Deno.test("bench/README.md has every argument as --help tells it, in the same order", () => {
  const text = Deno.readTextFileSync(new URL("../../../bench/README.md", import.meta.url));
  const table = text.split("\n").filter((line) => line.startsWith("| `--"));
  const cells = table.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assertEquals(
    cells,
    FLAGS.map(({ name, value, help, standard = "" }) => [
      `\`--${name}${value === undefined ? "" : ` ${value}`}\``,
      help,
      standard,
    ]),
  );
});
