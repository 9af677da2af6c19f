/** The interfaces that a peer's program in Deno implements with its library. */
import type { HostInputs } from "../oracle/data.ts";
import type { OracleOutputs } from "../oracle/mod.ts";
import type { Mode } from "../measure/shapes.ts";
import type { PeerJob } from "./peer.ts";
import type { DeviceWatch } from "./watch.ts";

/** The inputs as the files hold them: little-endian elements of the problem's dtype, row-major. */
export type InputBytes = Readonly<Record<keyof HostInputs, Uint8Array<ArrayBuffer>>>;

/** Outputs on the CPU, as floats of any width. Forward gives only y. */
export type HostOutputs =
  & Readonly<{ y: ArrayLike<number> }>
  & Readonly<Partial<Record<Gradient, ArrayLike<number>>>>;

type Gradient = Exclude<keyof OracleOutputs, "y">;

/** One mode, ready to run. Its inputs are on the device. */
export interface Engine<Result> {
  /** Starts a run. Its result stays on the device. */
  run(): Result | Promise<Result>;
  /** Waits until these runs are done. No others are under way. */
  finish(results: readonly Result[]): Promise<void>;
  /** Reads the result of a run back. */
  read(result: Result): Promise<HostOutputs>;
  /** Frees the result of a finished run. */
  discard(result: Result): void;
}

/** A loaded library on a device. */
export interface Session<Result> {
  /** Project, version and way of calling it. */
  readonly implementation: string;
  /** Prepares a mode. It uploads only inputs that no earlier mode needed. */
  prepare(mode: Mode): Engine<Result> | Promise<Engine<Result>>;
}

/** What a session is given when it is opened. */
export interface Surroundings {
  readonly job: PeerJob;
  readonly inputs: InputBytes;
  readonly watch: DeviceWatch;
}
