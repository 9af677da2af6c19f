/**
 * What a page can know of the visitor's machine.
 *
 * @module
 */

import type { Machine } from "../report/context.ts";

/** What a browser tells of itself. Only some tell their brands, and Deno's types know none. */
export interface Visitor {
  readonly userAgent: string;
  readonly hardwareConcurrency: number;
  readonly userAgentData?: {
    readonly platform: string;
    readonly brands: readonly { readonly brand: string; readonly version: string }[];
  };
}

/** How browsers that tell no brands name themselves, and where their version stands. */
const BROWSERS: readonly (readonly [name: string, version: RegExp])[] = [
  ["Firefox", /Firefox\/([\d.]+)/],
  ["Chrome", /Chrome\/([\d.]+)/],
  ["Safari", /Version\/([\d.]+).*Safari/],
];

/** The machine, the browser and the suite. */
export function machineOf(visitor: Visitor, suite: string): Machine {
  const { hardwareConcurrency: cores, userAgent, userAgentData } = visitor;
  return {
    system: userAgentData?.platform || /\(([^;)]*)/.exec(userAgent)?.[1] || "unknown",
    cores,
    load: null,
    versions: { suite, ...browserOf(visitor) },
  };
}

/** Brands hold the engine, the browser, and one that is no browser at all. */
function browserOf({ userAgent, userAgentData }: Visitor): Record<string, string> {
  const brands = userAgentData?.brands.filter(({ brand }) => !/not.*brand/i.test(brand)) ?? [];
  const brand = brands.find(({ brand }) => brand !== "Chromium") ?? brands[0];
  if (brand) return { [brand.brand]: brand.version };
  const found = BROWSERS.find(([, version]) => version.test(userAgent));
  return found ? { [found[0]]: found[1].exec(userAgent)![1] } : { browser: userAgent };
}
