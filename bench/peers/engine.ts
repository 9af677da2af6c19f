/** What a peer's program that runs in Deno makes of its library. */
import type { HostInputs } from "../oracle/data.ts";
import type { OracleOutputs } from "../oracle/mod.ts";
import type { Mode } from "../measure/shapes.ts";
import type { PeerJob } from "./peer.ts";
import type { DeviceWatch } from "./watch.ts";

/** The inputs as they lie in the files: little-endian elements of the problem's dtype, row-major. */
export type InputBytes = Readonly<Record<keyof HostInputs, Uint8Array<ArrayBuffer>>>;

/** Outputs on the CPU, as floats of any width; only y forward. */
export type HostOutputs =
  & Readonly<{ y: ArrayLike<number> }>
  & Readonly<Partial<Record<Gradient, ArrayLike<number>>>>;

type Gradient = Exclude<keyof OracleOutputs, "y">;

/** One mode, ready to run; its inputs lie on the device. */
export interface Engine<Result> {
  /** Starts a run. What it gives stays on the device. */
  run(): Result | Promise<Result>;
  /** Waits until these runs, all that are under way, are done. */
  finish(results: readonly Result[]): Promise<void>;
  /** Reads back what a run gave. */
  read(result: Result): Promise<HostOutputs>;
  /** Frees what a finished run gave. */
  discard(result: Result): void;
}

/** A library, loaded, on a device. */
export interface Session<Result> {
  /** Project, version and way of calling it. */
  readonly implementation: string;
  /** Uploads what a mode needs and the modes before it did not. */
  prepare(mode: Mode): Engine<Result> | Promise<Engine<Result>>;
}

/** What a session is opened with. */
export interface Surroundings {
  readonly job: PeerJob;
  readonly inputs: InputBytes;
  readonly watch: DeviceWatch;
}
