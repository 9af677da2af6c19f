/**
 * Whether two processes of one run, or a resumed run, have the same adapter.
 *
 * @module
 */

import type { AdapterReport } from "./schema.ts";
import { plain } from "./shape.ts";

/** Fields that tell one adapter from another, or one driver of an adapter from another. */
const ADAPTER_FACTS: readonly (keyof AdapterReport & ("vendor" | "device" | "description"))[] = [
  "vendor",
  "device",
  "description",
];

/** How an adapter differs from that of the report, as a clause; null if it does not. */
export function differenceOf(before: AdapterReport, now: AdapterReport): string | null {
  const fact = ADAPTER_FACTS.find((fact) => before[fact] !== now[fact]);
  if (fact === undefined) return null;
  const quoted = (text: string) => JSON.stringify(plain(text, 100));
  return `the adapter's ${fact} must be ${quoted(before[fact])}, as in the report: current value is ${
    quoted(now[fact])
  }`;
}
