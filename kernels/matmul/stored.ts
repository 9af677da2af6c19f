import type { View } from "../view.ts";
import type { Layout } from "./config.ts";
import type { MatmulRequest } from "./request.ts";

/**
 * A request whose views may be transposed, as requests for the rows as they are stored: W [out, in] in place of W [in, out]
 * turns nn into nt, and nt into nn. An output that is transposed is the product of the operands in the other order: C^T = B^T
 * A^T. Its column blocks then share B in place of A, so that each is a request of its own.
 *
 * @throws {RangeError} If both operands would be stored transposed, or a transposed output has a gated epilogue or a gated A.
 */
export function asStored(request: MatmulRequest): MatmulRequest[] {
  const { label, out, gatedA = false, epilogue = "store" } = request;
  const [a, b] = [flagOf(request, "a"), flagOf(request, "b")];
  const [layoutA, layoutB] = [letter(request.layout[0], a), letter(request.layout[1], b)];
  if (!flagOf(request, "out")) {
    const layout = checkedLayout(label, layoutA + layoutB);
    return [{ ...request, layout, a: request.a.map(asRows), b: request.b.map(asRows) }];
  }
  if (gatedA || epilogue.startsWith("gated")) {
    throw new RangeError(
      `Cannot compute ${label} transposed as it must be stored and A must not be gated: current value is ${
        gatedA ? "gated A" : epilogue
      }`,
    );
  }
  const { columns = 1 } = request;
  const layout = checkedLayout(label, letter(layoutB, true) + letter(layoutA, true));
  return out.map((view, column) => ({
    ...request,
    layout,
    columns: 1,
    a: request.b.filter((_, i) => i % columns === column).map(asRows),
    b: request.a.map(asRows),
    out: [asRows(view)],
  }));
}

/** Whether the views of a side are transposed: all or none, as they are one kind of operand. */
function flagOf(request: MatmulRequest, side: "a" | "b" | "out"): boolean {
  const flags = new Set(request[side].map(({ transposed = false }) => transposed));
  if (flags.size < 2) return flags.has(true);
  throw new RangeError(
    `Cannot compute ${request.label} as all of ${side} or none must be transposed: current value is both`,
  );
}

const letter = (stored: string, flips: boolean) => flips ? (stored === "n" ? "t" : "n") : stored;

function checkedLayout(label: string, layout: string): Layout {
  if (layout !== "tt") return layout as Layout;
  throw new RangeError(
    `Cannot compute ${label} as one operand may be stored transposed: current value is both`,
  );
}

const asRows = ({ transposed: _, ...view }: View): View => view;
