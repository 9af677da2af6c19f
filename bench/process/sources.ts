/**
 * Short names of reports, from their paths.
 *
 * @module
 */

/** The file's name without its ending, in letters that file names can have. */
function stem(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.json$/i, "");
  return name.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 60) || "report";
}

/** One name for each path, no two alike. A name that comes again gets a number. */
export function sourceNames(paths: readonly string[]): string[] {
  const used = new Set<string>();
  return paths.map((path) => {
    const base = stem(path);
    let name = base;
    for (let i = 2; used.has(name); i++) name = `${base}-${i}`;
    used.add(name);
    return name;
  });
}
