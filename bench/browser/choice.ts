/**
 * What a visitor chooses: the page's query, in the words of bench.ts's flags, and the job that it asks for.
 *
 * @module
 */

import { ACTIVATIONS } from "../../kernels/activation.ts";
import { variants } from "../../variants/mod.ts";
import type { Job } from "../measure/job.ts";
import { jobOf, problemsOf, type Request } from "../measure/request.ts";
import { ArgumentError, formatSizes } from "../measure/shapes.ts";
import { LADDER } from "../measure/sizes.ts";
import { BROWSER, DTYPES, MODES, PRECISIONS } from "../report/schema.ts";

/** A choice: its name in the query, and what it offers. The first is taken where the query gives none. */
export interface Offer {
  readonly name: string;
  readonly label: string;
  readonly values: readonly string[];
}

/** Picks sizes that this adapter finishes in about a minute. */
export const AUTOMATIC = "automatic";

/** Sizes smaller than these say more about launches than about products. */
const LEAST_DIM = 256;

/** What the page's form offers. The query may ask for more. */
export const OFFERS: readonly Offer[] = [
  {
    name: "sizes",
    label: "Size",
    values: [AUTOMATIC, ...LADDER.filter(({ dim }) => dim >= LEAST_DIM).map(formatSizes)],
  },
  { name: "dtype", label: "Type", values: DTYPES },
  // Those that can spoil numbers have to be asked for by name.
  { name: "precision", label: "Precision", values: ["default", "highest", "tf32", "fastest"] },
];

/** The seed of the inputs, which are then those of bench.ts. */
const SEED = 0;

/** What a query may ask for. */
const NAMES = ["sizes", "tokens", "dtype", "precision", "activation", "modes", "variants"];

/** What a query asks for. @throws {ArgumentError} If there is no such thing; the message names the argument. */
function requestOf(query: URLSearchParams): Request {
  for (const name of query.keys()) {
    if (!NAMES.includes(name)) {
      throw new ArgumentError("the address", `it may have ${NAMES.join(", ")}`, name, NAMES);
    }
  }
  const list = <T extends string>(name: string, choices: readonly T[], fallback: readonly T[]): T[] => {
    const values = query.get(name)?.split(",") ?? fallback;
    const unknown = values.find((value) => !choices.includes(value as T));
    if (unknown === undefined) return values as T[];
    throw new ArgumentError(name, `it must be among ${choices.join(", ")}`, unknown, choices);
  };
  const sizes = query.get("sizes") ?? AUTOMATIC;
  const ids = variants.map(({ id }) => id);
  const request: Request = {
    sizes: sizes === AUTOMATIC ? null : sizes,
    tokens: query.get("tokens"),
    dtypes: list("dtype", DTYPES, ["float32"]),
    precisions: list("precision", PRECISIONS, ["default"]),
    activation: list("activation", ACTIVATIONS, ["silu"])[0],
    modes: list("modes", MODES, ["forward", "full"]),
    variants: list("variants", ids, ids),
    webgpus: [BROWSER],
    adapter: "high-performance",
    seed: SEED,
    checkSeed: null,
    flush: true,
    minTimeMs: null,
    samples: null,
    memoryBudget: null,
    dryRun: false,
  };
  problemsOf(request);
  return request;
}

/** What a report tells of the settings of a job, as bench.ts does. */
export function settingsOf({ adapter, seed, flush, minTimeMs, samples, memoryBudget }: Job) {
  return { adapter, seed, flush, minTimeMs, samples, memoryBudget, tuned: 0 };
}

/** The job of a query. @throws {ArgumentError} If it asks for what there is not. */
export function jobOfQuery(query: URLSearchParams): Job {
  return jobOf(requestOf(query));
}
