/** A command line asks for every combination of its lists, and measures nothing twice. */
import { assertEquals } from "@std/assert";
import { jobOf, repeatsLine, type Request } from "../../../bench/measure/request.ts";

const REQUEST: Request = {
  ...{ adapter: "software", seed: 1, checkSeed: 1, flush: true, minTimeMs: null, samples: null },
  ...{ memoryBudget: null, dryRun: false, sizes: "2x4x8", tokens: null, variants: ["tuned"] },
  ...{ webgpus: ["native"], modes: ["forward"], activation: "silu" },
  dtypes: ["float32"],
  precisions: ["default"],
};

function typesOf(request: Pick<Request, "dtypes" | "precisions">): string[] {
  const { groups, automatic } = jobOf({ ...REQUEST, ...request });
  const types = groups!.map(({ problem: { dtype, precision } }) => `${dtype} ${precision}`);
  assertEquals(automatic.types.map(({ dtype, precision }) => `${dtype} ${precision}`), types);
  return types;
}

Deno.test("every dtype is measured in every precision", () => {
  assertEquals(typesOf({ dtypes: ["float32", "float16"], precisions: ["highest", "default"] }), [
    ...["float32 highest", "float32 default", "float16 highest", "float16 default"],
  ]);
});

Deno.test("a precision that comes twice is measured once, as is one that another covers", () => {
  assertEquals(typesOf({ dtypes: ["float32"], precisions: ["tf32", "tf32"] }), ["float32 tf32"]);
  const special = ["default", "float16-sums", "strassen"] as const;
  assertEquals(typesOf({ dtypes: ["bfloat16"], precisions: special }), ["bfloat16 default"]);
  assertEquals(typesOf({ dtypes: ["float16"], precisions: special }), [
    ...["float16 default", "float16 float16-sums"],
  ]);
  assertEquals(typesOf({ dtypes: ["float32"], precisions: special }).length, 3);
});

Deno.test("products of 16 bits are the same in default, tf32 and fastest, and are measured once", () => {
  const all = ["highest", "default", "tf32", "fastest"] as const;
  assertEquals(typesOf({ dtypes: ["float32"], precisions: all }), all.map((name) => `float32 ${name}`));
  for (const dtype of ["float16", "bfloat16"] as const) {
    assertEquals(typesOf({ dtypes: [dtype], precisions: all }), [`${dtype} highest`, `${dtype} default`]);
    assertEquals(typesOf({ dtypes: [dtype], precisions: ["tf32", "fastest"] }), [`${dtype} tf32`]);
  }
});

Deno.test("what is not measured again is told", () => {
  const line = (dtypes: Request["dtypes"], precisions: Request["precisions"]) =>
    repeatsLine({ ...REQUEST, dtypes, precisions });
  assertEquals(
    line(["float32", "float16", "bfloat16"], ["highest", "default", "tf32", "fastest"]),
    "float16 in tf32 and fastest is computed as in default, " +
      "bfloat16 in tf32 and fastest is computed as in default: not measured again",
  );
  assertEquals(
    line(["float16"], ["tf32", "fastest"]),
    "float16 in fastest is computed as in tf32: not measured again",
  );
  assertEquals(line(["float32"], ["default", "tf32"]), null);
  assertEquals(line(["float16"], ["highest", "tf32"]), null);
});
