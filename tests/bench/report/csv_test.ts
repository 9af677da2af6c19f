import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { renderCsv } from "../../../bench/report/csv.ts";
import { oneRow, syntheticReport } from "./fixture.ts";

/** The cells of a CSV whose cells hold no line break, quoted cells undone. */
function cellsOf(csv: string): string[][] {
  return csv.trimEnd().split("\r\n").map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((cell) =>
      cell[1]?.replaceAll('""', '"') ?? cell[2]
    )
  );
}

/** The only record, by heading. */
function recordOf(csv: string): Record<string, string> {
  const [headings, cells] = cellsOf(csv);
  assertEquals(cells.length, headings.length);
  return Object.fromEntries(headings.map((heading, i) => [heading, cells[i]]));
}

Deno.test("renderCsv() writes one record for each row, skipped and failed ones included", () => {
  const report = syntheticReport({ faults: true, samples: 3 });
  const lines = cellsOf(renderCsv(report));
  assertEquals(lines.length, 1 + report.rows.length);
  assertEquals(new Set(lines.map((cells) => cells.length)).size, 1);
});

Deno.test("renderCsv() writes figures as numbers and leaves cells of what was not measured empty", () => {
  const report = oneRow({ compileMs: null });
  const record = recordOf(renderCsv(report));
  const { gpuNs } = report.rows[0].timing!;
  assertEquals(Number(record.gpuMedianNs), gpuNs!.median);
  assertEquals(Number(record.gpuCiLowNs), gpuNs!.ci![0]);
  assertEquals(Number(record.errorY), report.rows[0].accuracy!.y);
  assertEquals(record.device, "Synthetic GPU 9000");
  assertEquals([record.compileMs, record.errorDx, record.reservedBytes, record.reason], ["", "", "", ""]);
});

Deno.test("renderCsv() lets no text become a formula", () => {
  for (const start of ["=", "+", "-", "@", "\t", "\r", "\n=", " =", "\uFF1D", "\t="]) {
    const reason = `${start}HYPERLINK("x"),1`;
    const cell = recordOf(renderCsv(oneRow({ status: "failed", timing: null, reason }))).reason;
    assert(cell.startsWith("'"), JSON.stringify({ start, cell }));
    assertStringIncludes(cell, 'HYPERLINK("x"),1');
  }
  assertEquals(recordOf(renderCsv(oneRow({ tile: "64x128x16" }))).tile, "64x128x16");
});

Deno.test("renderCsv() keeps a reason of several lines in one record", () => {
  const csv = renderCsv(oneRow({ status: "failed", timing: null, reason: 'line 1\r\nline "2", b' }));
  assertEquals(recordOf(csv).reason, 'line 1 line "2", b');
});

Deno.test("renderCsv() writes the heading of a report without rows", () => {
  assertEquals(cellsOf(renderCsv({ ...oneRow(), rows: [] })).length, 1);
});
