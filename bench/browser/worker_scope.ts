/**
 * What a worker's own scope has: the types of Deno's main thread have none of it.
 *
 * @module
 */

interface WorkerScope<In, Out> {
  onmessage: ((event: { readonly data: In }) => void) | null;
  postMessage(message: Out): void;
}

/** Answers every message that this worker gets. */
export function serve<In, Out>(answer: (message: In, tell: (message: Out) => void) => Promise<void>): void {
  const scope = globalThis as unknown as WorkerScope<In, Out>;
  scope.onmessage = ({ data }) => void answer(data, (message) => scope.postMessage(message));
}
