import { variants } from "./mod.ts";
import type { VariantInfo } from "./variant.ts";

/**
 * The implementations that an option can name, from the plainest to this project's own.
 *
 * @example What there is
 * ```ts
 * import { variants } from "@swiglu/webgpu";
 *
 * for (const { id, idea, saves } of variants) console.log(`${id}: ${idea}; saves ${saves.join(", ") || "nothing"}`);
 * ```
 */
export const catalog: readonly VariantInfo[] = variants;
