import type { Activation } from "./activation.ts";
import { elementwise } from "./elementwise.ts";
import type { Recorder } from "./gpu/recorder.ts";
import type { View } from "./view.ts";

/** The element-wise half of a gated linear unit, h = act(g) * u. */
export function gatedForward(
  recorder: Recorder,
  { g, u, h, activation }: { g: View; u: View; h: View; activation: Activation },
): void {
  elementwise(recorder, {
    label: "h = act(g) u",
    inputs: { g, u },
    outputs: [{ to: h, value: "activate(g) * u" }],
    activation,
  });
}

/** Its derivative: dg = dh u act'(g), du = dh act(g). Outputs may be inputs; `h`, where given, is recomputed too. */
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
  elementwise(recorder, {
    label: h ? "h, dg, du from dh, g, u" : "dg, du from dh, g, u",
    inputs: { dh, g, u },
    outputs: [
      { to: dg, value: "dh * u * activate_derivative(g)" },
      { to: du, value: "dh * activate(g)" },
      ...h ? [{ to: h, value: "activate(g) * u" }] : [],
    ],
    activation,
  });
}
