/** Plans without what nobody needs: launches, and tensors that no launch is left for. */
import { assertEquals } from "@std/assert";
import type { Access } from "../../../kernels/gpu/kernel.ts";
import { pruned } from "../../../kernels/gpu/prune.ts";
import { describe, type Step, workspace } from "../../../kernels/gpu/steps.ts";
import type { Tensor } from "../../../kernels/gpu/tensor.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((label) => workspace(label, [1], "float32"));

function launch(label: string, bound: readonly (readonly [Tensor, Access])[]): Step {
  const kernel = { key: label, label, access: bound.map(([_, access]) => access), wgsl: () => "" };
  const bindings = bound.map(([tensor]) => ({ tensor }));
  return { dispatch: { kernel, bindings, uniforms: [], workgroups: [1, 1, 1], flops: 0, bytes: 0 } };
}

/** A plan in words, without sizes. */
const words = (steps: readonly Step[]) => describe(steps).map((line) => line.split(/[,[]/)[0].trim());

Deno.test("what leads to a needed tensor stays in order, and nothing else", () => {
  const steps: Step[] = [
    { make: b },
    launch("b of a", [[a, "read"], [b, "read_write"]]),
    { make: c },
    launch("c of a", [[a, "read"], [c, "read_write"]]),
    "group",
    { make: d },
    launch("d of c", [[c, "read"], [d, "read_write"]]),
    launch("d of b", [[b, "read"], [d, "read_write"]]),
    { release: b },
    { release: c },
  ];
  assertEquals(pruned(steps, [d]).steps, steps);
  const { steps: left, used } = pruned(steps, [c]);
  assertEquals(words(left), ["make c", "launch c of a", "together:", "release c"]);
  assertEquals([...used], [c, a]);
});

Deno.test("a launch that overwrites what an earlier one needs is left out where only that one is needed", () => {
  const steps: Step[] = [
    { make: c },
    launch("c of a", [[a, "read"], [c, "read_write"]]),
    launch("a in place", [[a, "read_write"]]),
    { make: d },
    launch("d of a", [[a, "read"], [d, "read_write"]]),
    { release: a },
  ];
  assertEquals(words(pruned(steps, [c]).steps), ["make c", "launch c of a", "release a"]);
  assertEquals(words(pruned(steps, [d]).steps), [
    "launch a in place",
    "make d",
    "launch d of a",
    "release a",
  ]);
});
