/**
 * How much memory each variant needs.
 *
 * @module
 */

import { byteUnit, formatBytes, least, significant, type Unit } from "../report/format.ts";
import type { MemoryReport, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type Bar, barPanel, cutNotes } from "./bars.ts";
import { type Drawn, modesOf, modeWords, orderOf, type View } from "./chart.ts";
import { absence, absenceTip } from "./times.ts";

/** The figures of memory that have a panel. */
const KINDS: readonly { title: string; of: (memory: MemoryReport) => number | null; predicted: boolean }[] = [
  { title: "peak", of: (memory) => memory.peakBytes, predicted: true },
  { title: "saved for backward", of: (memory) => memory.savedBytes, predicted: false },
  { title: "workspace", of: (memory) => memory.workspaceBytes, predicted: false },
];

function bar(row: Row, { kind, unit }: { kind: typeof KINDS[number]; unit: Unit }): Bar {
  const { memory, variant } = row;
  if (memory === null) return { variant, value: null, text: absence(row), tip: absenceTip(row) };
  const bytes = kind.of(memory);
  if (bytes === null) {
    return { variant, value: null, text: "not known", tip: `${plain(variant, 60)}: not known` };
  }
  const predicted = kind.predicted ? memory.predictedPeakBytes : null;
  const tip = `${plain(variant, 60)}, ${row.mode}: ${kind.title} ${formatBytes(bytes)}`;
  return {
    variant,
    value: bytes / unit.size,
    text: bytes === 0 ? "0" : significant(bytes / unit.size, 3),
    tip: predicted === null ? tip : `${tip}, predicted ${formatBytes(predicted)}`,
    mark: predicted === null ? null : predicted / unit.size,
  };
}

/** Draws peak, saved and workspace bytes, in a row of panels for each mode. */
export function drawMemory(view: View): Drawn {
  const peaks = view.rows.map((row) => row.memory?.peakBytes || null);
  const smallest = least(peaks);
  if (smallest === Infinity) return { reason: "no row has figures of memory" };
  const unit = byteUnit(smallest);
  const plates = modesOf(view.rows).flatMap((mode) => {
    const rows = view.rows.filter((row) => row.mode === mode);
    return KINDS.map((kind) => ({ mode, kind, bars: rows.map((row) => bar(row, { kind, unit })) }));
  });
  return {
    title: `Memory: ${modeWords(view.rows)}`,
    panels: plates.map(({ mode, kind, bars }) => ({
      ...barPanel(bars, {
        order: orderOf(view),
        axis: `${kind.title}, ${unit.name}`,
        width: view.panelWidth,
        showNames: kind === KINDS[0] || view.across === 1,
      }),
      title: { text: `${mode}: ${kind.title}`, fontSize: 12, offset: 6, anchor: "middle", frame: "group" },
    })),
    columns: Math.min(KINDS.length, view.across),
    notes: [
      [
        "Bytes beyond inputs, weights and dy. Black tick: predicted peak.",
        ...cutNotes(plates.map(({ bars }) => bars)),
      ].join(" "),
    ],
  };
}
