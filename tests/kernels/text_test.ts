import { assertEquals } from "@std/assert";
import { indented, withOwnNames } from "../../kernels/text.ts";

Deno.test("lines are indented by the braces and parentheses around them, and empty ones go", () => {
  const text =
    "fn f(a: u32,\nb: u32) {\n\n  if (a == b) { return; } // a { in a comment\nwhile (true) {\nlet c = max(\na, b);\n}\n}";
  assertEquals(
    indented(text),
    `fn f(a: u32,
  b: u32) {
  if (a == b) { return; } // a { in a comment
  while (true) {
    let c = max(
      a, b);
  }
}
`,
  );
});

Deno.test("names of an expression become the kernel's own; members, numbers and longer words stay", () => {
  assertEquals(
    withOwnNames("target * x.target + 1e5 * e5 - targets(e5, 2.0e5)", ["target", "e5"]),
    "target_ * x.target + 1e5 * e5_ - targets(e5_, 2.0e5)",
  );
});
