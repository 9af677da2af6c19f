import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode } from "../../../kernels/gpu/dtype.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { oracle, pickColumns, pickRows } from "../../../bench/oracle/mod.ts";
import { INPUTS, OUTPUTS } from "../../../bench/peers/peer.ts";
import { Subject } from "../../../bench/peers/subject.ts";
import { PROBLEM } from "./fixture.ts";

function write(subject: Subject, name: string, values: ArrayLike<number>): void {
  Deno.writeFileSync(`${subject.folder}/${name}.bin`, new Uint8Array(Float32Array.from(values).buffer));
}

Deno.test("the inputs of a peer are the bytes that variants compute from", () => {
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    const problem = { ...PROBLEM, dtype };
    using subject = new Subject(problem, { seed: 11 });
    const inputs = randomInputs(problem, 11);
    for (const name of INPUTS) {
      assertEquals(
        Deno.readFileSync(`${subject.folder}/${name}.bin`),
        encode(inputs[name], dtype),
        `${name} ${dtype}`,
      );
    }
  }
});

Deno.test("whole outputs are compared whole, and each with its own reference", () => {
  using subject = new Subject(PROBLEM, { seed: 1 });
  const outputs = oracle(PROBLEM, randomInputs(PROBLEM, 1));
  for (const name of OUTPUTS) write(subject, `full-${name}`, outputs[name]);
  assertEquals([subject.reference.rows, subject.reference.units], [null, null]);
  for (const [name, error] of Object.entries(subject.errorsOf("full"))) assert(error! < 1e-7, name);
  for (const name of OUTPUTS) {
    write(subject, `full-${name}`, outputs[name].map((value) => 2 * value));
    const errors = subject.errorsOf("full");
    assertEquals(OUTPUTS.filter((other) => errors[other]! > 0.5), [name]);
    write(subject, `full-${name}`, outputs[name]);
  }
});

Deno.test("sampled outputs are rows of tokens and columns of hidden units", () => {
  using subject = new Subject({ ...PROBLEM, tokens: 40 }, { seed: 1, wholeUpTo: 0 });
  const { problem: { dim, hiddenDim } } = subject;
  const rows = subject.reference.rows!, units = subject.reference.units!;
  assert(rows.length < 40 && units.length < hiddenDim);
  const { y, dx, dGate, dUp, dDown } = oracle(subject.problem, randomInputs(subject.problem, 1));
  write(subject, "full-y", pickRows(y, dim, rows));
  write(subject, "full-dx", pickRows(dx, dim, rows));
  write(subject, "full-dGate", pickColumns(dGate, hiddenDim, units));
  write(subject, "full-dUp", pickColumns(dUp, hiddenDim, units));
  write(subject, "full-dDown", pickRows(dDown, dim, units));
  for (const [name, error] of Object.entries(subject.errorsOf("full"))) assert(error! < 1e-7, name);
});

Deno.test("forward is asked for y alone, backward for gradients alone", () => {
  using subject = new Subject(PROBLEM, { seed: 1 });
  const outputs = oracle(PROBLEM, randomInputs(PROBLEM, 1));
  write(subject, "forward-y", outputs.y);
  assertEquals(Object.values(subject.errorsOf("forward")).filter((error) => error !== null).length, 1);
  for (const name of OUTPUTS.slice(1)) write(subject, `backward-${name}`, outputs[name]);
  assertEquals(subject.errorsOf("backward").y, null);
});

Deno.test("an output that is missing or was cleared is an error", () => {
  using subject = new Subject(PROBLEM, { seed: 1 });
  assertThrows(() => subject.errorsOf("forward"), Deno.errors.NotFound);
  write(subject, "forward-y", oracle(PROBLEM, randomInputs(PROBLEM, 1)).y);
  subject.errorsOf("forward");
  subject.clearOutputs();
  assertThrows(() => subject.errorsOf("forward"), Deno.errors.NotFound);
  assertEquals([...Deno.readDirSync(subject.folder)].length, INPUTS.length);
});

Deno.test("nothing of a subject is left behind", () => {
  const subject = new Subject(PROBLEM, { seed: 1 });
  subject.dispose();
  assertThrows(() => Deno.statSync(subject.folder), Deno.errors.NotFound);
});
