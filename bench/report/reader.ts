/**
 * Reads reports, which may come from anywhere. Every input gives a {@link Report} or throws a {@link ReportError}.
 *
 * @module
 */

import { type Report, report, SCHEMA } from "./schema.ts";
import { plain, record, refuse, ReportError, type ValuePlace } from "./shape.ts";

export { ReportError };

/** Throws unless the schema is the one that this program knows. The message tells newer reports from other files. */
function checkSchema(value: unknown, name: string): void {
  const at: ValuePlace = { name, path: "$" };
  record({})(value, at);
  const schema = Object.hasOwn(value as object, "schema") ? (value as { schema: unknown }).schema : undefined;
  if (schema === SCHEMA) return;
  const version = typeof schema === "string" ? /^swiglu-bench\/(\d{1,9})$/.exec(schema) : null;
  if (version !== null && Number(version[1]) > Number(SCHEMA.split("/")[1])) {
    throw new ReportError(
      `Cannot read ${
        plain(name, 200)
      } as its schema ${schema} is newer than ${SCHEMA}, the newest that this version reads: update the suite`,
    );
  }
  refuse(schema, { name, path: "$.schema" }, `"${SCHEMA}", which bench.ts writes`);
}

/**
 * Reads a report from JSON text.
 *
 * @param text The file's content
 * @param name The file's name, for messages
 * @throws {ReportError} If the text is not JSON, has another schema, or breaks a rule of the schema. The message is one
 * line that names the file, the JSON path, the rule and the value.
 */
export function parseReport(text: string, name: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = plain(error instanceof Error ? error.message : String(error), 120);
    throw new ReportError(`Cannot read the report ${plain(name, 200)} as it is not JSON: ${why}`);
  }
  checkSchema(value, name);
  report(value, { name, path: "$" });
  return value as Report;
}
