/**
 * `bench.ts --list`.
 *
 * @module
 */

import type { ActivationName } from "../../kernels/activation.ts";
import type { Variant } from "../../variants/variant.ts";
import { PRESETS } from "../measure/presets.ts";
import type { Peer } from "../peers/mod.ts";
import { renderEntries } from "../process/listing.ts";
import type { Layout } from "../report/layout.ts";

/** All that can be asked for by name, as text. */
export function listing(
  { variants, activations, peers, layout }: {
    variants: readonly Variant[];
    activations: readonly ActivationName[];
    peers: readonly Peer[];
    layout: Layout;
  },
): string {
  return renderEntries({
    Variants: variants.map(({ id, origin, idea }) => ({ name: id, note: `${origin}: ${idea}` })),
    Peers: peers.map(({ id, project, usage }) => ({
      name: id,
      note: project === id ? usage : `${project}: ${usage}`,
    })),
    Presets: PRESETS.map(({ name, tokens, dim, hiddenDim, source }) => ({
      name,
      note: `${tokens === undefined ? "" : `${tokens}x`}${dim}x${hiddenDim}, ${source}`,
    })),
    Activations: activations.map((name) => ({ name, note: "" })),
  }, layout);
}
