/**
 * How far a run is. On a terminal that is one line, which is overwritten and vanishes; elsewhere it is plain lines.
 *
 * @module
 */

import { Estimate } from "../report/estimate.ts";
import { type Layout, paint } from "../report/layout.ts";
import { plain } from "../report/shape.ts";

/** Where progress goes. */
export interface ProgressOutput {
  /** Writes text, without control characters but colours. */
  write(text: string): void;
  /** Empties the line that the cursor is on. */
  erase(): void;
  isTerminal: boolean;
  layout: Layout;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

/** Least columns of the progress line. */
const LEAST_COLUMNS = 20;

/** Tells how far a run is and how long it will still take. */
export class Progress {
  readonly layout: Layout;
  readonly #output: ProgressOutput;
  readonly #estimate: Estimate;
  #shown = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.layout = output.layout;
    this.#estimate = new Estimate(() => output.now());
  }

  /** Shows what is being done, but only on a terminal. It would fill a log. */
  update(doing: string, fraction: number): void {
    this.#estimate.advance(fraction);
    if (!this.#output.isTerminal) return;
    const line = plain(
      [this.#estimate.text, doing].join("  "),
      Math.max(this.layout.columns - 1, LEAST_COLUMNS),
    );
    this.#output.erase();
    this.#output.write(line);
    this.#shown = true;
  }

  /** Prints a line that stays. */
  line(text: string): void {
    this.clear();
    this.#output.write(`${text}\n`);
  }

  /**
   * Prints a line about something finished, with what is left. A terminal, which has the progress line and gets a
   * table for each problem with the reasons of skipped rows, shows only what is important, in one line.
   */
  finished(text: string, { important }: { important: boolean }): void {
    if (!this.#output.isTerminal) this.line(`${this.#estimate.text}  ${text}`);
    else if (important) this.line(paint("doubt", plain(text, this.layout.columns), this.layout));
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#output.erase();
    this.#shown = false;
  }
}
