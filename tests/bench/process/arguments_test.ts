import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BenchOptions,
  parseArguments,
  UsageError,
  variantModulesIn,
} from "../../../bench/process/arguments.ts";
import { FLAGS, helpPage, helpText } from "../../../bench/process/flags.ts";
import { renderHelp } from "../../../bench/process/help.ts";
import { nearest } from "../../../bench/report/nearest.ts";
import { parsePlotArguments, PLOT_PAGE } from "../../../bench/process/plot_arguments.ts";
import { UNBOUNDED } from "../../../bench/report/layout.ts";
import { HOSTILE_INPUTS } from "../../hostile.ts";
import { random } from "../report/fixture.ts";

const CHOICES = { variants: ["pytorch", "liger", "tuned"], activations: ["silu", "gelu"], peers: ["jax-js"] };

function bench(...args: string[]): BenchOptions {
  const command = parseArguments(args, CHOICES);
  if (command.kind !== "bench") throw new Error(`the command is ${command.kind}`);
  return command.options;
}

Deno.test("no argument means all variants and modes in float32, sizes left to the adapter", () => {
  assertEquals(bench(), {
    sizes: null,
    tokens: null,
    variants: ["pytorch", "liger", "tuned"],
    variantModules: [],
    modes: ["forward", "backward", "full"],
    dtypes: ["float32"],
    precisions: ["default"],
    activation: "silu",
    minTimeMs: null,
    samples: null,
    seed: 0,
    checkSeed: null,
    adapter: "high-performance",
    webgpus: ["native"],
    memoryBudget: null,
    outputDir: "results",
    flush: true,
    resume: false,
    dryRun: false,
    json: false,
    peers: [],
    timeoutSeconds: 600,
  });
});

Deno.test("every argument is read, with = and with a space", () => {
  const options = bench(
    ..."--sizes 4096,af3-pair --tokens=16 --variants tuned,pytorch --modes backward --dtype float16,float32"
      .split(" "),
    ..."--precision fastest,default --activation gelu --min-time 50 --samples=7 --seed 12 --adapter software --webgpu dawn,native"
      .split(
        " ",
      ),
    ..."--memory-budget 1.5GiB --output-dir /tmp/a --no-flush --resume --dry-run --json -"
      .split(" "),
    ..."--peers all --timeout 9".split(" "),
  );
  assertEquals(options, {
    sizes: "4096,af3-pair",
    tokens: "16",
    variants: ["pytorch", "tuned"],
    variantModules: [],
    modes: ["backward"],
    dtypes: ["float32", "float16"],
    precisions: ["default", "fastest"],
    activation: "gelu",
    minTimeMs: 50,
    samples: 7,
    seed: 12,
    checkSeed: 12,
    adapter: "software",
    webgpus: ["native", "dawn"],
    memoryBudget: 1.5 * 2 ** 30,
    outputDir: "/tmp/a",
    flush: false,
    resume: true,
    dryRun: true,
    json: true,
    peers: ["jax-js"],
    timeoutSeconds: 9,
  });
});

Deno.test("--variant may come several times, and its variants are measured whichever others are chosen", () => {
  const args = "--variant ./a.ts --variants tuned --variant=b.ts --variant ./a.ts".split(" ");
  assertEquals(variantModulesIn(args), ["./a.ts", "b.ts"]);
  assertEquals(variantModulesIn([...args, "--help"]), []);
  const choices = { ...CHOICES, variants: [...CHOICES.variants, "mine"], own: ["mine"] };
  const command = parseArguments(args, choices);
  if (command.kind !== "bench") throw new Error(command.kind);
  assertEquals(command.options.variants, ["tuned", "mine"]);
  assertEquals(command.options.variantModules, ["./a.ts", "b.ts"]);
  assertEquals(command.given, ["--variants=tuned", "--variant=./a.ts", "--variant=b.ts", "--variant=./a.ts"]);
  assertThrows(
    () => variantModulesIn(["--variant", ""]),
    UsageError,
    "Cannot use --variant as it needs a value",
  );
});

Deno.test("the subcommands are recognised", () => {
  assertEquals(parseArguments(["compare", "a.json", "b.json"], CHOICES), {
    kind: "compare",
    before: "a.json",
    after: "b.json",
    threshold: 2,
    failOnRegression: null,
  });
  const strict = parseArguments(["compare", "a.json", "b.json", "--threshold=0.5"], CHOICES);
  assertEquals(strict.kind === "compare" && strict.threshold, 0.5);
  const compared = parseArguments(["compare", "a.json", "--fail-on-regression", "2.5", "b.json"], CHOICES);
  assertEquals(compared.kind === "compare" && compared.failOnRegression, 2.5);
  assertEquals(parseArguments(["tune", "--sizes", "64"], CHOICES).kind, "tune");
  assertEquals(parseArguments(["--list"], CHOICES), { kind: "list" });
});

const BAD: [string, string[], string][] = [
  ["an unknown flag", ["--size", "4096"], '"--size" as there is no such argument: did you mean --sizes?'],
  ["an unknown short flag", ["-x"], '"-x" as there is no such argument'],
  ["a stray word", ["4096"], '"4096" as arguments start with --'],
  ["a word behind --", ["--", "--sizes"], '"--sizes" as arguments start with --'],
  ["a flag without its value", ["--sizes"], "--sizes as it needs a value: --sizes LIST"],
  ["a flag with an empty value", ["--sizes="], "--sizes as it needs a value"],
  ["a flag followed by a flag", ["--sizes", "--dry-run"], "--sizes as it needs a value"],
  ["a flag that comes twice", ["--seed", "1", "--seed=2"], "--seed as it must come once: it comes 2 times"],
  ["a switch with a value", ["--dry-run=maybe"], "--dry-run as it takes no value"],
  ["a negation of what has none", ["--no-resume"], '"--no-resume" as there is no such argument'],
  [
    "an unknown variant",
    ["--variants", "tuned,cuda"],
    'must be pytorch, liger or tuned: current value is "cuda"',
  ],
  ["an empty name in a list", ["--variants", "tuned,"], 'current value is ""'],
  ["an unknown mode", ["--modes", "both"], 'must be forward, backward or full: current value is "both"'],
  ["an unknown dtype", ["--dtype", "f32"], "must be float32, float16 or bfloat16"],
  [
    "an unknown precision",
    ["--precision", "exact"],
    "must be highest, default, tf32, fastest, float16-sums or strassen",
  ],
  ["an unknown activation", ["--activation", "swish"], "must be silu or gelu"],
  ["an unknown adapter", ["--adapter", "gpu"], "must be high-performance, low-power or software"],
  ["an unknown peer", ["--peers", "numpy"], 'current value is "numpy"'],
  [
    "a negative time",
    ["--min-time", "-5"],
    '--min-time as it must be a whole number from 1 to 3600000: current value is "-5"',
  ],
  ["zero samples", ["--samples", "0"], "--samples as it must be a whole number from 1 to 10000"],
  ["a broken number", ["--seed", "1e3"], 'current value is "1e3"'],
  ["a seed out of bounds", ["--seed", "4294967296"], "from 0 to 4294967295"],
  ["a budget without number", ["--memory-budget", "lots"], "a number of bytes such as"],
  ["a budget in a strange unit", ["--memory-budget", "1toString"], "a number of bytes such as"],
  ["a budget of nothing", ["--memory-budget", "0"], "a number of bytes such as"],
  ["json to a file", ["--json", "x.json"], '--json as it must be -: current value is "x.json"'],
  ["compare with one file", ["compare", "a.json"], "two report files must be named: current number is 1"],
  [
    "compare with three files",
    ["compare", "a", "b", "c"],
    "two report files must be named: current number is 3",
  ],
  [
    "compare that measures",
    ["compare", "a", "b", "--sizes", "4"],
    "--sizes here as `bench.ts compare` measures nothing",
  ],
  ["a bad percentage", ["compare", "a", "b", "--fail-on-regression", "x"], "must be a number from 0 to 1000"],
  [
    "a bad threshold",
    ["compare", "a", "b", "--threshold", "-1"],
    "--threshold as it must be a number from 0 to 1000",
  ],
  ["a threshold without compare", ["--threshold", "5"], "belongs to `bench.ts compare`"],
  ["a percentage without compare", ["--fail-on-regression", "5"], "belongs to `bench.ts compare`"],
  ["a stray word behind tune", ["tune", "fast"], '"fast" as arguments start with --'],
  ["tune with modes", ["tune", "--modes", "forward"], "--modes here as it changes nothing in what"],
  ["tune that goes on", ["tune", "--resume"], "--resume here as it changes nothing in what"],
  ["tune without flush", ["tune", "--no-flush"], "--no-flush here as it changes nothing in what"],
  ["a list of tune's", ["tune", "--list"], "--list here as it changes nothing in what"],
  ["compare without flush", ["compare", "a", "b", "--no-flush"], "--no-flush here as `bench.ts compare`"],
];

for (const [name, args, message] of BAD) {
  Deno.test(`${name} is refused in one line that names it`, () => {
    const error = assertThrows(() => parseArguments(args, CHOICES), UsageError);
    assertStringIncludes(error.message, message);
    assert(error.message.startsWith("Cannot ") && !error.message.includes("\n"), error.message);
  });
}

Deno.test("a hundred thousand generated command lines end in a command or in a UsageError of one line", () => {
  const next = random(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)];
  const values = [
    "4096",
    "1x2x3",
    "-1",
    "-",
    "--",
    "",
    "all",
    "tuned",
    "float32",
    "full",
    "silu",
    "1e999",
    "\n",
    "\u202e=",
    "2GiB",
  ];
  const words = [
    ...FLAGS.flatMap(({ name }) => [`--${name}`, `--no-${name}`]),
    "compare",
    "tune",
    "-h",
    "---",
    "--__proto__",
    "--constructor.prototype.x",
    "-a=b",
    "--=",
    "--sizes.x",
  ];
  const ends = new Map<string, number>();
  for (let i = 0; i < HOSTILE_INPUTS["command lines"]; i++) {
    const args = Array.from({ length: Math.floor(next() * 4) }, () => {
      const word = next() < 0.7 ? pick(words) : pick(values);
      return next() < 0.5 ? word : `${word}=${pick(values)}`;
    });
    if (next() < 0.5) args.push(pick(words), pick(values));
    if (next() < 0.05) args.unshift("compare", pick(values), "b.json");
    const end = endOf(args);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (const kind of ["bench", "tune", "help", "list", "compare", "refused"]) {
    assert((ends.get(kind) ?? 0) > 10, `${kind} came ${ends.get(kind)} times`);
  }
});

function endOf(args: string[]): string {
  try {
    return parseArguments(args, CHOICES).kind;
  } catch (error) {
    if (!(error instanceof UsageError)) {
      throw new Error(`${JSON.stringify(args)} broke the parser`, { cause: error });
    }
    assert(!error.message.includes("\n"), error.message);
    return "refused";
  }
}

const TOPICS = ["bench", "tune", "compare"] as const;

Deno.test("each command has a help of its own, and all of them name every argument", () => {
  const topicOf = (...args: string[]) => {
    const command = parseArguments(args, CHOICES);
    return command.kind === "help" && command.topic;
  };
  assertEquals(topicOf("--help", "--list"), "bench");
  assertEquals([topicOf("tune", "-h"), topicOf("compare", "--help"), topicOf("--help", "compare")], [
    "tune",
    "compare",
    "compare",
  ]);
  const texts = TOPICS.map((topic) => helpText(topic, UNBOUNDED));
  for (const { name } of FLAGS) assert(texts.some((text) => text.includes(`\n  --${name}`)), name);
  assert(!texts[0].includes("--fail-on-regression PERCENT") && !texts[1].includes("--modes"));
  assertStringIncludes(texts[1].replace(/\s+/g, " "), "multiple of 256 [default: 4096]");
});

Deno.test("the help keeps to the columns of a terminal, has colours only there, and labels defaults", () => {
  for (const page of [...TOPICS.map(helpPage), PLOT_PAGE]) {
    for (const columns of [80, 120]) {
      const text = renderHelp(page, { columns, coloured: false });
      for (const line of text.split("\n")) assert(line.length <= columns, line);
      assertStringIncludes(text, "[default: ");
      assert(!text.includes("\u001b"));
    }
    assertStringIncludes(renderHelp(page, { columns: 80, coloured: true }), "\u001b[1mUsage");
  }
});

Deno.test("every example of the help is a command line that this program takes", () => {
  const choices = { ...CHOICES, activations: ["silu"], peers: [] };
  for (const topic of TOPICS) {
    for (const [example] of helpPage(topic).examples) {
      const [task, ...args] = example.replace(/^deno task /, "").split(" ");
      const { kind } = parseArguments(task === "tune" ? ["tune", ...args] : args, choices);
      assertEquals(kind, topic, example);
    }
  }
  for (const [example] of PLOT_PAGE.examples) {
    const args = example.replace(/^deno task plot ?/, "").split(" ").filter((word) => word !== "");
    assert(["draw", "readme"].includes(parsePlotArguments(args).kind), example);
  }
});

Deno.test("a name that is nearly right is answered by what is meant", () => {
  const names = FLAGS.map(({ name }) => name);
  const meant = ["size", "SIZES", "budget", "min-tiem", "output", "flsh", "zzz", "x", ""].map((word) =>
    nearest(word, names)
  );
  assertEquals(meant, [
    "sizes",
    "sizes",
    "memory-budget",
    "min-time",
    "output-dir",
    "flush",
    null,
    null,
    null,
  ]);
  assertEquals(nearest("x".repeat(99), names), null);
  const told = (...args: string[]) => assertThrows(() => parseArguments(args, CHOICES), UsageError).message;
  assertStringIncludes(
    told("--size", "4"),
    'Cannot use "--size" as there is no such argument: did you mean --sizes?',
  );
  assertStringIncludes(told("--zzz"), "there is no such argument: --help lists all");
  assertStringIncludes(told("tun"), "did you mean tune?");
  assertStringIncludes(told("--variants", "tunde"), 'current value is "tunde", did you mean tuned?');
  assertStringIncludes(told("--dtype", "float23"), "did you mean float32?");
  const plot = assertThrows(() => parsePlotArguments(["--chek"]), UsageError);
  assertStringIncludes(plot.message, "did you mean --check?");
});
