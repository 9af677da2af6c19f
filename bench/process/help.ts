/**
 * The text of `--help`, made from tables.
 *
 * @module
 */

import { type Layout, paint, proseWidth } from "../report/layout.ts";
import { wrap } from "../report/text.ts";

/** One argument. */
export interface HelpFlag {
  /** As it is written, without its value: a name with dashes, or what stands for a file. */
  readonly name: string;
  /** What stands for its value; absent where it takes none. */
  readonly value?: string;
  /** One sentence without its full stop. */
  readonly help: string;
  /** What it is where it does not come. */
  readonly standard?: string;
}

/** What a command's help says. */
export interface HelpPage {
  /** What the command does. */
  readonly intro: string;
  readonly usage: readonly string[];
  readonly groups: readonly { readonly title: string; readonly flags: readonly HelpFlag[] }[];
  /** Command lines, and what each does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  readonly statuses: readonly (readonly [status: number, meaning: string])[];
  /** Where to read on. */
  readonly more?: string;
}

/** Columns of a flag with its value, where the terminal is wide enough. */
const LEAD = 29;

/** A page as text. */
export function renderHelp(page: HelpPage, layout: Layout): string {
  const width = proseWidth(layout);
  const title = (text: string) => ["", paint("bold", text, layout)];
  const lines = [
    ...wrap(page.intro, { width }),
    ...title("Usage"),
    ...page.usage.map((line) => `  ${line}`),
    ...title("Examples"),
    ...page.examples.flatMap(([command, does]) => [
      `  ${command}`,
      ...wrap(does, { width, lead: "      " }).map((line) => paint("dim", line, layout)),
    ]),
    ...page.groups.flatMap((group) => [
      ...title(group.title),
      ...group.flags.flatMap((flag) => flagLines(flag, width)),
    ]),
    ...title("Exit status"),
    ...page.statuses.flatMap(([status, meaning]) => wrap(meaning, { width, lead: `  ${status}  ` })),
  ];
  return [...lines, ...page.more === undefined ? [] : ["", ...wrap(page.more, { width })]].join("\n");
}

function flagLines({ name, value, help, standard }: HelpFlag, width: number): string[] {
  const lead = `  ${name}${value === undefined ? "" : ` ${value}`}`;
  const text = standard === undefined ? help : `${help} [default: ${standard}]`;
  if (lead.length < LEAD) return wrap(text, { width, lead: lead.padEnd(LEAD) });
  return [lead, ...wrap(text, { width, lead: " ".repeat(LEAD) })];
}
