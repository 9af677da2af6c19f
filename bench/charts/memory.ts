/**
 * How much memory each variant needs.
 *
 * @module
 */

import { byteUnit, formatBytes, least, significant, type Unit } from "../report/format.ts";
import type { MemoryReport, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type Bar, barPanel, dotsNote, needsDots } from "./bars.ts";
import { type ChartView, type Drawn, modesOf, orderOf } from "./chart.ts";
import { smallestFinding } from "./findings.ts";
import { namesWidth, panelTitle, panelWidth } from "./layout.ts";
import { absence, absenceTip } from "./times.ts";

/** A figure of memory: its name, and whether it was predicted too. */
export interface MemoryKind {
  title: string;
  /** The same in a word, for its axis. */
  word: string;
  of: (memory: MemoryReport) => number | null;
  predicted: boolean;
}

const PEAK: MemoryKind = { title: "peak", word: "peak", of: (memory) => memory.peakBytes, predicted: true };

/** The figures of memory that have a panel. */
export const MEMORY_KINDS: readonly MemoryKind[] = [
  PEAK,
  { title: "saved for backward", word: "saved", of: (memory) => memory.savedBytes, predicted: false },
  { title: "workspace", word: "workspace", of: (memory) => memory.workspaceBytes, predicted: false },
];

function bar(row: Row, { kind, unit }: { kind: MemoryKind; unit: Unit }): Bar {
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

/** A panel that could be drawn: one mode, one kind of memory. */
interface MemoryPanel {
  name: string;
  kind: MemoryKind;
  bars: Bar[];
}

/** The panels of one kind of memory, a mode each. */
function cellsOf(view: ChartView, { kind, unit }: { kind: MemoryKind; unit: Unit }): MemoryPanel[] {
  return modesOf(view.rows).map((mode) => ({
    name: `${mode}: ${kind.title}`,
    kind,
    bars: view.rows.filter((row) => row.mode === mode).map((row) => bar(row, { kind, unit })),
  }));
}

const isEmpty = ({ bars }: MemoryPanel) => bars.every(({ value }) => !value);

/** Draws peak, saved and workspace bytes, each in a row with a panel for each mode. */
export function drawMemory(view: ChartView): Drawn {
  return drawMemoryOf(view, MEMORY_KINDS);
}

/** Draws some figures of memory. Panels of zeros are left out. */
export function drawMemoryOf(view: ChartView, kinds: readonly MemoryKind[]): Drawn {
  const smallest = least(view.rows.map((row) => row.memory?.peakBytes || null));
  if (smallest === Infinity) return { reason: "no row has figures of memory" };
  const unit = byteUnit(smallest);
  const order = orderOf(view);
  const all = kinds.map((kind) => cellsOf(view, { kind, unit }));
  const rows = all.map((cells) => cells.filter((cell) => !isEmpty(cell))).filter((cells) => cells.length > 0);
  if (rows.length === 0) {
    return { reason: `nothing is known to be more than 0: ${all.flat().map(({ name }) => name).join(", ")}` };
  }
  const dots = needsDots(rows.flat().map(({ bars }) => bars));
  const empty = all.flat().filter(isEmpty).map(({ name }) => name);
  const panels = rows.map((cells) =>
    cells.map(({ name, kind, bars }, i) => ({
      ...barPanel(bars, {
        order,
        axis: `${kind.word}, ${unit.name}`,
        width: panelWidth(view, { count: cells.length, once: namesWidth(order) }),
        showNames: i === 0,
        dots,
      }),
      ...panelTitle(name, view),
    }))
  );
  return {
    title: kinds.includes(PEAK)
      ? smallestFinding(view.rows)
      : `Memory: ${kinds.map(({ title }) => title).join(", ")}`,
    panels,
    notes: [
      [
        "Bytes beyond inputs, weights and dy.",
        ...kinds.includes(PEAK) ? ["Black tick: predicted peak."] : [],
        ...dotsNote(dots),
      ].join(" "),
      ...empty.length > 0
        ? [`Left out, as nothing there is known to be more than 0: ${empty.join(", ")}.`]
        : [],
    ],
  };
}
