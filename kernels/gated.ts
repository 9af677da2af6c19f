import type { Activation } from "./activation.ts";
import { gateFormulas } from "./activation_wgsl.ts";
import { elementwise, elementwiseLaunch } from "./elementwise.ts";
import type { Recorder } from "./gpu/recorder.ts";
import { boundLaunch, type Launch } from "./launch.ts";
import type { View } from "./view.ts";

/** The operands of {@linkcode gatedForward}. */
export interface GatedForward {
  readonly g: View;
  readonly u: View;
  readonly h: View;
  readonly activation: Activation;
}

/** Records the element-wise half of a gated linear unit, h = act(g) * u. */
export function gatedForward(recorder: Recorder, operands: GatedForward): void {
  recorder.dispatch(boundLaunch(gatedForwardLaunch(operands), recorder.capabilities));
}

/** The launch of {@linkcode gatedForward}. */
export function gatedForwardLaunch({ g, u, h, activation }: GatedForward): Launch {
  const outputs = [{ to: h, value: gateFormulas(activation).hidden("activate(g)", "u") }];
  return elementwiseLaunch({ label: "h = act(g) u", inputs: { g, u }, outputs, activation });
}

/**
 * Records its derivative: dg = dh u act'(g), du = dh act(g). Outputs may be inputs too. A given `h` is computed again.
 */
export function gatedBackward(
  recorder: Recorder,
  { dh, g, u, dg, du, h, activation }: {
    dh: View;
    g: View;
    u: View;
    dg: View;
    du: View;
    h?: View;
    activation: Activation;
  },
): void {
  const formulas = gateFormulas(activation);
  elementwise(recorder, {
    label: h ? "h, dg, du from dh, g, u" : "dg, du from dh, g, u",
    inputs: { dh, g, u },
    outputs: [
      { to: dg, value: formulas.gate("dh", "g", "u") },
      { to: du, value: formulas.up("dh", "activate(g)", "u") },
      ...h ? [{ to: h, value: formulas.hidden("activate(g)", "u") }] : [],
    ],
    activation,
  });
}
