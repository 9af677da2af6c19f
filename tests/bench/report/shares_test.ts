import { assertEquals } from "@std/assert";
import { Shares } from "../../../bench/report/shares.ts";

Deno.test("parts count by their share, and one that begins again does not go back", () => {
  const shares = new Shares();
  assertEquals(shares.fraction, 0);
  shares.add("long", 30);
  shares.add("short", 10);
  shares.add("long", 99); // told again by a second process
  shares.advance("long", 0.5);
  assertEquals(shares.fraction, 0.375);
  shares.advance("long", 0.1);
  shares.advance("unknown", 1);
  assertEquals(shares.fraction, 0.375);
  shares.advance("short", 2);
  shares.advance("long", 1);
  assertEquals(shares.fraction, 1);
});
